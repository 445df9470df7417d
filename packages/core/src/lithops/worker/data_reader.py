"""Find where a part of an object begins and ends, and read it forward in bounded memory.

             start - L     start                         end - L      end
    object  -----|-----------|--------------...-------------|----------|------------------------------------
    run 1        [ the first separator here? ][ the body ........ ][ the first separator here? ]
    part                                      [ ........................................ ]
    run 2, 3 ...                                            each twice as long: [ a long last record ]

With a separator of L bytes, boundary(x) is 0 for x <= 0, the size for x >= size, and otherwise the end of the first
separator that begins at or after x - L, or the size when there is none. The part [start, end) is what lies from
boundary(start) to boundary(end). Neighbours compute the same boundary from the same few bytes, so the parts always
make up the object; a record is in the part in which its first byte lies. (Records are those of a split from left to
right, if the separator does not overlap itself as "aba" does; if it does, the bytes near a boundary decide.)

When no separator begins in [start - L, end - L), both boundaries are the same and the part is empty: the search for
its beginning never leaves its own range, so that n parts of one endless record cost one read of it, not n.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from lithops.errors import StorageError

if TYPE_CHECKING:
    from lithops.worker.data_sources import ByteSource

__all__ = ["BLOCK_BYTES", "PartReader"]

BLOCK_BYTES = 1 << 20
"""How much of a part is in memory at a time."""

_SEARCH_BYTES = 1 << 16
"""How much is read at once to find where a part begins, and how far past its end its first run goes."""

_LEAST_MARGIN_BYTES = 256
"""A tiny part does not fetch many times its own length to find its end, but a usual line at least."""


class PartReader(io.RawIOBase):
    """The bytes of one part of `source`. Forward only, one thread at a time; nothing is read before it is asked for.

    `separator` None: the part is exactly [start, end). `size` None: all there is, however much. Raises
    `StorageError` when the source ends before the part does, and what the source raises.
    """

    closed = False  # a property of io's that BufferedReader asks for each line: as an attribute it costs half

    def __init__(
        self, source: ByteSource, name: str, start: int, end: int | None, size: int | None, separator: bytes | None
    ) -> None:
        self._source = source
        self.name = name
        self._start = start
        self._end = end
        self._size = size
        self._separator = None if start == 0 and end == size else separator
        self._has_begun = False
        self._is_done = end is not None and start >= end
        self._at = start  # where the next byte of the source lies
        self._run_end: int | None = None
        self._step = _SEARCH_BYTES
        self._pending = memoryview(b"")  # read while searching, and part of the part
        self._last = b""  # the bytes before `_at`, as many as a separator has

    def readable(self) -> bool:
        return not self.closed

    def readinto(self, buffer: Any, /) -> int:
        if self.closed:
            raise ValueError(f"cannot read {self.name}: its stream was closed")
        view = memoryview(buffer).cast("B")[:BLOCK_BYTES]  # some sources hold as much again
        if not view:
            return 0
        if not self._has_begun and not self._is_done:
            self._begin()
            self._has_begun = True
        if self._pending:
            count = min(len(view), len(self._pending))
            view[:count] = self._pending[:count]
            self._pending = self._pending[count:]
            return count
        if self._is_done:
            return 0
        if self._end is None:
            return self._source.readinto(view)
        if self._at < self._end:
            return self._fetch(view[: self._end - self._at])
        return self._read_tail(view, self._end)

    def readall(self) -> bytes:
        whole = io.BytesIO()  # gives its bytes away without a copy
        block = memoryview(bytearray(BLOCK_BYTES))
        while count := self.readinto(block):
            whole.write(block[:count])
        return whole.getvalue()

    def close(self) -> None:
        super().close()
        self.closed = True
        self._pending = memoryview(b"")
        self._source.close()

    def _begin(self) -> None:
        """Go to the first byte of the part."""
        self._last = b""
        if self._separator is None or self._end is None or self._size is None:
            self._open(self._start, self._end)
            return
        self._step = min(_SEARCH_BYTES, max(_LEAST_MARGIN_BYTES, self._end - self._start))
        self._open(max(0, self._start - len(self._separator)), min(self._size, self._end + self._step))
        if self._start == 0:
            return
        while self._at < self._end:
            window = self._last
            block = memoryview(bytearray(min(_SEARCH_BYTES, self._end - self._at)))
            window += block[: self._fetch(block)]
            found = window.find(self._separator)
            if found >= 0:
                self._pending = memoryview(window)[found + len(self._separator) :]
                return
        self._is_done = True

    def _read_tail(self, view: memoryview, end: int) -> int:
        """Read on past `end`, up to the end of the first separator that begins at or after `end` - L."""
        separator, size = self._separator, self._size
        if separator is None or size is None or self._at >= size or (self._at == end and self._last == separator):
            self._is_done = True
            return 0
        if self._at == self._run_end:
            self._step *= 2
            self._open(self._at, min(size, self._at + self._step))
        before = self._last
        count = self._fetch(view)
        found = (before + view[:count]).find(separator)
        if found >= 0:
            self._is_done = True
            count = found + len(separator) - len(before)
        return count

    def _open(self, start: int, end: int | None) -> None:
        self._source.seek(start, end)
        self._at, self._run_end = start, end

    def _fetch(self, view: memoryview) -> int:
        """Read on in the run, at least one byte."""
        if self._run_end is not None:
            view = view[: self._run_end - self._at]
        count = self._source.readinto(view)
        if not count:
            raise StorageError(
                f"{self.name} ends at byte {self._at}, but had {self._size} bytes when it was partitioned: "
                "it was changed or truncated; submit the job again"
            )
        self._at += count
        if self._separator is not None:
            length = len(self._separator)
            self._last = (self._last + view[max(0, count - length) : count])[-length:]
        return count
