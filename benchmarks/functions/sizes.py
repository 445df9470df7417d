"""How much is measured: the sizes that the bars are about, and tiny ones that show that it works."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUICK", "WHOLE", "Sizes"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """`tracked` is the size of the job that is polled, of which `unfinished` calls have no end yet."""

    calls: int
    idle_s: float
    submitted: int
    submit_rounds: int
    tracked: int
    unfinished: tuple[int, ...]
    track_rounds: int
    cold_rounds: int
    warm_rounds: int


WHOLE = Sizes(1000, 3.0, 1000, 11, 10_000, (5_000, 1_000, 100), 11, 15, 200)
QUICK = Sizes(40, 0.3, 50, 2, 2_000, (200, 20), 1, 2, 10)
