"""Which `FunctionExecutor` runs what: one for each pool, and one shared one for all processes of this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lithops.errors import NotSupportedError, UnknownBackendError
from lithops.multiprocessing import config
from lithops.worker import context

if TYPE_CHECKING:
    from lithops.config import Settings
    from lithops.engine.call import Call
    from lithops.executor import FunctionExecutor

__all__ = [
    "close_shared",
    "count_workers",
    "is_retrying",
    "open_executor",
    "program_settings",
    "shared_executor",
    "submit",
]

MOST_PROCESSES = 2048
"""On this machine so many processes can run at once, since they may wait for each other; each is started on demand."""

NAMED = ("mode", "backend", "storage", "monitoring", "config_file")

_lock = threading.Lock()
_shared: tuple[int, FunctionExecutor] | None = None


def open_executor(workers: int | None = None) -> FunctionExecutor:
    """Open an executor with so many workers; by default as the configuration says.

    What `config.set_parameter(LITHOPS_CONFIG, ...)` gave is used: sections, or arguments of `FunctionExecutor`.
    """
    from lithops.executor import FunctionExecutor

    arguments = _arguments()
    if workers is not None:
        settings = _settings(arguments)
        key = _limits_of(settings)[0]
        fields = getattr(settings.compute_options, "__struct_fields__", ())
        if key in fields:
            arguments[key] = workers
    executor = FunctionExecutor(**arguments)
    executor._work.print_plainly()  # as the standard library's processes do
    return executor


def shared_executor() -> FunctionExecutor:
    """Give the executor of all `Process` objects of this process; it is opened when it is first asked for."""
    global _shared
    with _lock:
        if _shared is None or _shared[0] != os.getpid():
            settings = program_settings()
            _shared = (os.getpid(), open_executor(MOST_PROCESSES if settings.mode == "localhost" else None))
        return _shared[1]


def close_shared() -> None:
    """Close it; what still runs in it is ended."""
    global _shared
    with _lock:
        found, _shared = _shared, None
    if found is not None and found[0] == os.getpid():
        found[1].close()


def program_settings() -> Settings:
    """Resolve the configuration that pools and processes of this program use, `LITHOPS_CONFIG` included.

    Raises `NotSupportedError` in a worker that has none.
    """
    return _settings(_arguments())


def count_workers() -> int:
    """Say how many workers run at once by default: the processors of this machine, or what the backend is limited to.

    In a worker that has no configuration, it is the processors that this worker has.
    """
    try:
        settings = program_settings()
    except NotSupportedError:
        return _processors()
    for key in _limits_of(settings):
        found = getattr(settings.compute_options, key, None)
        if isinstance(found, int) and found > 0:
            return found
    if settings.mode != "localhost":
        from lithops.opening import open_compute

        backend = open_compute(settings)
        try:
            if backend.limits.max_concurrency is not None:
                return backend.limits.max_concurrency
        finally:
            backend.close()
    return _processors()


def is_retrying(executor: FunctionExecutor) -> bool:
    """Tell whether calls that fail are tried again, as the configuration says."""
    return executor._work.retry.max_attempts > 1


def submit(
    executor: FunctionExecutor,
    function: Callable[..., Any],
    elements: Iterable[tuple[Any, ...]],
    *,
    largest: int | None = None,
    retries: int | None = None,
) -> Iterator[list[Call]]:
    """Submit a call for each tuple of arguments, block by block, and yield the blocks.

    The executor does not keep their futures: a pool that lives long must not grow.
    """
    from lithops.submission import LARGEST_BLOCK

    what = executor._work.describe(function, "M", env=config.get_parameter(config.ENV_VARS), retries=retries)
    return executor._work.feed(what, elements, largest=largest or LARGEST_BLOCK)


def _arguments() -> dict[str, Any]:
    given = dict(config.get_parameter(config.LITHOPS_CONFIG))
    if given and all(isinstance(value, dict) for value in given.values()):
        return {"config": given}
    return given


def _settings(arguments: dict[str, Any]) -> Settings:
    from lithops.config import resolve

    named = {key: arguments[key] for key in NAMED if key in arguments}
    others = {key: value for key, value in arguments.items() if key not in (*NAMED, "config", "log_level", "retries")}
    try:
        return resolve(arguments.get("config"), overrides=others, **named)
    except UnknownBackendError as exc:
        if context.current() is None:
            raise
        raise NotSupportedError(
            "this worker has no configuration: start pools and processes, and make what they share, in the main program "
            "(what is shared may be given to a worker), or let it call config.set_parameter(config.LITHOPS_CONFIG, ...)"
        ) from exc


def _limits_of(settings: Settings) -> tuple[str, ...]:
    """Name the keys that say how many calls run at once. On a cloud, `worker_processes` of Lithops 3 is another number."""
    return ("worker_processes", "max_workers") if settings.mode == "localhost" else ("max_workers",)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
