"""The keys of a bucket as files and folders, for `cloud_proxy`: what is there, asked by as few requests as can be."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError
from lithops.storage.fs_entries import Entry, children
from lithops.types import ObjectInfo

if TYPE_CHECKING:
    from lithops.storage.api import Storage
    from lithops.storage.retrying import RetryingStorage

__all__ = ["Tree", "key_of"]


def key_of(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """Give the key that a path means: `/a/b`, `a//b` and `./x/../a/b` are `a/b`; the root is the empty text."""
    if isinstance(path, int):
        raise TypeError(f"cannot use the number {path} as a path: an object has no file descriptor")
    return posixpath.normpath("/" + os.fsdecode(path)).lstrip("/")


class Tree:
    """The bucket of a storage: the given one, else of the call that runs here, else the configured one.

    A folder is what stands before a slash; it exists while a key begins with it, or when this program made it.
    """

    def __init__(self, storage: Storage | None = None) -> None:
        self.given = storage
        self.made: set[str] = set()
        self._configured: tuple[int, Storage] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Tree, (self.given,)

    @property
    def storage(self) -> Storage:
        from lithops.storage.api import Storage
        from lithops.worker.context import current

        if self.given is not None:
            return self.given
        if current() is not None:  # cheap, since its store is open; the next call may be another job's
            return Storage()
        if self._configured is None or self._configured[0] != os.getpid():  # a fork has its own connections
            self._configured = os.getpid(), Storage()
        return self._configured[1]

    def place(self) -> tuple[RetryingStorage, str]:
        """Give the store, and the name of the bucket."""
        storage = self.storage
        if not storage.bucket:
            raise ValueError(
                f"the storage '{storage.backend}' has no bucket for files: set 'storage_bucket' in its section of the "
                "configuration"
            )
        return storage._store, storage.bucket

    def file(self, key: str) -> ObjectInfo | None:
        """Describe the object under a key; None when there is none."""
        store, bucket = self.place()
        try:
            return store.head(bucket, key) if key else None
        except (StorageNoSuchKeyError, NoSuchBucketError):
            return None

    def is_folder(self, key: str) -> bool:
        """Tell whether something lies below, or the folder was made here."""
        if not key or key in self.made:
            return True
        store, bucket = self.place()
        try:
            return next(iter(store.list(bucket, f"{key}/")), None) is not None
        except NoSuchBucketError:
            return False

    def entries(self, key: str) -> dict[str, Entry]:
        """Give what is directly in a folder, by name, in order. Raises as `os.listdir` does."""
        store, bucket = self.place()
        folder = f"{key}/" if key else ""
        found: dict[str, Entry] = {}
        is_there = self.is_made(key)
        try:
            for entry in children(store, bucket, folder):
                is_there = True
                name = entry["name"].removeprefix(f"{bucket}/{folder}")
                if name and "/" not in name and entry["name"] != f"{bucket}/{key}".rstrip("/"):
                    found[name] = entry
        except NoSuchBucketError:
            if not is_there:
                raise
        for made in self.made:
            parent, _, name = made.rpartition("/")
            if parent == key:
                found.setdefault(name, {"name": f"{bucket}/{made}", "size": 0, "type": "directory"})
        if not is_there and not found:
            if self.file(key) is not None:
                raise NotADirectoryError(f"'{key}' of bucket '{bucket}' is no folder but an object")
            raise FileNotFoundError(f"there is no folder '{key}' in bucket '{bucket}': no key begins so")
        return found

    def below(self, key: str) -> Iterator[ObjectInfo]:
        """List all objects below a folder."""
        store, bucket = self.place()
        try:
            yield from store.list(bucket, f"{key}/" if key else "")
        except NoSuchBucketError:
            if not self.is_made(key):
                raise

    def is_made(self, key: str) -> bool:
        """Tell whether a folder is there without any key: the root, or one made here."""
        return not key or key in self.made

    def make(self, key: str) -> None:
        """Note a folder and those above it."""
        while key:
            self.made.add(key)
            key = key.rpartition("/")[0]
