"""How a payload stands in a header: the number of its blobs, or where it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lithops.errors import WireError
from lithops.types import Buffer, Payload

__all__ = ["BlobCursor", "pack_payload"]


def pack_payload(payload: Payload, blobs: list[Buffer]) -> int | list[Any]:
    """Describe a payload; an inline one adds its parts to `blobs`."""
    if payload.parts is not None:
        blobs.extend(payload.parts)
        return len(payload.parts)
    return [payload.key, payload.offset, list(payload.sizes or ())]


class BlobCursor:
    """Give payloads their blobs, in the order in which they were packed."""

    def __init__(self, blobs: list[Buffer]) -> None:
        self._blobs: Iterator[Buffer] = iter(blobs)

    def unpack(self, packed: Any) -> Payload:
        """Undo `pack_payload`. Raises `WireError`."""
        if type(packed) is int and packed >= 1:
            try:
                return Payload(tuple([next(self._blobs) for _ in range(packed)]))
            except StopIteration:
                raise WireError("a message has fewer blobs than its header says") from None
        match packed:
            case [str() as key, int() as offset, list() as sizes] if (
                type(offset) is int and offset >= 0 and sizes and all(type(size) is int and size >= 0 for size in sizes)
            ):
                return Payload(key=key, offset=offset, sizes=tuple(sizes))
        raise WireError(f"a message describes a payload as {str(packed)[:80]!r}")
