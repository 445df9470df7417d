"""Read a part of a file, as if it were all of it."""

from __future__ import annotations

import os
from io import FileIO

from lithops.types import Span

__all__ = ["FileSpan"]


class FileSpan:
    """The bytes of a file in a span, or what there is of them. Owns the file."""

    __slots__ = ("_file", "_left")

    def __init__(self, file: FileIO, span: Span) -> None:
        self._file = file
        size = os.fstat(file.fileno()).st_size
        self._left = max(0, min(span.end, size) - span.start)
        if self._left:
            file.seek(span.start)

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes, or all that is left; b"" at the end."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
