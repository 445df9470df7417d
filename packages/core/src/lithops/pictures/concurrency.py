"""How many calls ran at each moment."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["steps_of"]


def steps_of(spans: Iterable[tuple[float, float]]) -> tuple[list[float], list[int]]:
    """Count spans that are open: from each moment on, so many, until the next moment.

    Spans begin and end in any order; one without a length is never open. The last count is 0.
    """
    changes: dict[float, int] = {}
    for start, end in spans:
        if end > start:
            changes[start] = changes.get(start, 0) + 1
            changes[end] = changes.get(end, 0) - 1
    moments: list[float] = []
    counts: list[int] = []
    count = 0
    for moment in sorted(changes):
        if changes[moment]:
            count += changes[moment]
            moments.append(moment)
            counts.append(count)
    return moments, counts
