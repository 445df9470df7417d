# ruff: noqa: N802 - the names of the standard module
"""The context: what makes each object of the package, whatever start method a program names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from multiprocessing import AuthenticationError, BufferTooShort, ProcessError, TimeoutError  # noqa: A004 - the standard module has this name too
from typing import TYPE_CHECKING, Any

from lithops.multiprocessing import process as _process
from lithops.multiprocessing.process import Process

if TYPE_CHECKING:
    from lithops.multiprocessing.pool import Pool

__all__ = [
    "AuthenticationError",
    "BaseContext",
    "BufferTooShort",
    "LithopsContext",
    "Process",
    "ProcessError",
    "TimeoutError",
    "assert_spawning",
    "get_spawning_popen",
]

METHODS = ("spawn", "fork", "forkserver")
"""The names that programs give. Whichever is named: a process sees what was given to it, and nothing else."""


class LithopsContext:
    """Makes processes, pools, and what they share. All start methods are the same one."""

    ProcessError = ProcessError
    BufferTooShort = BufferTooShort
    TimeoutError = TimeoutError
    AuthenticationError = AuthenticationError
    Process = Process

    current_process = staticmethod(_process.current_process)
    parent_process = staticmethod(_process.parent_process)
    active_children = staticmethod(_process.active_children)

    _method: str | None = None

    # Processes

    def Pool(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        **kwargs: Any,
    ) -> Pool:
        """Make a pool of workers. Keyword: `executor`."""
        from lithops.multiprocessing.pool import Pool

        return Pool(processes, initializer, initargs, maxtasksperchild, context=self.get_context(), **kwargs)

    def cpu_count(self) -> int:
        """Give how many workers run at once: the processors of this machine, or what the backend is limited to."""
        from lithops.multiprocessing.executors import count_workers

        return count_workers()

    # Messages

    def Pipe(self, duplex: bool = True) -> Any:
        """Make two connections that are joined."""
        return _make("connection", "Pipe", duplex)

    def Queue(self, maxsize: int = 0) -> Any:
        """Make a queue; bounded when `maxsize` is above 0."""
        return _make("queues", "Queue", maxsize, ctx=self.get_context())

    def JoinableQueue(self, maxsize: int = 0) -> Any:
        """Make a queue with `task_done` and `join`."""
        return _make("queues", "JoinableQueue", maxsize, ctx=self.get_context())

    def SimpleQueue(self) -> Any:
        """Make a queue with `get`, `put`, `empty` only."""
        return _make("queues", "SimpleQueue", ctx=self.get_context())

    # Synchronization

    def Lock(self) -> Any:
        """Make a lock that is not recursive."""
        return _make("synchronize", "Lock", ctx=self.get_context())

    def RLock(self) -> Any:
        """Make a recursive lock."""
        return _make("synchronize", "RLock", ctx=self.get_context())

    def Condition(self, lock: Any = None) -> Any:
        """Make a condition."""
        return _make("synchronize", "Condition", lock, ctx=self.get_context())

    def Semaphore(self, value: int = 1) -> Any:
        """Make a semaphore."""
        return _make("synchronize", "Semaphore", value, ctx=self.get_context())

    def BoundedSemaphore(self, value: int = 1) -> Any:
        """Make a semaphore that is never released above its first value."""
        return _make("synchronize", "BoundedSemaphore", value, ctx=self.get_context())

    def Event(self) -> Any:
        """Make an event."""
        return _make("synchronize", "Event", ctx=self.get_context())

    def Barrier(self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None) -> Any:
        """Make a barrier."""
        return _make("synchronize", "Barrier", parties, action, timeout, ctx=self.get_context())

    # Shared state

    def Manager(self, *args: Any, **kwargs: Any) -> Any:
        """Make and start a manager."""
        manager = _make("managers", "SyncManager", *args, ctx=self.get_context(), **kwargs)
        manager.start()
        return manager

    def RawValue(self, typecode_or_type: Any, *args: Any) -> Any:
        """Make a value of ctypes without a lock."""
        return _make("sharedctypes", "RawValue", typecode_or_type, *args)

    def RawArray(self, typecode_or_type: Any, size_or_initializer: Any) -> Any:
        """Make an array of ctypes without a lock."""
        return _make("sharedctypes", "RawArray", typecode_or_type, size_or_initializer)

    def Value(self, typecode_or_type: Any, *args: Any, lock: Any = True) -> Any:
        """Make a value of ctypes."""
        return _make("sharedctypes", "Value", typecode_or_type, *args, lock=lock, ctx=self.get_context())

    def Array(self, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
        """Make an array of ctypes."""
        return _make("sharedctypes", "Array", typecode_or_type, size_or_initializer, lock=lock, ctx=self.get_context())

    # What a program says of itself

    def get_context(self, method: str | None = None) -> LithopsContext:
        """Give the context of a start method. Raises `ValueError` for a name that the standard library does not have."""
        if method is not None and method not in METHODS:
            raise ValueError(f"cannot find context for {method!r}")
        if method is None or method == self._method:
            return self
        found = LithopsContext()
        found._method = method
        return found

    def get_start_method(self, allow_none: bool = False) -> str | None:
        """Give the name that was set, or the first one."""
        if self._method is None and not allow_none:
            return METHODS[0]
        return self._method

    def set_start_method(self, method: str | None, force: bool = False) -> None:
        """Take a name. Raises `RuntimeError` when there is one and not `force`."""
        if self._method is not None and not force:
            raise RuntimeError("context has already been set")
        if method is not None and method not in METHODS:
            raise ValueError(f"cannot find context for {method!r}")
        self._method = method

    def get_all_start_methods(self) -> list[str]:
        """List the names that are taken."""
        return list(METHODS)

    def freeze_support(self) -> None:
        """Do nothing: workers do not run the program's file."""

    def set_executable(self, executable: str) -> None:
        """Raise `NotImplementedError`: the interpreter of workers is a key of the configuration."""
        raise NotImplementedError(
            "the interpreter of workers is not set by set_executable: set 'runtime' in the section of the backend"
        )

    def set_forkserver_preload(self, module_names: list[str]) -> None:
        """Do nothing: there is no fork server, and workers keep what they have imported."""

    def allow_connection_pickling(self) -> None:
        """Do nothing: connections can be pickled."""

    def get_logger(self) -> Any:
        """Give the logger of the standard module."""
        from multiprocessing.util import get_logger

        return get_logger()

    def log_to_stderr(self, level: int | None = None) -> Any:
        """Let the logger of the standard module write to stderr."""
        from multiprocessing.util import log_to_stderr

        return log_to_stderr(level)

    @property
    def reducer(self) -> Any:
        """Raise `NotImplementedError`: Lithops pickles by itself."""
        raise NotImplementedError("Lithops has no reducer to replace: give classes a __reduce__, or use copyreg")

    def __reduce__(self) -> Any:
        return _context_of, (self._method,)


BaseContext = LithopsContext


def assert_spawning(obj: object) -> None:
    """Do nothing: what is shared may travel at any time."""


def get_spawning_popen() -> None:
    """Give None: no process is being spawned."""


def _context_of(method: str | None) -> LithopsContext:
    return default_context.get_context(method)


def _make(module: str, name: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(import_module(f"lithops.multiprocessing.{module}"), name)(*args, **kwargs)


default_context: LithopsContext = LithopsContext()
