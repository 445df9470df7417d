"""The stream of an answer's body: it ends where the object does, and fails with our errors where the connection does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from lithops.errors import TransientError

__all__ = ["EMPTY", "AnswerStream", "RawStream"]


class RawStream(Protocol):
    """What an SDK gives to read an answer's body."""

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes."""
        ...

    def close(self) -> None:
        """End the connection, or give it back."""
        ...


class AnswerStream:
    """Reads `size_bytes` bytes of a raw stream, and raises a `TransientError` when it ends before them.

    `translate` turns what the SDK raises into ours, or returns None. Not thread-safe.
    """

    def __init__(
        self,
        raw: RawStream,
        size_bytes: int,
        *,
        what: str,
        translate: Callable[[BaseException], BaseException | None],
        etag: str | None = None,
    ) -> None:
        self.etag = etag
        self._raw: RawStream | None = raw
        self._left = size_bytes
        self._what = what
        self._translate = translate

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes, or all that is left; b"" at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if not self._left or not size or self._raw is None:
            return b""
        try:
            data = self._raw.read(min(size, self._left))
        except Exception as exc:  # an SDK may raise anything
            ours = self._translate(exc)
            if ours is None:
                raise
            raise ours from exc
        if not data:
            raise TransientError(f"the answer ended {self._left} bytes too early while reading {self._what}: try again")
        self._left -= len(data)
        if not self._left:
            self.close()
        return data

    def close(self) -> None:
        """Give the connection back. Idempotent."""
        raw, self._raw = self._raw, None
        if raw is not None:
            with suppress(Exception):  # the end of a broken connection may raise anything
                raw.close()


class _Nothing:
    def read(self, size: int, /) -> bytes:
        return b""

    def close(self) -> None:
        return


EMPTY: RawStream = _Nothing()
"""What is read when there is nothing to read."""
