"""How many calls ran at each moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["columns_of", "steps_of"]


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


def columns_of(
    moments: Sequence[float], counts: Sequence[int], length: float, columns: int
) -> tuple[list[int], list[float]]:
    """Give the most that were open at once in each column of a picture, and the mean: spans may be narrower than one.

    The columns part the time from 0 to `length`; `moments` and `counts` are what `steps_of` gives.
    """
    mosts, means = [0] * columns, [0.0] * columns
    wide = length / columns
    for left, right, count in zip(moments, moments[1:], counts, strict=False):
        if not count:
            continue
        for at in range(min(columns - 1, int(left / wide)), min(columns - 1, int(right / wide)) + 1):
            mosts[at] = max(mosts[at], count)
            means[at] += count * max(0.0, min(right, (at + 1) * wide) - max(left, at * wide)) / wide
    return mosts, means
