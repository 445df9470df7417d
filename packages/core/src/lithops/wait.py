"""`wait` and `get_result` over futures of any executors. The module itself can be called as `wait`."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from lithops.engine.call import Call
from lithops.engine.waiting import wait_for
from lithops.future import ResponseFuture, call_of
from lithops.futures import FuturesList
from lithops.progress import progress_for

__all__ = ["ALL_COMPLETED", "ALWAYS", "ANY_COMPLETED", "get_result", "wait"]

ALL_COMPLETED = 100
"""Wait until all calls have ended."""

ANY_COMPLETED = -1
"""Wait until one call has ended."""

ALWAYS = 0
"""Do not wait: look."""


def wait(
    fs: ResponseFuture | Iterable[ResponseFuture],
    throw_except: bool = True,
    return_when: int = ALL_COMPLETED,
    download_results: bool = False,
    timeout: float | None = None,
    threadpool_size: int = 64,
    wait_dur_sec: float | None = None,
    show_progressbar: bool = True,
    **_ignored: Any,
) -> tuple[FuturesList, FuturesList]:
    """Wait for calls and give those that have ended, and the others.

    `return_when` is `ALL_COMPLETED`, `ANY_COMPLETED`, `ALWAYS`, or a percentage of the calls. With `throw_except`, the
    exception of the first call that failed is raised as soon as it is known; the other calls go on and keep their
    results. `timeout` is in seconds; when it is over, `TimeoutError` is raised with `throw_except`, and else what there
    is returned. `threadpool_size` and `wait_dur_sec` are taken for compatibility: nothing polls.
    """
    del threadpool_size, wait_dur_sec
    futures = as_list(fs)
    calls = [future.__lithops_call__ for future in futures]
    wanted = _wanted(calls, return_when)
    with progress_for(calls, show_progressbar and return_when != ALWAYS) as on_progress:
        is_enough = _wait(calls, wanted, timeout, throw_except, on_progress)
    if throw_except:
        _raise_first(futures)
        if not is_enough:
            ended = sum(call.is_done for call in calls)
            raise TimeoutError(
                f"{ended} of {len(calls)} calls had ended after {timeout:g} s, {wanted} were awaited: they go on; "
                "wait longer, or cancel them"
            )
    if download_results:
        for future in futures:
            if future.done:
                future.result(throw_except=throw_except)
    done = FuturesList((future for future in futures if future.done), futures.executor)
    not_done = FuturesList((future for future in futures if not future.done), futures.executor)
    return done, not_done


def get_result(
    fs: ResponseFuture | Iterable[ResponseFuture],
    throw_except: bool = True,
    timeout: float | None = None,
    threadpool_size: int = 64,
    wait_dur_sec: float | None = None,
    show_progressbar: bool = True,
    **_ignored: Any,
) -> Any:
    """Wait for calls and give their results: one for a future, a list for several, in their order.

    Calls of a `map` whose results went to a reducer are waited for but give none. With `throw_except=False` a failed
    call's exception object stands in its place.
    """
    del threadpool_size, wait_dur_sec
    futures = as_list(fs)
    wait(futures, throw_except=throw_except, timeout=timeout, show_progressbar=show_progressbar)
    outputs = [future for future in futures if future.produces_output] or futures
    results = [future.result(0, throw_except) if future.done else None for future in outputs]
    for future in outputs:
        future.was_returned = True
    return results[0] if isinstance(fs, ResponseFuture) else results


def as_list(fs: ResponseFuture | Iterable[ResponseFuture]) -> FuturesList:
    """Read what a user gives as futures. Raises `TypeError` for anything else."""
    if isinstance(fs, FuturesList):
        return fs
    if isinstance(fs, ResponseFuture):
        return FuturesList([fs])
    if not isinstance(fs, Iterable) or isinstance(fs, (str, bytes, os.PathLike)):
        hint = "; a path is given by name, as dst='page.html'" if isinstance(fs, (str, os.PathLike)) else ""
        raise TypeError(f"a {type(fs).__name__} was given as futures: give a future or a list of them{hint}")
    futures: list[ResponseFuture] = []
    nested: Any
    for nested in fs:
        if isinstance(nested, list):
            futures.extend(as_list(nested))
        else:
            call_of(nested)
            futures.append(nested)
    return FuturesList(futures)


def _wanted(calls: Sequence[Call], return_when: int) -> int:
    if return_when == ANY_COMPLETED:
        return min(len(calls), 1)
    if isinstance(return_when, bool) or not isinstance(return_when, (int, float)) or not 0 <= return_when <= 100:
        raise ValueError(
            f"return_when is {return_when!r}: give ALL_COMPLETED, ANY_COMPLETED, ALWAYS, or a percentage up to 100"
        )
    return math.ceil(len(calls) * return_when / 100)


def _wait(
    calls: Sequence[Call],
    wanted: int,
    timeout: float | None,
    stops_at_failure: bool,
    on_progress: Callable[[], None] | None,
) -> bool:
    if wanted == 0:
        return True
    return wait_for(calls, wanted, timeout, stops_at_failure=stops_at_failure, on_progress=on_progress)


def _raise_first(futures: Iterable[ResponseFuture]) -> None:
    for future in futures:
        if future.error:
            future.result(0)


class _CallableModule(ModuleType):
    """Makes `lithops.wait(futures)` and `from lithops.wait import wait` both work."""

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[FuturesList, FuturesList]:
        return wait(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
