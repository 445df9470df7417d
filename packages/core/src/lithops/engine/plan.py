"""Cut calls into the batches that one `start` of a backend takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lithops.spi.compute import Limits
from lithops.types import CallMessage

__all__ = ["plan"]


def plan(calls: Sequence[CallMessage], limits: Limits) -> Iterator[Sequence[CallMessage]]:
    """Yield the largest batches, in order, that `limits` allow: by number, by inline bytes, and of one job message each.

    A call that is too big by itself still makes a batch: what can be made smaller was stored before.
    """
    most = limits.max_calls_per_start
    at = 0
    while at < len(calls):
        job = calls[at].job
        end, size = at, 0
        while end < len(calls) and end - at < most and calls[end].job is job:
            size += _inline_bytes(calls[end])
            if size > limits.max_payload_bytes and end > at:
                break
            end += 1
        yield calls[at:end]
        at = end


def _inline_bytes(call: CallMessage) -> int:
    data = call.data
    size = data.size_bytes if data.parts is not None else 0
    if call.needs:
        size += sum(need.size_bytes for need in call.needs if need.parts is not None)
    return size
