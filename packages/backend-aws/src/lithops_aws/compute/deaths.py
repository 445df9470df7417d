"""Deaths of calls that nobody waits for: their functions' logs tell, and these are looked at seldom."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from lithops.errors import AccessDeniedError
from lithops.spi.compute import Exit, Report
from lithops.types import CallEnd, CallStatus, ErrorInfo, Handle
from lithops_aws.compute.logs import Logs
from lithops_aws.compute.logs_reading import TIMED_OUT

__all__ = ["Deaths"]

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""FilterLogEvents may be asked 5 or 10 times a second by a whole account."""

SKEW_S = 10.0
"""How much this machine's clock and Lambda's may differ."""


REMEMBERED = 10_000


class _Started(NamedTuple):
    function: str
    at: float
    ids: tuple[str, str, str, int]
    report: Report


class Deaths:
    """Remembers what was started by events. Thread-safe."""

    def __init__(
        self, logs: Logs, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        self._logs = logs
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._started: dict[Handle, _Started] = {}
        self._over_time: set[Handle] = set()
        self._told: set[Handle] = set()  # the next attempt of a call has its handle a moment later than its start
        self._looked_at = -LOOK_S
        self._is_denied = False

    def started(self, handle: Handle, function: str, ids: tuple[str, str, str, int], report: Report) -> None:
        """Note a start. `ids` are those of executor, job and call, and the attempt."""
        with self._lock:
            self._started[handle] = _Started(function, self._now(), ids, report)

    def function_of(self, handle: Handle) -> tuple[str, float] | None:
        """Give the function that a handle was started on, and when."""
        with self._lock:
            found = self._started.get(handle)
        return None if found is None else (found.function, found.at)

    def poll(self, handles: Collection[Handle]) -> dict[Handle, Exit]:
        """Give the deaths among the handles, each once; what ran over its time is reported at the second look.

        Until then a status may show up that it had just written. Asks at most once in two seconds, and no more once the
        client turns out not to be permitted to read logs.
        """
        with self._lock:
            if self._is_denied or self._clock() - self._looked_at < LOOK_S:
                return {}
            new = [handle for handle in handles if handle in self._started and handle not in self._told]
            watched = {handle: self._started[handle] for handle in new}
            if not watched:
                return {}
            self._looked_at = self._clock()
            self._forget_old(watched)
        since: dict[str, float] = {}
        for one in watched.values():
            since[one.function] = min(one.at, since.get(one.function, one.at))
        exits: dict[Handle, Exit] = {}
        for function, at in since.items():
            try:
                deaths = self._logs.deaths(function, at - SKEW_S)
            except AccessDeniedError as exc:
                self._is_denied = True
                log.warning("calls that die without a word are noticed at their deadline only: %s", exc)
                return {}
            exits.update((handle, death) for handle, death in deaths.items() if handle in watched)
        told = {handle: exit_ for handle, exit_ in exits.items() if not self._ran_over(handle, watched[handle], exit_)}
        with self._lock:
            self._told.update(told)
        return told

    def _forget_old(self, watched: Collection[Handle]) -> None:
        """Keep those that are asked for, and some that are over: their logs may be wanted."""
        if len(self._started) > len(watched) + REMEMBERED:
            over = [handle for handle in self._started if handle not in watched]
            for handle in over[: len(over) - REMEMBERED]:
                del self._started[handle]
            self._over_time &= self._started.keys()
            self._told &= self._started.keys()

    def _ran_over(self, handle: Handle, started: _Started, exit_: Exit) -> bool:
        if not exit_.reason.startswith(TIMED_OUT):
            return False
        with self._lock:
            is_second = handle in self._over_time
            self._over_time.add(handle)
            if is_second:
                self._told.add(handle)
        if is_second:
            reason = f"it ran over its function's time-out ({exit_.reason})"
            error = ErrorInfo("CallTimeoutError", reason, exit_.log_tail)
            started.report(CallStatus(*started.ids, CallEnd.TIMEOUT, error=error))
        return True
