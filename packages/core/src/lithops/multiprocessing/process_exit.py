"""How processes begin as calls, and how they end with this process: daemons at once, the others when they are done."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from typing import TYPE_CHECKING

from lithops.errors import LithopsError
from lithops.multiprocessing.executors import close_shared, shared_executor, submit

if TYPE_CHECKING:
    from lithops.executor import FunctionExecutor
    from lithops.future import ResponseFuture
    from lithops.multiprocessing.process import BaseProcess

__all__ = ["begin", "end_children", "watch_exit"]

_is_watched = False
_lock = threading.Lock()


def begin(process: BaseProcess, executor: FunctionExecutor | None) -> ResponseFuture:
    """Submit the call of a process."""
    from lithops.future import ResponseFuture
    from lithops.multiprocessing.process_run import Bootstrap
    from lithops.multiprocessing.servers import server_for_workers

    process._server = server_for_workers()
    blocks = submit(executor or shared_executor(), Bootstrap(process), [()], retries=0)
    [call] = [call for block in blocks for call in block]
    return ResponseFuture(call)


def end_children() -> None:
    """End the daemons among the children of this process, and wait for the others."""
    from lithops.multiprocessing.process import active_children

    children = active_children()
    for child in children:
        if child.daemon:
            with contextlib.suppress(LithopsError):  # the backend cannot end calls: it ends them by itself
                child.terminate()
    for child in children:
        if not child.daemon:
            child.join()


def watch_exit() -> None:
    """See to it that the exit of this process waits for its children. Once.

    Before other handlers of the exit, such as the one that deletes what processes share: therefore by the hook that the
    standard library's executors use, where Python has it.
    """
    global _is_watched
    with _lock:
        if _is_watched:
            return
        _is_watched = True
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        with contextlib.suppress(RuntimeError):  # this process is at its end already
            register(_wait_for_children)
    atexit.register(_end)


def _wait_for_children() -> None:
    if _was_interrupted():
        return
    with contextlib.suppress(KeyboardInterrupt):
        end_children()


def _end() -> None:
    _wait_for_children()
    close_shared()


def _was_interrupted() -> bool:
    """Tell whether Ctrl-C ended the program: it ends children too, which do not hear of it themselves."""
    kind = getattr(sys, "last_type", None)
    return isinstance(kind, type) and issubclass(kind, KeyboardInterrupt)
