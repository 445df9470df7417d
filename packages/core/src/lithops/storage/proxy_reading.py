"""An object as a file to read: lazy, seekable by ranges, all of one version."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from typing import Any, BinaryIO

from lithops.errors import StorageError
from lithops.storage.ranges import FAR
from lithops.storage.retrying import RetryingStorage
from lithops.types import Span

__all__ = ["BUFFER_BYTES", "ObjectReader"]

BUFFER_BYTES = 256 << 10
"""What the buffer above reads at once: the request goes on to the end of the object, and is ended by a seek."""

SKIP_BYTES = 1 << 20
"""A seek that goes not further forward than this reads on: that is faster than another request."""


class ObjectReader(io.RawIOBase):
    """The bytes of an object. One request opens it; each seek that is not a small one forward makes one more.

    Raises `StorageNoSuchKeyError` now; `StorageError` at a read when the object was overwritten since, as far as the
    store's streams have an `etag`. Not thread-safe.
    """

    def __init__(self, store: RetryingStorage, bucket: str, key: str) -> None:
        self.name = key
        self._store = store
        self._bucket = bucket
        self._at = 0
        self._size: int | None = None
        self._stream: BinaryIO | None = store.get(bucket, key)
        self._stream_at = 0
        self._etag: str | None = getattr(self._stream, "etag", None)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        self._check_open()
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._check_open()
        start = {os.SEEK_SET: lambda: 0, os.SEEK_CUR: lambda: self._at, os.SEEK_END: self._end}.get(whence)
        if start is None:
            raise ValueError(f"cannot seek in '{self.name}' from {whence!r}: give os.SEEK_SET, SEEK_CUR or SEEK_END")
        at = start() + offset
        if at < 0:
            raise ValueError(f"cannot seek in '{self.name}' to byte {at}: it begins at 0")
        self._at = at
        return at

    def readinto(self, buffer: Any, /) -> int:
        self._check_open()
        view = memoryview(buffer).cast("B")
        if not view:
            return 0
        data = self._at_place().read(len(view))
        view[: len(data)] = data
        self._at += len(data)
        self._stream_at = self._at
        return len(data)

    def readall(self) -> bytes:
        self._check_open()
        data = self._at_place().read()
        self._at += len(data)
        self._stream_at = self._at
        return data

    def close(self) -> None:
        self._drop()
        super().close()

    def _at_place(self) -> BinaryIO:
        """Give a stream whose next byte is the one at `_at`."""
        ahead = self._at - self._stream_at
        stream = self._stream
        if stream is not None and 0 <= ahead <= SKIP_BYTES:
            skipped = len(stream.read(ahead)) if ahead else 0
            self._stream_at += skipped
            if skipped == ahead:
                return stream
        self._drop()
        self._stream_at = self._at
        stream = self._stream = self._store.get(self._bucket, self.name, span=Span(self._at, FAR))
        self._check_version(getattr(stream, "etag", None))
        return stream

    def _end(self) -> int:
        if self._size is None:
            info = self._store.head(self._bucket, self.name)
            self._check_version(info.etag)
            self._size = info.size_bytes
        return self._size

    def _check_version(self, etag: str | None) -> None:
        if self._etag is not None and etag is not None and etag != self._etag:
            self._drop()
            raise StorageError(
                f"cannot read on in object '{self.name}' of bucket '{self._bucket}': it was overwritten; open it again"
            )

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(f"cannot use '{self.name}': it is closed")

    def _drop(self) -> None:
        stream, self._stream = getattr(self, "_stream", None), None
        if stream is not None:
            with suppress(Exception):  # the end of a broken connection may raise anything
                stream.close()
