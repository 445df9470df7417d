"""`MemoryBlock`: bytes of a fixed length, kept as one string in Redis, read and written in parts."""

from __future__ import annotations

from collections.abc import Iterable

from lithops.multiprocessing.gone import gone
from lithops.multiprocessing.state import SharedObject, expiry_ms, script

__all__ = ["MemoryBlock"]

MAX_BYTES = 512 * 1024 * 1024
"""What a string of Redis holds with its default settings."""

# Arguments: pairs of offset and bytes. SETRANGE alone would bring a deleted block back, without its expiry.
_WRITE = script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for at = 1, #ARGV, 2 do redis.call('SETRANGE', KEYS[1], ARGV[at], ARGV[at + 1]) end
return 1
""")


class MemoryBlock(SharedObject):
    """Bytes that processes share. One read or one write is atomic. Not to be changed in length."""

    _plain = ("_size",)

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise ValueError(f"{len(data)} bytes are too many: a shared value or array has at most {MAX_BYTES}")
        super().__init__("memory")
        self._size = len(data)
        self._redis.call("SET", self._key, data, "PX", expiry_ms())

    def __len__(self) -> int:
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        """Read bytes. Raises SharedObjectGoneError if the block is not there any more."""
        data = self._redis.call("GETRANGE", self._key, offset, offset + size - 1) if size else b""
        if len(data) != size:
            raise gone(self)
        return bytes(data)

    def write(self, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Write bytes at offsets, all of them at once. Raises SharedObjectGoneError if the block is not there any more."""
        arguments: list[int | bytes] = []
        for offset, data in pieces:
            arguments += [offset, data]
        if not _WRITE(self._redis, [self._key], arguments):
            raise gone(self)
