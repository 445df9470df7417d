"""Read a file, or a part of it as if it were all of it, and know which version of the object it is."""

from __future__ import annotations

from io import FileIO

from lithops.types import Span

__all__ = ["FileSpan", "ObjectFile"]


class ObjectFile(FileIO):
    """The file of an object. Owns the descriptor."""

    def __init__(self, descriptor: int, etag: str) -> None:
        super().__init__(descriptor)
        self.etag = etag


class FileSpan:
    """The bytes of a file of `size_bytes` in a span, or what there is of them. Owns the file."""

    __slots__ = ("_file", "_left", "etag")

    def __init__(self, file: ObjectFile, span: Span, size_bytes: int) -> None:
        self.etag = file.etag
        self._file = file
        self._left = max(0, min(span.end, size_bytes) - span.start)
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
