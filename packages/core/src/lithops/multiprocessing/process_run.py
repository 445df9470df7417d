"""What a process is in its worker: its call, from the first line to its exit code."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from lithops.multiprocessing.process import BaseProcess, swap_current, take_children
from lithops.multiprocessing.process_exit import end_children
from lithops.worker import context

if TYPE_CHECKING:
    from lithops.future import ResponseFuture

__all__ = ["Bootstrap", "exit_code_of"]

log = logging.getLogger(__name__)


class Bootstrap:
    """The function of a process's call: runs the process, and gives its exit code."""

    def __init__(self, process: BaseProcess) -> None:
        self.__name__ = process.name
        self._process: BaseProcess | None = process
        self._argv = list(sys.argv)

    def __call__(self) -> int:
        process, self._process = self._process, None  # the worker keeps functions; what this one held must go
        assert process is not None
        process._parent_pid = 0
        state = sys.modules.get("lithops.multiprocessing.state")
        if state is not None:
            state.new_identity()
        context.retire()  # the next process begins with nothing that this one leaves behind
        before = swap_current(process)
        argv, sys.argv = sys.argv, self._argv
        streams = sys.stdin, sys.stdout, sys.stderr
        try:
            return _run(process)
        finally:
            take_children()
            sys.stdin, sys.stdout, sys.stderr = streams
            sys.argv = argv
            swap_current(before)
            state = sys.modules.get("lithops.multiprocessing.state")
            if state is not None:
                state.end_identity()


def _run(process: BaseProcess) -> int:
    code = 1
    threads = set(threading.enumerate())
    try:
        try:
            process.run()
            code = 0
        finally:
            end_children()
            _join_threads(threads)
    except SystemExit as exc:
        if exc.code is None:
            code = 0
        elif isinstance(exc.code, int):
            code = exc.code
        else:
            sys.stderr.write(f"{exc.code}\n")
            code = 1
    except BaseException:  # the user's code may raise anything
        code = 1
        sys.stderr.write(f"Process {process.name}:\n{traceback.format_exc()}")
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError):  # the user's code replaced or closed it
                stream.flush()
    return code


def _join_threads(known: set[threading.Thread]) -> None:
    """Wait for the threads that a process started and that are no daemons, as the end of any process does."""
    for thread in threading.enumerate():
        if thread not in known and not thread.daemon and thread is not threading.current_thread():
            thread.join()


def exit_code_of(future: ResponseFuture) -> int:
    """Say how a process ended, by how its call did."""
    call = future.__lithops_call__
    if future.success:
        return int(future.result(0))
    error = call.status.error if call.status is not None else None
    if error is not None and error.exit_code is not None:
        return error.exit_code
    if error is not None and error.signal is not None:
        return -error.signal
    log.warning("a process did not run to its end: %s", future.exception(0))
    return 1
