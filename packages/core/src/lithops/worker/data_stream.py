"""The files that users read a part by: buffered, binary, forward only; lines by `io`, other records by a search."""

from __future__ import annotations

import io
from collections.abc import Iterator

from lithops.worker.data_reader import BLOCK_BYTES

__all__ = ["DataStream", "RecordStream"]


class DataStream(io.BufferedReader):
    """A part whose records are lines."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw, BLOCK_BYTES)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")  # without a look-up of `readline` for each line


class RecordStream(io.BufferedIOBase):
    """A part whose records end with `separator`. `readline` and iteration give records, `read` any bytes."""

    def __init__(self, raw: io.RawIOBase, separator: bytes) -> None:
        self._raw = raw
        self._separator = separator
        self._ahead = b""
        self._at = 0  # where in `_ahead` the next byte lies

    @property
    def name(self) -> str:
        """Name what is read, as files do."""
        return str(getattr(self._raw, "name", ""))

    def readable(self) -> bool:
        return self._raw.readable()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, fewer only at the end; or all that is left."""
        pieces = io.BytesIO()
        if size is None or size < 0:
            pieces.write(self._take(len(self._ahead)))
            pieces.write(self._raw.readall())
            return pieces.getvalue()
        while size > 0 and (piece := self.read1(size)):
            pieces.write(piece)
            size -= len(piece)
        return pieces.getvalue()

    def read1(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes by at most one read below."""
        if size == 0:
            return b""
        if self._at >= len(self._ahead):
            self._ahead, self._at = self._raw.read(BLOCK_BYTES) or b"", 0
        return self._take(self._at + size if size > 0 else len(self._ahead))

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read one record with its separator, or at most `size` bytes of it; b"" at the end."""
        limit = None if size is None or size < 0 else size
        search_from = 0
        while True:
            found = self._ahead.find(self._separator, self._at + search_from)
            end = len(self._ahead) if found < 0 else found + len(self._separator)
            if limit is not None and end - self._at >= limit:
                return self._take(self._at + limit)
            if found >= 0:
                return self._take(end)
            rest = self._take(end)
            search_from = max(0, len(rest) - len(self._separator) + 1)
            more = self._raw.read(
                max(BLOCK_BYTES, len(rest))
            )  # twice as much each time: a long record is not quadratic
            self._ahead, self._at = rest + (more or b""), 0
            if not more:
                return self._take(len(self._ahead))

    def close(self) -> None:
        super().close()
        self._ahead = b""
        self._raw.close()

    def _take(self, end: int) -> bytes:
        taken = self._ahead[self._at : end]
        self._at += len(taken)
        return taken
