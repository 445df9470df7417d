"""`multiprocessing.Process` as one call of the shared executor, and who the current process is."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lithops.errors import NotSupportedError

if TYPE_CHECKING:
    from lithops.executor import FunctionExecutor
    from lithops.future import ResponseFuture
    from lithops.types import StorageRef

__all__ = [
    "BaseProcess",
    "Process",
    "active_children",
    "current_process",
    "make_pool_worker",
    "parent_process",
    "swap_current",
    "take_children",
]

FIRST_PID = 1 << 22
"""Numbers of processes are made up, and above all that an operating system gives: `os.kill` can hurt nobody by them."""

TERMINATED, KILLED = -15, -9


class AuthenticationString(bytes):
    """A key that does not travel."""

    def __reduce__(self) -> Any:
        raise TypeError("an authentication key is not pickled: it would lie open in a store; give a child its own")


class BaseProcess:
    """What a process is known by, in itself and in its parent."""

    _identity: tuple[int, ...]
    _daemon: bool
    _authkey: bytes
    _parent: tuple[str, int | None]
    _children_numbers: Iterator[int]
    _server: StorageRef | None
    """In a worker: the Redis server that the client has configured for what processes share."""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
        executor: FunctionExecutor | None = None,
    ) -> None:
        if group is not None:
            raise AssertionError("group argument must be None for now")
        parent = current_process()
        self._identity: tuple[int, ...] = (*parent._identity, next(parent._children_numbers))
        self._name = str(name) if name else f"{type(self).__name__}-{':'.join(map(str, self._identity))}"
        self._daemon = parent._daemon if daemon is None else bool(daemon)
        self._authkey = parent._authkey
        self._parent: tuple[str, int | None] = (parent.name, parent.ident)
        self._parent_pid = os.getpid()
        self._children_numbers = itertools.count(1)
        self._target = target
        self._args = tuple(args)
        self._kwargs = dict(kwargs or {})
        self._ident: int | None = None
        self._future: ResponseFuture | None = None
        self._executor = executor
        self._server: StorageRef | None = None
        self._ended_by: int | None = None
        self._closed = False

    def run(self) -> None:
        """Do what the process is for: call the target. Subclasses override it."""
        if self._target:
            self._target(*self._args, **self._kwargs)

    def start(self) -> None:
        """Start the process: it runs on a worker of its own."""
        self._check_closed()
        if self._future is not None:
            raise AssertionError("cannot start a process twice")
        if self._parent_pid != os.getpid():
            raise AssertionError("can only start a process object created by current process")
        if current_process()._daemon:
            raise AssertionError("daemonic processes are not allowed to have children")
        from lithops.multiprocessing.process_exit import begin, watch_exit

        watch_exit()
        self._ident = _new_ident()
        try:
            self._future = begin(self, self._executor)
        except BaseException:
            self._ident = None
            raise
        _children.add(self)
        self._target = None  # it may hold much, and belongs to the child now
        self._args = ()
        self._kwargs = {}

    def join(self, timeout: float | None = None) -> None:
        """Wait until the process has ended, at most `timeout` seconds."""
        self._check_closed()
        future = self._started("join")
        if future.wait(None if timeout is None else max(0.0, timeout)):
            _children.discard(self)

    def is_alive(self) -> bool:
        """Tell whether the process was started and has not ended."""
        self._check_closed()
        if self is current_process():
            return True
        if self._future is None:
            return False
        if self._future.done:
            _children.discard(self)
            return False
        return True

    def terminate(self) -> None:
        """End the process at once; its `exitcode` is -15. What it has shared stays as it is."""
        self._end(TERMINATED, "terminate")

    def kill(self) -> None:
        """End the process at once; its `exitcode` is -9."""
        self._end(KILLED, "kill")

    def close(self) -> None:
        """Forget a process that has ended. Raises `ValueError` while it runs."""
        if self._future is not None:
            if not self._future.done:
                raise ValueError(
                    "Cannot close a process while it is still running. You should first call join() or terminate()."
                )
            self._ended_by = self.exitcode
            self._future = None
            _children.discard(self)
        self._closed = True

    @property
    def name(self) -> str:
        """The name, which means nothing."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError("name must be a string")
        self._name = name

    @property
    def daemon(self) -> bool:
        """Whether it ends with its parent, instead of being waited for."""
        return self._daemon

    @daemon.setter
    def daemon(self, daemonic: bool) -> None:
        if self._future is not None:
            raise AssertionError("process has already started")
        self._daemon = bool(daemonic)

    @property
    def authkey(self) -> bytes:
        """A key of this program. It guards nothing here, and does not travel: a child has one of its own."""
        return self._authkey

    @authkey.setter
    def authkey(self, authkey: bytes) -> None:
        self._authkey = AuthenticationString(authkey)

    @property
    def exitcode(self) -> int | None:
        """None while it runs; 0, 1 after an exception, n after `sys.exit(n)`, -n after a signal."""
        self._check_closed()
        if self._future is None or not self._future.done:
            return None
        if self._ended_by is None:
            from lithops.multiprocessing.process_run import exit_code_of

            self._ended_by = exit_code_of(self._future)
        return self._ended_by

    @property
    def ident(self) -> int | None:
        """A number that is made up when the process starts; None before."""
        self._check_closed()
        return self._ident

    pid = ident

    @property
    def sentinel(self) -> int:
        """Raise `NotImplementedError`: a process on another machine has no descriptor here."""
        self._check_closed()
        raise NotImplementedError("a process of Lithops has no sentinel to select on: use join(timeout) or is_alive()")

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(self.__dict__)
        for key in ("_future", "_executor", "_authkey", "_children_numbers"):
            kept.pop(key, None)
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._future = self._executor = None
        self._authkey = AuthenticationString(os.urandom(32))
        self._children_numbers = itertools.count(1)

    def __repr__(self) -> str:
        if self._closed:
            status = "closed"
        elif self is current_process():
            status = "started"
        elif self._future is None:
            status = "initial"
        else:
            code = self.exitcode
            status = "started" if code is None else f"stopped exitcode={_signal_name(code)}"
        ident = f" pid={self._ident}" if self._ident is not None else ""
        daemon = " daemon" if self._daemon else ""
        return f"<{type(self).__name__} name={self._name!r}{ident} parent={self._parent[1]} {status}{daemon}>"

    def _end(self, code: int, verb: str) -> None:
        self._check_closed()
        future = self._started(verb)
        if not future.done and self._ended_by is None:
            self._ended_by = code
            try:
                if not future.cancel():  # it ended meanwhile: by itself
                    self._ended_by = None
            except NotSupportedError as exc:
                self._ended_by = None
                raise NotSupportedError(
                    f"the process '{self._name}' goes on: its backend cannot end what was started; join it, or give it an "
                    "Event to look at"
                ) from exc
            except BaseException:
                self._ended_by = None
                raise

    def _started(self, verb: str) -> ResponseFuture:
        if self._parent_pid != os.getpid() or self is current_process():
            raise AssertionError(f"can only {verb} a child process")
        if self._future is None:
            raise AssertionError(f"can only {verb} a started process")
        return self._future

    def _check_closed(self) -> None:
        if self._closed:
            raise ValueError("process object is closed")


class Process(BaseProcess):
    """A function, or an overridden `run`, that runs beside this program on a worker of its own."""


class MainProcess(BaseProcess):
    """The process that no other process started."""

    def __init__(self) -> None:
        self._identity = ()
        self._name = "MainProcess"
        self._daemon = False
        self._authkey = AuthenticationString(os.urandom(32))
        self._parent = ("", None)
        self._parent_pid = 0
        self._children_numbers = itertools.count(1)
        self._target = None
        self._args = ()
        self._kwargs = {}
        self._ident = os.getpid()
        self._future = None
        self._executor = None
        self._server = None
        self._ended_by = None
        self._closed = False


class ParentProcess:
    """What a child knows of its parent: its name and number. It can be neither asked nor joined."""

    def __init__(self, name: str, ident: int | None) -> None:
        self.name = name
        self.ident = self.pid = ident

    def is_alive(self) -> bool:
        """Tell that it lives: a child of a parent that has ended is ended too."""
        return True

    def join(self, timeout: float | None = None) -> None:
        """Raise `NotImplementedError`: a child never outlives its parent."""
        raise NotImplementedError("a process of Lithops cannot wait for its parent: it is ended with it")

    def __repr__(self) -> str:
        return f"<ParentProcess name={self.name!r} pid={self.pid} unknown>"


def current_process() -> BaseProcess:
    """Give the process that this code runs in."""
    return _current


def parent_process() -> ParentProcess | None:
    """Give the parent of the current process; None in the main process."""
    name, ident = _current._parent
    return ParentProcess(name, ident) if name else None


def active_children() -> list[BaseProcess]:
    """List the children of this process that run; those that have ended are joined by this."""
    return [child for child in list(_children) if child._parent_pid == os.getpid() and child.is_alive()]


def take_children() -> list[BaseProcess]:
    """Give the children that are not joined, and forget them: a worker runs one process after the other."""
    taken = list(_children)
    _children.clear()
    return taken


def make_pool_worker(number: int) -> BaseProcess:
    """Make the process that a function in a pool sees as its own."""
    worker = MainProcess()
    worker._identity = (number,)
    worker._name = f"LithopsPoolWorker-{number}"
    worker._daemon = True
    worker._parent = ("MainProcess", None)
    worker._ident = _new_ident()
    return worker


def swap_current(process: BaseProcess) -> BaseProcess:
    """Make a process the current one, and give the one before."""
    global _current
    before, _current = _current, process
    return before


def _signal_name(code: int) -> str:
    import signal

    try:
        return f"-{signal.Signals(-code).name}" if code < 0 else str(code)
    except ValueError:
        return str(code)


def _new_ident() -> int:
    return FIRST_PID + 1 + int.from_bytes(os.urandom(5), "big")


_current: BaseProcess = MainProcess()
_children: set[BaseProcess] = set()
