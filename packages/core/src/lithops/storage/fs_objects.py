"""What the file system does to one object: parts of it, and local files; in bounded memory. Retries are the store's."""

from __future__ import annotations

import io
import os
from contextlib import closing, suppress
from typing import Any, BinaryIO

from lithops.spi.storage import StorageBackend
from lithops.storage.verbs import read_bytes
from lithops.types import Span

__all__ = ["CountedFile", "download", "read_into", "read_part"]

_CHUNK_BYTES = 1 << 20


def read_part(store: StorageBackend, bucket: str, key: str, start: int | None = None, end: int | None = None) -> bytes:
    """Read what a slice of the object's bytes would give: either end may be None or count from the end.

    One request; one more for the size when that is needed to know where to begin or end.
    """
    first = start or 0
    if not first and end is None:
        return read_bytes(store, bucket, key)
    if first >= 0 and end is not None and end >= 0:
        return read_bytes(store, bucket, key, span=Span(first, max(first, end)))
    first, last, _ = slice(start, end).indices(store.head(bucket, key).size_bytes)
    return read_bytes(store, bucket, key, span=Span(first, max(first, last)))


def read_into(store: StorageBackend, bucket: str, key: str, file: BinaryIO, callback: Any) -> None:
    """Write an object's bytes to an open file, telling fsspec's callback of each piece."""
    with closing(store.get(bucket, key)) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            file.write(chunk)
            callback.relative_update(len(chunk))


def download(store: StorageBackend, bucket: str, key: str, path: str | os.PathLike[str], callback: Any) -> None:
    """Write an object's bytes as a local file, whole or not at all; folders that are missing are made."""
    path = os.path.abspath(path)
    temporary = f"{os.path.dirname(path)}/.{os.urandom(8).hex()}.part"
    with closing(store.get(bucket, key)) as stream:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                while chunk := stream.read(_CHUNK_BYTES):
                    file.write(chunk)
                    callback.relative_update(len(chunk))
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise


class CountedFile(io.FileIO):
    """A local file that tells fsspec's callback how far it was read."""

    def __init__(self, path: str | os.PathLike[str], callback: Any) -> None:
        super().__init__(path, "rb")
        self._callback = callback
        callback.set_size(os.fstat(self.fileno()).st_size)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        if data:
            self._callback.absolute_update(self.tell())
        return data
