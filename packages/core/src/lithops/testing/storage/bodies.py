"""The storage kit: streams for bodies that cannot seek, read short or fail, and big content that is cheap to make."""

from __future__ import annotations

import hashlib
import io

from lithops.testing.storage.fixtures import content

__all__ = ["BodyError", "ShortStream", "big_stream", "sha256_of"]

_BLOCK = 1 << 20


class BodyError(Exception):
    """What a body's own stream raises."""


class ShortStream(io.RawIOBase):
    """Cannot seek, reads less than it is asked for, and may fail."""

    def __init__(self, data: bytes, fails_at: int | None = None) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._fails_at = fails_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        if self._fails_at is not None and self._at >= self._fails_at:
            raise BodyError("the body's stream fails here")
        piece = self._data[self._at : self._at + min(len(buffer), 60_001)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class _BlockStream(io.RawIOBase):
    """Many bytes of which only one block is in memory: no two blocks are alike."""

    def __init__(self, size_bytes: int, fails_at: int | None) -> None:
        self._block = bytearray(content(_BLOCK))
        self._left = size_bytes
        self._until_failure = size_bytes + 1 if fails_at is None else fails_at
        self._number = 0
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        if self._until_failure <= 0:
            raise BodyError("the body's stream fails here")
        if not self._ready:
            self._number += 1
            self._ready = memoryview(self._number.to_bytes(8, "big") + self._block[8:])
        piece = self._ready[: min(len(buffer), self._left)]
        buffer[: len(piece)] = piece
        self._ready = self._ready[len(piece) :]
        self._left -= len(piece)
        self._until_failure -= len(piece)
        return len(piece)


def big_stream(size_bytes: int, fails_at: int | None = None) -> io.BufferedReader:
    """Open content of any size, the same each time; a read past `fails_at` bytes raises `BodyError`."""
    return io.BufferedReader(_BlockStream(size_bytes, fails_at))


def sha256_of(stream: io.BufferedReader) -> str:
    """Read a stream to its end."""
    digest = hashlib.sha256()
    while data := stream.read(_BLOCK):
        digest.update(data)
    return digest.hexdigest()
