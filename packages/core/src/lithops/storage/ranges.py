"""HTTP's ranges of bytes, as `extra_get_args` has them: `bytes=a-b` (both included), `bytes=a-`, `bytes=-n`."""

from __future__ import annotations

import re
from collections.abc import Callable

from lithops.types import Span

__all__ = ["FAR", "span_of"]

FAR = 1 << 62
"""An end past the end of every object: what is read up to it needs no size."""

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)


def span_of(text: str, size_bytes: Callable[[], int]) -> Span:
    """Read a range; `size_bytes` is asked only for one that counts from the end."""
    match = _RANGE.fullmatch(text)
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        raise ValueError(f"cannot read the range {text!r}: write 'bytes=0-99', 'bytes=100-' or 'bytes=-100'")
    if first:
        start = min(int(first), FAR)
        return Span(start, min(int(last) + 1, FAR) if last else FAR)
    size = size_bytes()
    return Span(max(0, size - int(last)), size)
