"""The same request for many objects, by several threads that live as long as the call.

    items --one at a time, as threads are free--> bounded queue --> threads --> results, in the order of the items

Nothing is allocated for an item but its place in the queue: the objects may be small and many. The first failure, or
an interrupt, begins no further request; what already runs is awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from queue import Queue
from threading import Event, Thread
from typing import Generic, TypeVar

from lithops.storage.retrying import RetryingStorage
from lithops.worker.joining import join

__all__ = ["THREAD_NAME", "in_threads"]

THREAD_NAME = "lithops-objects"
T = TypeVar("T")
R = TypeVar("R")


class _StoppedError(Exception):
    """Another item failed while this one waited for its next attempt."""


def in_threads(
    store: RetryingStorage, items: Iterable[T], act: Callable[[RetryingStorage, T], R], *, threads: int
) -> list[R]:
    """Give what `act(store, item)` returns for each item, in their order. `act` runs in at most `threads` threads.

    `items` is read in the calling thread, not more than `threads` ahead. The store that `act` gets is the given one,
    but that its pauses between attempts end with the call. Raises the first failure, once no thread runs any more.
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"the number of threads is {threads!r}: give a whole number from 1 on")
    stop = Event()
    crew = _Crew(_stoppable(store, stop), act, stop, threads)
    try:
        for number, item in enumerate(items):
            crew.give(number, item)
            if stop.is_set():
                break
    except BaseException:  # the caller's iterable may raise anything; and an interrupt comes here
        stop.set()
        raise
    finally:
        crew.end()
    return crew.answers()


class _Crew(Generic[T, R]):
    def __init__(self, store: RetryingStorage, act: Callable[[RetryingStorage, T], R], stop: Event, size: int) -> None:
        self._store = store
        self._act = act
        self._stop = stop
        self._size = size
        self._queue: Queue[tuple[int, T] | None] = Queue(size)
        self._threads: list[Thread] = []
        self._dismissed = 0
        self._results: dict[int, R] = {}
        self._failures: list[BaseException] = []

    def give(self, number: int, item: T) -> None:
        if len(self._threads) < self._size:
            thread = Thread(target=self._work, name=f"{THREAD_NAME}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._queue.put((number, item))

    def end(self) -> None:
        """Let the threads end, and wait for them; also for those that run when an interrupt comes meanwhile."""
        try:
            self._join()
        except BaseException:
            self._stop.set()
            self._join()
            raise

    def _join(self) -> None:
        while self._dismissed < len(self._threads):
            self._queue.put(None)
            self._dismissed += 1
        for thread in self._threads:
            join(thread)  # bounded by the time-outs of the requests

    def answers(self) -> list[R]:
        if self._failures:
            raise self._failures[0]
        return [self._results[number] for number in range(len(self._results))]

    def _work(self) -> None:
        while (given := self._queue.get()) is not None:
            if self._stop.is_set():
                continue  # the queue is emptied, so that who fills it does not wait
            number, item = given
            try:
                self._results[number] = self._act(self._store, item)
            except _StoppedError:
                continue
            except BaseException as exc:  # of a store's SDK or a body's own stream: the caller's thread raises it
                self._failures.append(exc)
                self._stop.set()


def _stoppable(store: RetryingStorage, stop: Event) -> RetryingStorage:
    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise _StoppedError

    return RetryingStorage(store.inner, replace(store.policy, sleep=pause))
