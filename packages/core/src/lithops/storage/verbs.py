"""What can be written on the verbs of any store: text, files, whole prefixes. Retries are the given store's matter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from typing import TYPE_CHECKING

from lithops.types import ObjectInfo, Span

if TYPE_CHECKING:
    from lithops.spi.storage import StorageBackend

__all__ = ["delete_prefix", "download_file", "read_bytes", "read_chunks", "read_text", "upload_file", "write_text"]

_CHUNK_BYTES = 1 << 20
_DELETE_AT_ONCE = 1000


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


def upload_file(store: StorageBackend, path: str | os.PathLike[str], bucket: str, key: str) -> ObjectInfo:
    """Write a file's content as an object, in bounded memory."""
    with open(path, "rb") as file:
        return store.put(bucket, key, file)


def download_file(store: StorageBackend, bucket: str, key: str, path: str | os.PathLike[str]) -> None:
    """Write an object's content as a file, in bounded memory; the file appears whole or not at all.

    Folders that are missing are made, once the object is known to exist.
    """
    path = os.path.abspath(path)
    temporary = f"{os.path.dirname(path)}/.{os.urandom(8).hex()}.part"
    with closing(store.get(bucket, key)) as stream:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                while chunk := stream.read(_CHUNK_BYTES):
                    file.write(chunk)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise


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
