"""HTTP's ranges of bytes, as `extra_get_args` has them: `bytes=a-b` (both included), `bytes=a-`, `bytes=-n`."""

from __future__ import annotations

import re
from collections.abc import Callable

from lithops.types import Span

__all__ = ["span_of"]

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)


def span_of(text: str, size_bytes: Callable[[], int]) -> Span:
    """Read a range; `size_bytes` is asked only for one that is open, or counts from the end."""
    match = _RANGE.fullmatch(text)
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        raise ValueError(f"cannot read the range {text!r}: write 'bytes=0-99', 'bytes=100-' or 'bytes=-100'")
    if first and last:
        return Span(int(first), int(last) + 1)
    size = size_bytes()
    return Span(int(first), max(int(first), size)) if first else Span(max(0, size - int(last)), size)
