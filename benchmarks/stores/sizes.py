"""How much is measured: the sizes that the bars are about, and tiny ones that show that it works."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KIB", "MIB", "QUICK", "WHOLE", "Sizes"]

KIB, MIB = 1024, 1024 * 1024
SMALL_BYTES = 10 * KIB


@dataclass(frozen=True, slots=True)
class Sizes:
    """Small objects are put and got `small_calls` at a time by either side in turn, `small_rounds` times."""

    small_calls: int
    small_rounds: int
    big_bytes: int
    big_rounds: int
    listed_keys: int | None
    """None: as many as the store says."""
    many: int
    many_rounds: int


WHOLE = Sizes(50, 20, 512 * MIB, 5, None, 1000, 5)
QUICK = Sizes(5, 2, 24 * MIB, 1, 1200, 40, 1)
