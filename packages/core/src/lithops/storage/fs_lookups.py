"""The half of the file system that looks: what there is, and what it is. It changes nothing."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

from fsspec import AbstractFileSystem

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError
from lithops.storage.api import Storage
from lithops.storage.fs_entries import Entry, below, children, file_entry, folder_entry
from lithops.storage.retrying import RetryingStorage

__all__ = ["FileSystemLookups"]

_MAGIC = "*?["


class FileSystemLookups(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Answers about files and folders, each from the store as it is now. Where both are of a name, it is a file."""

    protocol = "lithops"
    storage: Storage
    store: RetryingStorage
    _gathered: threading.local  # of a thread that expands paths: `seen`, what was listed for it

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return super()._strip_protocol(path).lstrip("/")

    def split(self, path: str | os.PathLike[str]) -> tuple[str, str]:
        """Split a path into the bucket and the key; either may be empty."""
        bucket, _, key = self._strip_protocol(path).partition("/")
        return bucket, key

    def info(self, path: str, **kwargs: Any) -> Entry:
        """Describe a file, a folder or a bucket: a dict with `name`, `size`, `type`; of a file also `etag` and `mtime`.

        Raises `FileNotFoundError`. A file costs one request, a folder two.
        """
        bucket, key = self.split(path)
        if not bucket:
            return folder_entry("")
        if not key:
            if not self.store.has_bucket(bucket):
                raise NoSuchBucketError(bucket)
            return folder_entry(bucket)
        try:
            return file_entry(bucket, self.store.head(bucket, key))
        except StorageNoSuchKeyError:
            if next(self.store.list(bucket, f"{key}/"), None) is None:
                raise
            return folder_entry(f"{bucket}/{key}")

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """List a folder, or a file as itself: what `info` tells, or without `detail` the names, in their order.

        The root has the bucket of the configuration only: stores are not asked for their buckets.
        """
        bucket, key = self.split(path)
        if not bucket:
            found = [folder_entry(bucket) for bucket in self._buckets()]
        else:
            found = list(children(self.store, bucket, f"{key}/" if key else ""))
            own = f"{bucket}/{key}" if key else bucket
            if not found and key:
                found = [file_entry(bucket, self.store.head(bucket, key))]
            else:
                found = [entry for entry in found if entry["name"] != own]
        found.sort(key=_name)
        return found if detail else [entry["name"] for entry in found]

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **kwargs: Any
    ) -> Any:
        """List all files below a path, by one flat listing: their names in order, or with `detail` a dict of `info`s.

        `withdirs` adds the folders, and the path itself. A path that does not exist gives nothing. With `prefix`, only
        what begins with it directly below the path.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError(f"cannot find with maxdepth {maxdepth}: give a number from 1 on, or None")
        bucket, key = self.split(path)
        if bucket:
            found = self._find(bucket, key, maxdepth, withdirs, kwargs.get("prefix", ""))
        else:
            found = self._find_in_all(maxdepth, withdirs)
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Find the files and folders that a pattern matches, in their order; with `detail` a dict of what `info` tells."""
        pattern = self._strip_protocol(path)
        literal = pattern[: min((at for at in map(pattern.find, _MAGIC) if at >= 0), default=len(pattern))]
        if literal != pattern and "/" in literal:
            kwargs["prefix"] = literal.rpartition("/")[2]  # fewer keys are listed
        return super().glob(path, maxdepth=maxdepth, **kwargs)

    def du(
        self, path: str, total: bool = True, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any
    ) -> Any:
        """Sum the bytes of all files below a path, or without `total` give a dict of each one's."""
        found = self.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
        sizes = {name: entry["size"] for name, entry in found.items()}
        return sum(sizes.values()) if total else sizes

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Tell whether there is a file, a folder or a bucket. Raises what the store raises when it cannot tell."""
        return self._type(path) is not None

    def isfile(self, path: str) -> bool:
        """Tell whether there is a file. Raises what the store raises when it cannot tell."""
        return self._type(path) == "file"

    def isdir(self, path: str) -> bool:
        """Tell whether there is a folder or a bucket. Raises what the store raises when it cannot tell."""
        return self._type(path) == "directory"

    def modified(self, path: str) -> datetime:
        """Give the time of the last write of a file, in UTC."""
        bucket, key = self.split(path)
        found = self.store.head(bucket, key).modified if key else None
        if found is None:
            raise NotImplementedError(
                f"the store does not tell when '{path}' was written: keep the time in its content"
            )
        return found.astimezone(UTC)

    def created(self, path: str) -> datetime:
        """Give the time of the last write of a file, in UTC: objects are written whole, and never changed."""
        return self.modified(path)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Do nothing: nothing is cached."""

    def _seen(self) -> dict[str, Entry]:
        """Give what this thread has listed since it began to expand paths: it asks again for each of them."""
        seen: dict[str, Entry] | None = getattr(self._gathered, "seen", None)
        return {} if seen is None else seen

    def _type(self, path: str) -> str | None:
        if seen := self._seen().get(self._strip_protocol(path)):
            return str(seen["type"])
        try:
            return str(self.info(path)["type"])
        except FileNotFoundError:
            return None

    def _buckets(self) -> list[str]:
        return [self.storage.bucket] if self.storage.bucket else []

    def _find_in_all(self, maxdepth: int | None, withdirs: bool) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for bucket in self._buckets():
            if maxdepth == 1:
                found |= {bucket: folder_entry(bucket)} if withdirs else {}
            else:
                found |= self._find(bucket, "", maxdepth and maxdepth - 1, withdirs, "")
        return found

    def _find(self, bucket: str, key: str, maxdepth: int | None, withdirs: bool, begin: str) -> dict[str, Entry]:
        folder, own = (f"{key}/", f"{bucket}/{key}") if key else ("", bucket)
        found: dict[str, Entry] = {}
        try:
            if maxdepth == 1:
                for entry in children(self.store, bucket, folder, begin):
                    found.setdefault(entry["name"], entry)  # a file comes before a folder of its name
                is_folder = bool(found) or not key
                found = {name: entry for name, entry in found.items() if withdirs or entry["type"] == "file"}
            else:
                infos = self.store.list(bucket, folder + begin)
                first = list(islice(infos, 1))
                is_folder = bool(first) or not key
                found = below(chain(first, infos), bucket, folder, maxdepth=maxdepth, withdirs=withdirs)
            if is_folder and withdirs:
                found[own] = folder_entry(own)
            if not is_folder and not begin:
                found = {own: file_entry(bucket, self.store.head(bucket, key))}
        except FileNotFoundError:
            return {}
        self._seen().update(found)
        return found


def _name(entry: Entry) -> str:
    return str(entry["name"])
