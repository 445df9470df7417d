"""Where the bytes of a part come from: a local file, or ranges of an object or a URL."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from lithops.errors import StorageError
from lithops.worker.stores import patiently

if TYPE_CHECKING:
    from lithops.spi.storage import ByteStream

__all__ = ["ByteSource", "FileSource", "RangeSource"]


class ByteSource(Protocol):
    """Something with bytes that is read in runs. Opened by the first read; one reader at a time."""

    def seek(self, start: int, end: int | None) -> None:
        """Begin a run of reads at `start`; they will not go past `end`."""
        ...

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on, at most as much as fits; 0 at the end of the run."""
        ...

    def close(self) -> None:
        """Release what is open. Idempotent; a later read opens it again."""
        ...


class FileSource:
    """A local file, opened once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: io.FileIO | None = None
        self._start = 0

    def seek(self, start: int, end: int | None) -> None:
        self._start = start
        if self._file is not None:
            self._file.seek(start)

    def readinto(self, buffer: memoryview, /) -> int:
        if self._file is None:
            self._file = io.FileIO(self._path)
            self._file.seek(self._start)
        return self._file.readinto(buffer)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class RangeSource:
    """What is opened anew for each run. `open_range` gives a stream of the bytes from a start up to an end.

    After a failure that may pass, it is opened again where the reading stopped. All streams are of one version of the
    object, as far as their attribute `etag` tells. `name` is what messages call it.
    """

    def __init__(
        self,
        open_range: Callable[[int, int | None], ByteStream],
        sleep: Callable[[float], None] = time.sleep,
        name: str = "",
    ) -> None:
        self._open_range = open_range
        self._sleep = sleep
        self._name = name
        self._etag: str | None = None
        self._stream: ByteStream | None = None
        self._at = 0
        self._end: int | None = None

    def seek(self, start: int, end: int | None) -> None:
        self.close()
        self._at, self._end = start, end

    def readinto(self, buffer: memoryview, /) -> int:
        block = patiently(lambda: self._read(len(buffer)), sleep=self._sleep)
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _read(self, size: int) -> bytes:
        if self._stream is None:
            self._stream = self._checked(self._open_range(self._at, self._end))
        try:
            return self._stream.read(size)
        except BaseException:  # of a backend or a signal: what is left of the stream is unknown
            self.close()
            raise

    def _checked(self, stream: ByteStream) -> ByteStream:
        etag: str | None = getattr(stream, "etag", None)
        if self._etag is None:
            self._etag = etag
        elif etag is not None and etag != self._etag:
            stream.close()
            raise StorageError(f"cannot read on in {self._name}: it was overwritten meanwhile; submit the job again")
        return stream
