"""Decide how many calls a worker should have in hand. Pure functions and their one small state."""

from __future__ import annotations

__all__ = ["Pace", "room"]

WORK_IN_HAND_S = 0.004
"""A worker should have about this much work in hand: more delays what waits behind a slow call, less starves it."""

PREFETCH_BELOW_S = 0.02
"""Calls shorter than this are worth having the next one in hand already."""

MOST_IN_HAND = 256
GROWTH = 4


class Pace:
    """What was seen of a job: the time that its calls take in seconds, and how far batches have grown."""

    __slots__ = ("call_s", "largest")

    def __init__(self, call_s: float | None = None, largest: int = 1) -> None:
        self.call_s = call_s
        self.largest = largest

    def saw(self, call_s: float) -> None:
        """Note how long a call took: a slow one counts at once, quick ones little by little."""
        known = self.call_s
        if known is None:
            self.call_s = call_s
        elif call_s > known:
            self.call_s = (known + call_s) / 2
        else:
            self.call_s = 0.9 * known + 0.1 * call_s

    def wanted(self) -> int:
        """Say how many calls a worker should have in hand: one until something is known, then ever more, up to a bound."""
        if self.call_s is None or self.call_s > PREFETCH_BELOW_S:
            return 1
        by_time = int(WORK_IN_HAND_S / max(self.call_s, 1e-6))
        return max(2, min(by_time, MOST_IN_HAND, self.largest * GROWTH))


def room(wanted: int, in_hand: int, waiting: int, workers: int) -> int:
    """Say how many calls to send to a worker now.

    Nothing while it has more than half of what it should have, and never more than its fair part of what waits, so that
    the last calls are spread over all.
    """
    if in_hand > wanted // 2:
        return 0
    return min(wanted - in_hand, max(1, waiting // (2 * workers)))
