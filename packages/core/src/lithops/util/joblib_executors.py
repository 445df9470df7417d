"""The executors that joblib's calls run on: one for each set of options, kept warm until the process ends."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from lithops.errors import ConfigError
from lithops.executors import FunctionExecutor

__all__ = ["close_executors", "executor_for", "workers_of"]

FOUND_BY = ("HOME", "LITHOPS_")
"""Variables that a configuration is found by begin so."""


class _Warm(NamedTuple):
    pid: int
    made_of: tuple[Any, ...]
    executor: FunctionExecutor


_lock = threading.Lock()
_warm: list[_Warm] = []


def executor_for(options: Mapping[str, Any]) -> FunctionExecutor:
    """Give the executor of these options, made now or before. Raises what `FunctionExecutor` raises.

    The option `executor` is one that the user has made, and will close.
    """
    given = options.get("executor")
    if given is not None:
        if not isinstance(given, FunctionExecutor) or len(options) > 1:
            raise ConfigError("'executor' is a FunctionExecutor that was made before, with no other options beside it")
        return given
    wanted = {name: value for name, value in options.items() if value is not None}
    made_of = (wanted, *_surroundings())
    with _lock:
        _warm[:] = [one for one in _warm if one.pid == os.getpid()]  # a fork does not have its parent's threads
        for one in _warm:
            if one.made_of == made_of:
                return one.executor
        executor = FunctionExecutor(**wanted)
        _warm.append(_Warm(os.getpid(), made_of, executor))
        return executor


def close_executors() -> None:
    """End the workers that joblib's calls left warm. The next call starts new ones."""
    with _lock:
        closing = [one.executor for one in _warm if one.pid == os.getpid()]
        _warm.clear()
    for executor in closing:
        executor.close()


def workers_of(executor: FunctionExecutor) -> int:
    """Tell how many calls an executor runs at once: by its configuration, its backend's limit, else the processors."""
    section = executor.config.get(executor.backend) or {}
    counts = [section.get("max_workers")]
    if executor.mode == "localhost":  # on a cloud, that of Lithops 3 is another number
        counts.append(section.get("worker_processes"))
    counts.append(executor._work.engine.limits(commits=False).max_concurrency)
    known = [int(one) for one in counts if one is not None]
    if known:
        return max(1, min(known))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _surroundings() -> tuple[str, dict[str, str]]:
    """Tell what a configuration that is not given is found by."""
    return os.getcwd(), {name: value for name, value in os.environ.items() if name.startswith(FOUND_BY)}


atexit.register(close_executors)
