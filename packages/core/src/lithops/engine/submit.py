"""Start batches on a platform that may be slow or refuse: a bounded number of threads, back-pressure, jitter.

A refusal that may pass is no failure: the batch waits for a drawn delay, or the one that the platform names, and is tried
again, before others; a full platform is left alone until that is over. The number of calls in flight that are tried adapts:
each refused call takes away half a place, each that was taken adds a fifth. So a platform that refuses some calls by chance
is not strangled, and one that is full is asked for about a quarter too much. A batch that was refused for longer than its
budget, or for good, is rejected.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from lithops.engine.retry import Backoff
from lithops.errors import LithopsError
from lithops.spi.compute import ComputeBackend, Report, RuntimeSpec
from lithops.types import CallMessage, Handle

__all__ = ["Starter"]

MAX_THREADS = 64
BUDGET_S = 300.0
JOIN_TIMEOUT_S = 10.0
IDLE_THREAD_S = 10.0
_TAKES_AWAY = 0.5
_ADDS = 0.2
_FULL = 0.5
"""A platform that takes less than this share of the last calls is full; one that takes more refuses by chance."""

_LAST_CALLS = 16


class _Batch:
    __slots__ = ("calls", "failures", "is_bounded", "runtime", "since")

    def __init__(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], *, is_bounded: bool = True) -> None:
        self.is_bounded = is_bounded
        self.runtime = runtime
        self.calls = calls
        self.since: float | None = None  # its first refusal
        self.failures = 0


class Starter:
    """Starts what is put, in order. Thread-safe.

    `starting(calls)`, then `started(calls, handle)` or `rejected(calls, reason)` are called on a thread of the starter.
    `release(...)` must be called when a call has ended, so that others can start.
    """

    def __init__(
        self,
        backend: ComputeBackend,
        report: Report,
        *,
        starting: Callable[[Sequence[CallMessage]], None],
        started: Callable[[Sequence[CallMessage], Handle], None],
        rejected: Callable[[Sequence[CallMessage], str], None],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._report = report
        self._starting = starting
        self._started = started
        self._rejected = rejected
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._most = backend.limits.max_concurrency or 1_000_000
        self._allowed = float(self._most)
        self._taken_share = 1.0
        self._in_flight: set[tuple[str, str, int]] = set()
        self._paused_until = 0.0
        self._queue: deque[_Batch] = deque()
        self._delayed: list[tuple[float, int, _Batch]] = []  # a heap by when they are due
        self._numbers = itertools.count()
        self._popped: set[_Batch] = set()
        self._trying: set[_Batch] = set()
        self._refusals: dict[tuple[str, str, int], tuple[float, int]] = {}  # of calls refused after their start
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._drained = threading.Condition(lock)  # of `drain` alone: others need not wake for it
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._is_closed = False

    def put(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], *, is_bounded: bool = True) -> None:
        """Queue a batch; after `close` it is rejected. One that is not bounded starts however many are in flight."""
        with self._changed:
            if not self._is_closed:
                self._queue.append(_Batch(runtime, calls, is_bounded=is_bounded))
                self._need_thread()
                return
        self._rejected(calls, "the executor is closed")

    def release(self, job_id: str, call_id: str, attempt: int) -> None:
        """Note that an attempt has ended, if it was started here."""
        with self._changed:
            self._refusals.pop((job_id, call_id, attempt), None)
            if (job_id, call_id, attempt) in self._in_flight:
                self._in_flight.discard((job_id, call_id, attempt))
                if self._queue or self._delayed:
                    self._changed.notify()

    def refuse(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], error: Exception) -> None:
        """Note that the platform refused calls after their start: they are started again later, or rejected."""
        batch = _Batch(runtime, calls)
        with self._changed:
            batch.since, batch.failures = self._refusals.get(_name(calls[0]), (None, 0))
        self._refused(batch, error)
        with self._changed:
            if batch.since is not None and batch.failures:
                self._refusals.update((_name(call), (batch.since, batch.failures)) for call in calls)

    def drop(self, calls: set[CallMessage]) -> set[CallMessage]:
        """Take calls out of the queue, or out of a batch that is about to be started, and give those that were there."""
        dropped: set[CallMessage] = set()
        with self._changed:
            for batch in self._popped:
                dropped |= calls.intersection(batch.calls)
                batch.calls = [call for call in batch.calls if call not in calls]
            self._in_flight.difference_update(map(_name, dropped))
            kept: deque[_Batch] = deque()
            for batch in self._queue:
                found = calls.intersection(batch.calls)
                if found:
                    dropped |= found
                    batch.calls = [call for call in batch.calls if call not in found]
                if batch.calls:
                    kept.append(batch)
            self._queue = kept
            for _, _, batch in self._delayed:
                dropped |= calls.intersection(batch.calls)
                batch.calls = [call for call in batch.calls if call not in calls]
        return dropped

    def drain(self, job_ids: set[str], within_s: float) -> bool:
        """Wait until all calls of these jobs that were put are started or rejected; tell whether they are."""
        limit = time.monotonic() + within_s
        with self._changed:
            while any(
                call.job.job_id in job_ids
                for batch in (*self._queue, *self._popped, *self._trying, *(one for _, _, one in self._delayed))
                for call in batch.calls
            ):
                left_s = limit - time.monotonic()
                if left_s <= 0 or self._is_closed:
                    return False
                self._drained.wait(min(left_s, 1.0))
        return True

    def close(self) -> None:
        """Drop what is queued and join the threads, each after the `start` that it is in. Idempotent."""
        with self._changed:
            self._is_closed = True
            self._queue.clear()
            self._delayed.clear()
            self._changed.notify_all()
            threads = list(self._threads)
        limit = time.monotonic() + JOIN_TIMEOUT_S
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, limit - time.monotonic()))

    def _need_thread(self) -> None:
        if len(self._queue) + len(self._delayed) > self._idle and len(self._threads) < min(MAX_THREADS, self._most):
            thread = threading.Thread(target=self._run, name="lithops-starter", daemon=True)
            self._threads.add(thread)
            thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._try(batch)
            except BaseException as exc:  # the plugin's code may raise anything, and no thread may die silently
                self._land(batch)
                self._rejected(batch.calls, f"{type(exc).__name__}: {exc}")

    def _next(self) -> _Batch | None:
        with self._changed:
            while not self._is_closed:
                wait_s = IDLE_THREAD_S
                now = self._clock()
                while self._delayed and self._delayed[0][0] <= now:
                    self._queue.appendleft(heapq.heappop(self._delayed)[2])
                if self._delayed:
                    wait_s = min(wait_s, self._delayed[0][0] - now)
                if self._queue:
                    pause_s = self._paused_until - now
                    if pause_s > 0:
                        wait_s = min(wait_s, pause_s)
                    elif self._may_start(self._queue[0]):
                        batch = self._queue.popleft()
                        if batch.is_bounded:
                            self._in_flight.update(map(_name, batch.calls))
                        self._popped.add(batch)
                        return batch
                self._idle += 1
                was_notified = self._changed.wait(wait_s)
                self._idle -= 1
                if not was_notified and not self._queue and not self._delayed:
                    break
            self._threads.discard(threading.current_thread())
            return None

    def _may_start(self, batch: _Batch) -> bool:
        in_flight = self._in_flight
        return not (batch.is_bounded and in_flight) or len(in_flight) + len(batch.calls) <= self._allowed

    def _try(self, batch: _Batch) -> None:
        with self._changed:
            self._popped.discard(batch)
            self._trying.add(batch)
        try:
            self._start(batch)
        finally:
            with self._changed:
                self._trying.discard(batch)
                self._drained.notify_all()

    def _start(self, batch: _Batch) -> None:
        if not batch.calls:
            return
        self._starting(batch.calls)
        try:
            handle = self._backend.start(batch.runtime, batch.calls, self._report)
        except Exception as exc:  # the plugin's code may raise anything
            self._refused(batch, exc)
            return
        with self._changed:
            self._allowed = min(self._most, self._allowed + _ADDS * len(batch.calls))
            self._taken_share += (1.0 - self._taken_share) / _LAST_CALLS
        self._started(batch.calls, handle)

    def _land(self, batch: _Batch) -> None:
        with self._changed:
            self._in_flight.difference_update(map(_name, batch.calls))
            self._changed.notify()

    def _refused(self, batch: _Batch, exc: Exception) -> None:
        ours = exc if isinstance(exc, LithopsError) else self._backend.translate(exc)
        retryable = ours is not None and ours.retryable
        self._land(batch)
        with self._changed:
            now = self._clock()
            if batch.since is None:
                batch.since = now
            if retryable and not self._is_closed and now - batch.since < self._budget_s():
                self._taken_share -= self._taken_share / _LAST_CALLS
                if self._taken_share < _FULL:  # else few in flight say nothing: many may have ended a moment ago
                    self._allowed = min(self._allowed, len(self._in_flight) + len(batch.calls))
                self._allowed = max(1.0, self._allowed - _TAKES_AWAY * len(batch.calls))
                wish_s = (ours and ours.retry_after_s) or 0.0
                if wish_s and self._taken_share < _FULL:
                    self._paused_until = max(self._paused_until, now + wish_s)
                due = now + max(self._backoff.delay_s(batch.failures), wish_s)
                heapq.heappush(self._delayed, (due, next(self._numbers), batch))
                batch.failures += 1
                self._need_thread()
                return
        reason = str(ours) if ours is not None else f"{type(exc).__name__}: {exc}"
        if retryable:
            reason = f"it refused for {self._budget_s():g} s: {reason}"
        self._rejected(batch.calls, reason)

    def _budget_s(self) -> float:
        return min(BUDGET_S, self._backend.limits.start_deadline_s)


def _name(call: CallMessage) -> tuple[str, str, int]:
    return call.job.job_id, call.call_id, call.attempt
