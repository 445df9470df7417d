"""Start batches on a platform that may be slow or refuse: a bounded number of threads, back-pressure, jitter.

A refusal that may pass is no failure: the batch goes back to the queue, the number of calls in flight that are tried is
cut, and nothing is started until the platform's `retry_after_s`, or a drawn delay, is over. A batch that was refused for
longer than its budget, or for good, is rejected.
"""

from __future__ import annotations

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
_CUT = 0.7


class _Batch:
    __slots__ = ("calls", "failures", "runtime", "since")

    def __init__(self, runtime: RuntimeSpec, calls: Sequence[CallMessage]) -> None:
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
        self._in_flight: set[tuple[str, str, int]] = set()
        self._paused_until = 0.0
        self._queue: deque[_Batch] = deque()
        self._popped: set[_Batch] = set()
        self._changed = threading.Condition()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._is_closed = False

    def put(self, runtime: RuntimeSpec, calls: Sequence[CallMessage]) -> None:
        """Queue a batch; after `close` it is rejected."""
        with self._changed:
            if not self._is_closed:
                self._queue.append(_Batch(runtime, calls))
                if len(self._queue) > self._idle and len(self._threads) < min(MAX_THREADS, self._most):
                    thread = threading.Thread(target=self._run, name="lithops-starter", daemon=True)
                    self._threads.add(thread)
                    thread.start()
                self._changed.notify()
                return
        self._rejected(calls, "the executor is closed")

    def release(self, job_id: str, call_id: str, attempt: int) -> None:
        """Note that an attempt has ended, if it was started here."""
        with self._changed:
            if (job_id, call_id, attempt) in self._in_flight:
                self._in_flight.discard((job_id, call_id, attempt))
                self._changed.notify()

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
        return dropped

    def close(self) -> None:
        """Drop what is queued and join the threads, each after the `start` that it is in. Idempotent."""
        with self._changed:
            self._is_closed = True
            self._queue.clear()
            self._changed.notify_all()
            threads = list(self._threads)
        limit = time.monotonic() + JOIN_TIMEOUT_S
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, limit - time.monotonic()))

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
                if self._queue:
                    pause_s = self._paused_until - self._clock()
                    if pause_s > 0:
                        wait_s = pause_s
                    elif not self._in_flight or len(self._in_flight) + len(self._queue[0].calls) <= self._allowed:
                        batch = self._queue.popleft()
                        self._in_flight.update(map(_name, batch.calls))
                        self._popped.add(batch)
                        return batch
                self._idle += 1
                was_notified = self._changed.wait(wait_s)
                self._idle -= 1
                if not was_notified and not self._queue:
                    break
            self._threads.discard(threading.current_thread())
            return None

    def _try(self, batch: _Batch) -> None:
        with self._changed:
            self._popped.discard(batch)
        if not batch.calls:
            return
        self._starting(batch.calls)
        try:
            handle = self._backend.start(batch.runtime, batch.calls, self._report)
        except Exception as exc:  # the plugin's code may raise anything
            self._refused(batch, exc)
            return
        with self._changed:
            self._allowed = min(self._most, self._allowed + len(batch.calls) / self._allowed)
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
                self._allowed = max(1.0, min(self._allowed, len(self._in_flight) + len(batch.calls)) * _CUT)
                delay = max(self._backoff.delay_s(batch.failures), (ours and ours.retry_after_s) or 0.0)
                self._paused_until = max(self._paused_until, now + delay)
                batch.failures += 1
                self._queue.appendleft(batch)
                return
        reason = str(ours) if ours is not None else f"{type(exc).__name__}: {exc}"
        if retryable:
            reason = f"it refused for {self._budget_s():g} s: {reason}"
        self._rejected(batch.calls, reason)

    def _budget_s(self) -> float:
        return min(BUDGET_S, self._backend.limits.start_deadline_s)


def _name(call: CallMessage) -> tuple[str, str, int]:
    return call.job.job_id, call.call_id, call.attempt
