"""The queue of asynchronous invocations: kept in memory, run when there is room, retried when the function fails."""

from __future__ import annotations

import heapq
import itertools
import time
import traceback
from dataclasses import dataclass, replace
from threading import Condition, Thread

from tests.emulators.lambda_faults import Counts
from tests.emulators.lambda_functions import Function, UnknownFunctionError, find
from tests.emulators.lambda_invocations import Concurrency, Invocations, ThrottledError
from tests.emulators.lambda_sandbox import Event

__all__ = ["Queue", "Queued"]

_THROTTLED_S, _THROTTLED_MOST_S = 0.02, 0.25


@dataclass(frozen=True, slots=True)
class Queued:
    """An event that waits, and how often it was run or refused."""

    region: str
    name: str
    qualifier: str | None
    event: Event
    since: float
    runs: int = 0
    refusals: int = 0


class Queue:
    """Runs events, each in a thread. AWS waits 1 and 2 minutes before its retries; here it is `retry_s` and twice that."""

    def __init__(self, invocations: Invocations, concurrency: Concurrency, counts: Counts, *, retry_s: float) -> None:
        self._invocations = invocations
        self._concurrency = concurrency
        self._counts = counts
        self._retry_s = retry_s
        self._changed = Condition()
        self._waiting: list[tuple[float, int, Queued]] = []
        self._order = itertools.count()
        self._unfinished = 0
        self._epoch = 0  # how often all was forgotten
        self._is_closed = False
        self._thread = Thread(target=self._run_due, name="events", daemon=True)
        self._thread.start()

    @property
    def unfinished(self) -> int:
        """How many events wait or run."""
        return self._unfinished

    def put(self, queued: Queued) -> None:
        """Take an event."""
        with self._changed:
            self._unfinished += 1
            self._push(queued, 0.0)

    def clear(self) -> None:
        """Forget the events that wait; those that run are not retried."""
        with self._changed:
            self._epoch += 1
            self._unfinished -= len(self._waiting)
            self._waiting.clear()

    def close(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run_due(self) -> None:
        while (due := self._next()) is not None:
            queued, epoch = due
            try:
                function = find(queued.region, queued.name, queued.qualifier)
            except UnknownFunctionError:
                self._finish("dropped")
                continue
            if time.monotonic() - queued.since > function.max_age_s:
                self._finish("dropped")
                continue
            try:
                self._concurrency.enter(function)
            except ThrottledError:
                self._counts.add("events", "throttled")
                delay_s = min(_THROTTLED_MOST_S, _THROTTLED_S * 2.0 ** min(queued.refusals, 10))
                self._put_again(replace(queued, refusals=queued.refusals + 1), delay_s, epoch)
                continue
            name = f"event {queued.event.request_id}"
            Thread(target=self._run, args=(queued, function, epoch), name=name, daemon=True).start()

    def _next(self) -> tuple[Queued, int] | None:
        with self._changed:
            while not self._is_closed:
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)[2], self._epoch
                self._changed.wait(left)
        return None

    def _push(self, queued: Queued, delay_s: float) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + delay_s, next(self._order), queued))
        self._changed.notify()

    def _put_again(self, queued: Queued, delay_s: float, epoch: int) -> None:
        with self._changed:
            if epoch == self._epoch:
                self._push(queued, delay_s)
            else:
                self._unfinished -= 1

    def _finish(self, how: str = "") -> None:
        if how:
            self._counts.add("events", how)
        with self._changed:
            self._unfinished -= 1

    def _run(self, queued: Queued, function: Function, epoch: int) -> None:
        try:
            is_error = self._invocations.run(function, queued.event).is_error
        except Exception:
            traceback.print_exc()
            is_error = True
        finally:
            self._concurrency.leave(function)
        self._counts.add("events", "run")
        if not is_error:
            self._finish()
        elif queued.runs < function.max_retries:
            self._counts.add("events", "retried")
            self._put_again(replace(queued, runs=queued.runs + 1), self._retry_s * (queued.runs + 1), epoch)
        else:
            self._finish("given_up")
