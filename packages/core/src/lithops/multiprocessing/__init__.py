"""The standard library's `multiprocessing` over an executor of Lithops: change the import, keep the program.

`Pool` needs nothing beside an executor. What processes share lives in Redis: see the section `redis`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing import AuthenticationError, BufferTooShort, ProcessError, TimeoutError  # noqa: A004 - the standard module has this name too

    from lithops.multiprocessing.context import default_context
    from lithops.multiprocessing.process import Process, active_children, current_process, parent_process

    Array = default_context.Array
    Barrier = default_context.Barrier
    BoundedSemaphore = default_context.BoundedSemaphore
    Condition = default_context.Condition
    Event = default_context.Event
    JoinableQueue = default_context.JoinableQueue
    Lock = default_context.Lock
    Manager = default_context.Manager
    Pipe = default_context.Pipe
    Pool = default_context.Pool
    Queue = default_context.Queue
    RLock = default_context.RLock
    RawArray = default_context.RawArray
    RawValue = default_context.RawValue
    Semaphore = default_context.Semaphore
    SimpleQueue = default_context.SimpleQueue
    Value = default_context.Value
    allow_connection_pickling = default_context.allow_connection_pickling
    cpu_count = default_context.cpu_count
    freeze_support = default_context.freeze_support
    get_all_start_methods = default_context.get_all_start_methods
    get_context = default_context.get_context
    get_logger = default_context.get_logger
    get_start_method = default_context.get_start_method
    log_to_stderr = default_context.log_to_stderr
    set_executable = default_context.set_executable
    set_forkserver_preload = default_context.set_forkserver_preload
    set_start_method = default_context.set_start_method

__all__ = [
    "Array",
    "AuthenticationError",
    "Barrier",
    "BoundedSemaphore",
    "BufferTooShort",
    "Condition",
    "Event",
    "JoinableQueue",
    "Lock",
    "Manager",
    "Pipe",
    "Pool",
    "Process",
    "ProcessError",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
    "Semaphore",
    "SimpleQueue",
    "TimeoutError",
    "Value",
    "active_children",
    "allow_connection_pickling",
    "cpu_count",
    "current_process",
    "freeze_support",
    "get_all_start_methods",
    "get_context",
    "get_logger",
    "get_start_method",
    "log_to_stderr",
    "parent_process",
    "set_executable",
    "set_forkserver_preload",
    "set_start_method",
]

SUBDEBUG = 5
SUBWARNING = 25

_NAMES = frozenset(__all__)
_ROOMS = frozenset(
    {"config", "connection", "context", "dummy", "managers", "pool", "process", "queues", "sharedctypes", "synchronize"}
)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module("lithops.multiprocessing.context").default_context, name)
    if name in _ROOMS:
        return import_module(f"lithops.multiprocessing.{name}")
    if name == "shared_memory":
        raise NotImplementedError("shared memory does not reach other machines: use Array, Value or a Manager")
    raise AttributeError(f"module 'lithops.multiprocessing' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
