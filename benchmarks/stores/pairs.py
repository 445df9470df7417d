"""Two clients measured in turn, so that what disturbs the machine disturbs both alike."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import SLOW_ROUND_S, SLOW_ROUNDS

__all__ = ["Pair", "in_pairs"]


@dataclass(frozen=True, slots=True)
class Pair:
    """The median seconds of either, and the median of the rounds' ratios: above 1, ours is the faster."""

    ours_s: float
    peer_s: float
    ratio: float


def in_pairs(ours: Callable[[int], float], peer: Callable[[int], float], *, rounds: int) -> Pair:
    """Measure both in each round, every other round the peer first; both are given the round's number.

    Three rounds are enough when one alone takes more than 5 s.
    """
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2 == 0:
            ours_s = ours(number)
            peer_s = peer(number)
        else:
            peer_s = peer(number)
            ours_s = ours(number)
        pairs.append((ours_s, peer_s))
        if number + 1 >= SLOW_ROUNDS and statistics.median(max(pair) for pair in pairs) > SLOW_ROUND_S:
            break
    print("  ours/peer, s: " + " ".join(f"{mine:.3g}/{theirs:.3g}" for mine, theirs in pairs), file=sys.stderr)
    return Pair(
        statistics.median(mine for mine, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
        statistics.median(theirs / mine for mine, theirs in pairs),
    )
