"""`concurrent.futures` over an executor of Lithops: change the import, keep the program."""

from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Future,
    TimeoutError,  # noqa: A004 - the standard module has this name too
    as_completed,
    wait,
)

from lithops.concurrent.futures.executor import LithopsExecutor

ThreadPoolExecutor = ProcessPoolExecutor = LithopsExecutor

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "CancelledError",
    "Future",
    "LithopsExecutor",
    "ProcessPoolExecutor",
    "ThreadPoolExecutor",
    "TimeoutError",
    "as_completed",
    "wait",
]
