"""Wait until enough calls have ended, with a bound, and without asking again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from lithops.engine.call import Call

__all__ = ["wait_for"]

WAKE_S = 1.0
"""No wait is longer: Ctrl-C must be seen also when the system gave the signal to another thread."""

LOOK_S = 0.1
"""How often `on_progress` is called while something is awaited."""


class _Watch:
    """Counts ends, and says when it is enough."""

    def __init__(self, wanted: int, *, stops_at_failure: bool) -> None:
        self._lock = threading.Lock()
        self._left = wanted
        self._stops_at_failure = stops_at_failure
        self.enough = threading.Event()
        if wanted <= 0:
            self.enough.set()

    def ended(self, call: Call) -> None:
        with self._lock:
            self._left -= 1
            is_enough = self._left <= 0
        if is_enough or (self._stops_at_failure and not call.succeeded):
            self.enough.set()


def wait_for(
    calls: Sequence[Call],
    wanted: int,
    timeout_s: float | None,
    *,
    stops_at_failure: bool = False,
    on_progress: Callable[[], None] | None = None,
) -> bool:
    """Wait until `wanted` of the calls have ended; tell whether they have, or the time was over.

    With `stops_at_failure` a call that failed is enough. Without `timeout_s` the wait is bounded by the engine: every
    call reaches an end.
    """
    if timeout_s is not None and (isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float))):
        raise TypeError(f"timeout is {timeout_s!r}: give seconds, or None to wait as long as it takes")
    watch = _Watch(wanted, stops_at_failure=stops_at_failure)
    ended = watch.ended
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    for call in calls:
        call.add_done_callback(ended)
    try:
        while True:
            wait_s = None if deadline is None else deadline - time.monotonic()
            if on_progress is not None:
                wait_s = LOOK_S if wait_s is None else min(wait_s, LOOK_S)
                on_progress()
            if watch.enough.wait(WAKE_S if wait_s is None else min(max(0.0, wait_s), WAKE_S)):
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
    finally:
        if not watch.enough.is_set() or wanted < len(calls) or stops_at_failure:
            for call in calls:
                if not call.is_done:
                    call.remove_done_callback(ended)
