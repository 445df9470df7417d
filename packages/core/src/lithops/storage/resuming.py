"""A stream of an object that continues where it broke, by a ranged get from its next byte."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from lithops.errors import StorageError
from lithops.storage.retrying import RetryPolicy
from lithops.types import Span

if TYPE_CHECKING:
    from lithops.spi.storage import ByteStream, StorageBackend

__all__ = ["ResumingFile", "open_resuming"]

_CHUNK_BYTES = 1 << 20


def open_resuming(
    store: StorageBackend, bucket: str, key: str, *, span: Span | None = None, policy: RetryPolicy | None = None
) -> BinaryIO:
    """Open an object, or the part of it in `span`, as a buffered binary file that cannot seek.

    Raises `StorageNoSuchKeyError` now. Reading fails when the store fails `policy.attempts` times without giving a
    byte, and with a `StorageError` when a stream broke and the object was overwritten before it could continue (for
    stores whose streams have an attribute `etag`).
    """
    return cast(BinaryIO, ResumingFile(_ResumingStream(store, bucket, key, span, policy or RetryPolicy())))


class ResumingFile(io.BufferedReader):
    """The file that users read; `etag` names the version of the object, as far as the store tells."""

    def __init__(self, raw: _ResumingStream) -> None:
        super().__init__(raw)
        self.etag = raw.etag


class _ResumingStream(io.RawIOBase):
    def __init__(self, store: StorageBackend, bucket: str, key: str, span: Span | None, policy: RetryPolicy) -> None:
        self._store = store
        self._bucket = bucket
        self._key = key
        self._policy = policy
        self._at = span.start if span else 0
        self._end = span.end if span else None
        self._stream: ByteStream | None = policy.run(store, lambda: store.get(bucket, key, span=span))
        self.etag: str | None = getattr(self._stream, "etag", None)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return self.readall()
        attempt = 0
        while True:
            try:
                if self._stream is None:
                    self._stream = self._reopen()
                data = self._stream.read(size)
            except Exception as exc:  # a store's SDK may raise anything
                self._drop()
                self._policy.pause(self._store, exc, attempt)
                attempt += 1
            else:
                self._at += len(data)
                return data

    def readall(self) -> bytes:
        whole = io.BytesIO()
        while data := self.read(_CHUNK_BYTES):
            whole.write(data)
        return whole.getvalue()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _reopen(self) -> ByteStream:
        info = self._store.head(self._bucket, self._key)
        self._check(info.etag)
        end = info.size_bytes if self._end is None else min(self._end, info.size_bytes)
        if self._at >= end:
            return io.BytesIO()
        stream = self._store.get(self._bucket, self._key, span=Span(self._at, end))
        try:
            self._check(getattr(stream, "etag", self.etag))
        except StorageError:
            stream.close()
            raise
        return stream

    def _check(self, etag: str | None) -> None:
        if self.etag is not None and etag != self.etag:
            raise StorageError(
                f"cannot read on in object '{self._key}' of bucket '{self._bucket}' after its stream broke: "
                "it was overwritten; read it again"
            )

    def _drop(self) -> None:
        stream, self._stream = getattr(self, "_stream", None), None
        if stream is not None:
            with suppress(Exception):  # the end of a broken connection may raise anything
                stream.close()
