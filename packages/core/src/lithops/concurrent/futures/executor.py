"""The standard `Executor` whose calls run wherever Lithops runs them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
from typing import Any, TypeVar

from lithops.executors import FunctionExecutor
from lithops.worker.arguments import Arguments

__all__ = ["LithopsExecutor"]

T = TypeVar("T")


class LithopsExecutor(Executor):
    """`submit`, `map`, `shutdown` as the standard library defines them.

    `max_workers` is the number of workers; other keyword arguments are those of `FunctionExecutor`. An `executor` that is
    given is used, and not stopped by `shutdown`.
    """

    def __init__(
        self, max_workers: int | None = None, *, executor: FunctionExecutor | None = None, **kwargs: Any
    ) -> None:
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        self._owns = executor is None
        self._executor = executor or FunctionExecutor(max_workers=max_workers, **kwargs)
        self._lock = threading.Lock()
        self._is_shut_down = False
        self._pending: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn(*args, **kwargs)` on a worker."""
        with self._lock:
            self._check_open()
            future: Future[T] = self._executor.submit(fn, *args, **kwargs).standard
            self._note([future])
        return future

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Call `fn` with an item of each iterable at a time, and yield the results in order.

        `chunksize` is taken for compatibility: workers take as many calls at once as fits their length.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if buffersize is not None:
            elements = (Arguments(args, None) for args in zip(*iterables, strict=False))
            return iter(self._executor.imap(fn, elements, in_flight=buffersize))
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._check_open()
            made = self._executor.map(fn, [Arguments(args, None) for args in zip(*iterables, strict=False)])
            futures = [future.standard for future in made]
            self._note(futures)
        return _results(futures, deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with `wait`, return when those that were taken have ended. Idempotent."""
        with self._lock:
            self._is_shut_down = True
            pending = set(self._pending)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if wait:
            self._end(pending)
        else:
            threading.Thread(target=self._end, args=(pending,), name="lithops-shutdown").start()

    def _end(self, pending: set[Future[Any]]) -> None:
        wait(pending)
        if self._owns:
            self._executor.close()

    def _note(self, futures: Iterable[Future[Any]]) -> None:
        for future in futures:
            self._pending.add(future)
            future.add_done_callback(self._pending.discard)

    def _check_open(self) -> None:
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")


def _results(futures: list[Future[T]], deadline: float | None) -> Iterator[T]:
    try:
        for at in itertools.count():
            if at == len(futures):
                return
            yield futures[at].result(None if deadline is None else max(0.0, deadline - time.monotonic()))
    finally:
        for future in futures:
            if not future.done():
                future.cancel()
