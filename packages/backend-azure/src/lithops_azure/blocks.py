"""How a long blob is cut into blocks, and what they are called. A blob has at most 50,000 (the service's limit)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence

__all__ = ["PART_BYTES", "block_id", "block_list", "block_sizes"]

PART_BYTES = 8 << 20
_MOST_BLOCKS = 50_000
_GROWS_AFTER = 10_000


def block_sizes(size_bytes: int | None) -> Callable[[int], int]:
    """Give the size of each block, by its number from 0.

    A blob of unknown length has blocks that double after each 10,000: it can have 2.3 TiB; one of known length more.
    """
    if size_bytes is None:
        return lambda number: PART_BYTES << (number // _GROWS_AFTER)
    size = max(PART_BYTES, -(-size_bytes // _MOST_BLOCKS))
    return lambda _: size


def block_id(writer: str, number: int) -> str:
    """Name a block. All ids of a blob must have one length, and be base64."""
    return b64encode(f"{writer[:16]}-{number:06d}".encode()).decode()


def block_list(ids: Sequence[str]) -> bytes:
    """Give the body of Put Block List."""
    listed = "".join(f"<Latest>{one}</Latest>" for one in ids)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
