"""How often and when a call that failed is tried again. Decisions only: the engine acts on them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from lithops.types import CallEnd

__all__ = ["Backoff", "Retry", "as_retry"]


_FINAL = (CallEnd.SUCCESS, CallEnd.CANCELLED, CallEnd.REJECTED)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential delays with full jitter: between 0 and `base_s * 2**attempt`, at most `cap_s` seconds.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    base_s: float = 0.2
    cap_s: float = 20.0

    def ceiling_s(self, attempt: int) -> float:
        """Give the longest delay after `attempt` failures (from 0)."""
        return float(min(self.cap_s, self.base_s * 2.0 ** min(attempt, 60)))

    def delay_s(self, attempt: int, draw: Callable[[float, float], float] = random.uniform) -> float:
        """Draw a delay."""
        return draw(0.0, self.ceiling_s(attempt))


@dataclass(frozen=True, slots=True)
class Retry:
    """Try a failed call again, at once or after a delay.

    `max_attempts` counts the first try too. `backoff` is None (at once), a number of seconds, or a `Backoff`. `on` are the
    exception types that are worth another try; empty: all of them. A lost worker is a `WorkerLostError`, a time-out a
    `TimeoutError`. A call that was cancelled, or that the platform refused for good, is never tried again.
    `memory_factor` multiplies the memory of an attempt after one that reached its limit, as far as the platform goes.
    """

    max_attempts: int = 3
    backoff: Backoff | float | None = None
    on: type[BaseException] | tuple[type[BaseException], ...] = field(default=())
    memory_factor: float = 1.0

    def __post_init__(self) -> None:
        if type(self.max_attempts) is not int or self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts!r}: give a whole number from 1 on")
        if not 1.0 <= self.memory_factor < math.inf:
            raise ValueError(f"memory_factor is {self.memory_factor!r}: give a number from 1 on, such as 2")
        if isinstance(self.backoff, (int, float)) and not 0 <= self.backoff < math.inf:
            raise ValueError(f"backoff is {self.backoff!r}: give seconds from 0 on, a lithops.retries.Backoff, or None")

    def wants(self, end: CallEnd, attempt: int, exception: Callable[[], BaseException]) -> bool:
        """Say whether a call that ended so in `attempt` (from 0) is tried again. `exception` is asked only if needed."""
        if attempt + 1 >= self.max_attempts or end in _FINAL:
            return False
        return not self.on or isinstance(exception(), self.on)

    def delay_s(self, attempt: int) -> float:
        """Give the delay before the attempt after `attempt`."""
        if self.backoff is None:
            return 0.0
        if isinstance(self.backoff, Backoff):
            return self.backoff.delay_s(attempt)
        return float(self.backoff)


NO_RETRY = Retry(max_attempts=1)


def as_retry(retries: int | Retry | None) -> Retry:
    """Read what a user gives as `retries`: a number of further attempts, a `Retry`, or None for none."""
    if retries is None:
        return NO_RETRY
    if isinstance(retries, Retry):
        return retries
    if type(retries) is not int or retries < 0:
        raise ValueError(f"retries is {retries!r}: give a whole number from 0 on, or a lithops.Retry")
    return Retry(max_attempts=retries + 1)
