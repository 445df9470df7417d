"""What can be written on the verbs of any store: text, files, deletes of many. Retries are the given store's matter."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from lithops.errors import NoSuchBucketError
from lithops.storage.retrying import can_seek
from lithops.types import ObjectInfo, Span

if TYPE_CHECKING:
    from lithops.objects.parts import Body
    from lithops.spi.storage import StorageBackend

__all__ = [
    "Watched",
    "delete_keys",
    "delete_prefix",
    "read_bytes",
    "read_chunks",
    "read_text",
    "upload_file",
    "write_object",
    "write_text",
]

_CHUNK_BYTES = 1 << 20
_DELETE_AT_ONCE = 1000
_MAKING = Lock()


class Watched(io.FileIO):
    """A file open for reading that tells how far it was read; less when it is read anew."""

    def __init__(self, path: str | os.PathLike[str], advance: Callable[[int], None]) -> None:
        super().__init__(path)
        self._advance = advance
        self._told = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        at = self.tell()
        self._advance(at - self._told)
        self._told = at
        return data


def read_chunks(store: StorageBackend, bucket: str, key: str, *, span: Span | None = None) -> Iterator[bytes]:
    """Read an object in pieces of at most 1 MiB."""
    with closing(store.get(bucket, key, span=span)) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def read_bytes(store: StorageBackend, bucket: str, key: str, *, span: Span | None = None) -> bytes:
    """Read an object, or the part of it in `span`."""
    return b"".join(read_chunks(store, bucket, key, span=span))


def read_text(store: StorageBackend, bucket: str, key: str) -> str:
    """Read an object of text in UTF-8."""
    return read_bytes(store, bucket, key).decode()


def write_text(store: StorageBackend, bucket: str, key: str, text: str) -> ObjectInfo:
    """Write text in UTF-8."""
    return store.put(bucket, key, text.encode())


def write_object(
    store: StorageBackend, bucket: str, key: str, body: Body, *, if_absent: bool = False, makes_bucket: bool = False
) -> ObjectInfo:
    """Write an object; with `makes_bucket` into a bucket that is made when there is none."""
    if not makes_bucket:
        return store.put(bucket, key, body, if_absent=if_absent)
    start: int | None = None
    if not isinstance(body, (bytes, bytearray, memoryview, Sequence)):
        if not can_seek(body):  # it can be sent once only: so ask before
            _make_bucket(store, bucket)
            return store.put(bucket, key, body, if_absent=if_absent)
        start = body.tell()
    try:
        return store.put(bucket, key, body, if_absent=if_absent)
    except NoSuchBucketError:
        _make_bucket(store, bucket)
    if start is not None and not isinstance(body, (bytes, bytearray, memoryview, Sequence)):
        body.seek(start)
    return store.put(bucket, key, body, if_absent=if_absent)


def upload_file(
    store: StorageBackend,
    path: str | os.PathLike[str],
    bucket: str,
    key: str,
    *,
    makes_bucket: bool = False,
    advance: Callable[[int], None] | None = None,
) -> ObjectInfo:
    """Write a file's content as an object, in bounded memory. `advance` is told how many more bytes were taken of it."""
    with open(path, "rb") if advance is None else Watched(path, advance) as file:
        return write_object(store, bucket, key, file, makes_bucket=makes_bucket)


def delete_keys(store: StorageBackend, bucket: str, keys: Iterable[str]) -> None:
    """Delete objects, 1,000 at a time; `keys` is read as they are deleted. Safe to call again after a failure."""
    left = iter(keys)
    while batch := list(islice(left, _DELETE_AT_ONCE)):
        store.delete(bucket, batch)


def delete_prefix(store: StorageBackend, bucket: str, prefix: str) -> int:
    """Delete all objects whose keys begin with `prefix`; returns how many. An empty prefix is refused.

    Objects written meanwhile may stay. Safe to call again after a failure.
    """
    if not prefix:
        raise ValueError(f"cannot delete below an empty prefix of bucket '{bucket}': that would be all of it")
    deleted = 0
    after: str | None = None
    while keys := [info.key for info in islice(store.list(bucket, prefix, after=after), _DELETE_AT_ONCE)]:
        store.delete(bucket, keys)
        deleted += len(keys)
        after = keys[-1]
    return deleted


def _make_bucket(store: StorageBackend, bucket: str) -> None:
    with _MAKING:
        if not store.has_bucket(bucket):
            store.create_bucket(bucket)
