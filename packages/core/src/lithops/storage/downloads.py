"""An object written as a file, whole or not at all: a small one by one request, a big one by ranges at once.

first range --less than it asked for--> that was all
     |
head: the size --small, or a store whose streams name no version--> one stream of the rest, or of all
     |
ranges by several threads, each written at its place; all of the version of the first, else all is read anew, once
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from lithops.errors import StorageError
from lithops.spi.storage import StorageFeature
from lithops.storage.parallel import in_threads
from lithops.storage.retrying import RetryingStorage
from lithops.types import Span

if TYPE_CHECKING:
    from lithops.spi.storage import StorageBackend

__all__ = ["Advance", "download_file"]

Advance = Callable[[int], None]
"""Is told how many more bytes were written; a negative number when they are read anew. Called by several threads."""

RANGE_BYTES = 16 << 20
"""What the first request asks for, and each of those at once."""

PARALLEL_BYTES = 64 << 20
"""An object of this size is read by ranges at once."""

THREADS = 8
_CHUNK_BYTES = 1 << 20
_TRIES = 2


class _ChangedError(Exception):
    """The object was overwritten between two requests."""


def download_file(
    store: StorageBackend, bucket: str, key: str, path: str | os.PathLike[str], *, advance: Advance | None = None
) -> None:
    """Write an object's content as a file, in bounded memory; the file appears whole or not at all.

    Folders that are missing are made, once the object is known to exist. Raises `StorageNoSuchKeyError`, and
    `StorageError` when the object is overwritten again and again while it is read.
    """
    path = os.path.abspath(path)
    retrying = store if isinstance(store, RetryingStorage) else RetryingStorage(store)
    temporary = f"{os.path.dirname(path)}/.{os.urandom(8).hex()}.part"
    target = _Target(temporary, advance or (lambda _: None))
    try:
        for _ in range(_TRIES):
            try:
                _fetch(retrying, bucket, key, target)
            except _ChangedError:
                target.forget()
            else:
                target.close()
                os.replace(temporary, path)
                return
        raise StorageError(
            f"cannot download object '{key}' of bucket '{bucket}': it was overwritten while it was read, {_TRIES} times; "
            "try again when nobody writes it"
        )
    except BaseException:
        target.discard()
        raise


class _Target:
    """The temporary file, made by the first write."""

    def __init__(self, path: str, advance: Advance) -> None:
        self._path = path
        self._advance = advance
        self._file = -1
        self._written = 0

    def open(self) -> None:
        if self._file < 0:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def write(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            done = os.pwrite(self._file, view, at)
            view, at = view[done:], at + done
        self._advance(len(data))
        self._written += len(data)  # only told back: threads may lose a little of it

    def forget(self) -> None:
        os.ftruncate(self._file, 0)
        self._advance(-self._written)
        self._written = 0

    def close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def discard(self) -> None:
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            os.unlink(self._path)


def _fetch(store: RetryingStorage, bucket: str, key: str, target: _Target) -> None:
    if StorageFeature.LOCAL_PATHS in store.features:  # one open file is one version, and as fast
        _copy(store, bucket, key, target, None, None)
        return
    first, etag = _copy(store, bucket, key, target, Span(0, RANGE_BYTES), None)
    if first < RANGE_BYTES:
        return
    info = store.head(bucket, key)
    if etag is None:
        target.forget()
        _copy(store, bucket, key, target, None, None)
    elif info.etag != etag:
        raise _ChangedError
    elif info.size_bytes < PARALLEL_BYTES:
        _copy_whole(store, bucket, key, target, Span(first, info.size_bytes), etag)
    else:
        spans = [Span(at, min(info.size_bytes, at + RANGE_BYTES)) for at in range(first, info.size_bytes, RANGE_BYTES)]
        in_threads(store, spans, lambda one, span: _copy_whole(one, bucket, key, target, span, etag), threads=THREADS)


def _copy_whole(store: RetryingStorage, bucket: str, key: str, target: _Target, span: Span, etag: str | None) -> None:
    if span.start < span.end and _copy(store, bucket, key, target, span, etag)[0] != span.end - span.start:
        raise _ChangedError


def _copy(
    store: RetryingStorage, bucket: str, key: str, target: _Target, span: Span | None, etag: str | None
) -> tuple[int, str | None]:
    """Write what a request gives; tell how much it was, and of which version."""
    with closing(store.get(bucket, key, span=span)) as stream:
        found = getattr(stream, "etag", None)
        if etag is not None and found != etag:
            raise _ChangedError
        target.open()
        at = start = span.start if span else 0
        while chunk := stream.read(_CHUNK_BYTES):
            target.write(chunk, at)
            at += len(chunk)
    return at - start, found
