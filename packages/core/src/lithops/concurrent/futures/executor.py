"""The standard `Executor` whose calls run wherever Lithops runs them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

from lithops.executors import FunctionExecutor
from lithops.future import ResponseFuture
from lithops.worker.arguments import Arguments

if TYPE_CHECKING:
    from lithops.multiprocessing.pool_worker import Setup

__all__ = ["LithopsExecutor"]

T = TypeVar("T")


class LithopsExecutor(Executor):
    """`submit`, `map`, `shutdown` as the standard library defines them.

    `max_workers` is the number of workers; other keyword arguments are those of `FunctionExecutor`. An `executor` that is
    given is used, and not stopped by `shutdown`; it keeps the futures of its calls, as of all others.

    `initializer(*initargs)` runs once in each worker process; what it raises, the call raises. A process ends after
    `max_tasks_per_child` calls, where the platform lets it. `mp_context` and `thread_name_prefix` are taken for
    compatibility.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: Any = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        *,
        max_tasks_per_child: int | None = None,
        thread_name_prefix: str = "",
        executor: FunctionExecutor | None = None,
        **kwargs: Any,
    ) -> None:
        del mp_context, thread_name_prefix
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if max_tasks_per_child is not None and not isinstance(max_tasks_per_child, int):
            raise TypeError("max_tasks_per_child must be an integer")
        if max_tasks_per_child is not None and max_tasks_per_child <= 0:
            raise ValueError("max_tasks_per_child must be >= 1")
        self._setup: Setup | None = None
        if initializer is not None or max_tasks_per_child is not None:
            from lithops.multiprocessing.pool_worker import Setup  # late: few programs need it

            self._setup = Setup(os.urandom(8).hex(), initializer, tuple(initargs), max_tasks_per_child)
        self._owns = executor is None
        self._executor = executor or FunctionExecutor(max_workers=max_workers, **kwargs)
        self._lock = threading.Lock()
        self._is_shut_down = False
        self._pending: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn(*args, **kwargs)` on a worker."""
        with self._lock:
            self._check_open()
            return self._submit(fn, "A", [Arguments(args, kwargs or None)])[0]

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
            function, elements = self._prepared(fn, (Arguments(args, None) for args in zip(*iterables, strict=False)))
            return iter(self._executor.imap(function, elements, in_flight=buffersize))
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._check_open()
            futures = self._submit(fn, "M", [Arguments(args, None) for args in zip(*iterables, strict=False)])
        futures.reverse()
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

    def _submit(self, fn: Callable[..., T], kind: str, elements: list[Arguments]) -> list[Future[T]]:
        """Begin calls. An executor of our own keeps no futures: it may live long."""
        work = self._executor._work
        function, given = self._prepared(fn, elements)
        what = work.describe(function, kind)
        if self._owns:
            made = [ResponseFuture(call) for block in work.feed(what, given) for call in block]
        else:
            made = list(work.submit(what, given))
        futures: list[Future[T]] = [future.standard for future in made]
        for future in futures:
            self._pending.add(future)
            future.add_done_callback(self._pending.discard)
        return futures

    def _prepared(
        self, fn: Callable[..., Any], elements: Iterable[Arguments]
    ) -> tuple[Callable[..., Any], Iterable[Arguments]]:
        """Give the function and its input, or what runs the initializer before it."""
        if self._setup is None:
            return fn, elements
        from lithops.multiprocessing.pool_worker import Chunk, call_once

        given = (Arguments(((args, kwargs or {}),), None) for args, kwargs in elements)
        return Chunk(self._setup, fn, call_once), given

    def _check_open(self) -> None:
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")


def _results(futures: list[Future[T]], deadline: float | None) -> Iterator[T]:
    """Yield the results, of the last one first, and keep none of them."""
    try:
        while futures:
            yield futures.pop().result(None if deadline is None else max(0.0, deadline - time.monotonic()))
    finally:
        for future in futures:
            if not future.done():
                future.cancel()
