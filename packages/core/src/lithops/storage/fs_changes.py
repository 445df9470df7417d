"""The part of the file system that changes what there is: folders, moves and deletes."""

from __future__ import annotations

import errno
import os
from itertools import islice
from typing import Any

from lithops.errors import NotSupportedError
from lithops.storage.fs_transfers import FileSystemTransfers
from lithops.storage.parallel import in_threads

__all__ = ["FileSystemChanges"]

_DELETED_AT_ONCE = 1000


class FileSystemChanges(FileSystemTransfers):
    """What makes, moves and deletes. Folders are not kept: each exists while there is a file in it."""

    def touch(self, path: str, truncate: bool = True, **kwargs: Any) -> None:
        """Write an empty file. Without `truncate` it must not exist: stores cannot change the time of an object."""
        try:
            self.pipe_file(path, b"", mode="overwrite" if truncate else "create")
        except FileExistsError as exc:
            raise NotSupportedError(
                f"cannot touch '{path}': a store cannot change only the time of an object; write it again"
            ) from exc

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Create a bucket; in a bucket that exists, do nothing: a folder exists once there is a file in it.

        Raises `FileExistsError` when there is a file, a folder or a bucket of that name.
        """
        bucket, key = self.split(path)
        if not bucket or self.exists(path):
            raise FileExistsError(errno.EEXIST, "cannot make a folder: the name is taken; choose another one", path)
        if not key:
            self.store.create_bucket(bucket)
        elif not self.store.has_bucket(bucket):
            if not create_parents:
                raise FileNotFoundError(errno.ENOENT, "cannot make a folder: there is no such bucket; create it", path)
            self.store.create_bucket(bucket)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Do what `mkdir` does; with `exist_ok` a folder or bucket may exist."""
        try:
            self.mkdir(path)
        except FileExistsError:
            if not exist_ok or self.isfile(path):
                raise

    def rmdir(self, path: str) -> None:
        """Remove a folder that has no files; raises `OSError` when it has. Buckets stay: their stores have own rules."""
        bucket, key = self.split(path)
        folder = f"{key}/" if key else ""
        if any(info.key != folder for info in islice(self.store.list(bucket, folder), 2)):
            raise OSError(errno.ENOTEMPTY, "cannot remove a folder: it has files; use rm with recursive=True", path)
        if not key:
            raise NotSupportedError(f"cannot remove bucket '{bucket}': use the store's own tool")
        self.store.delete(bucket, [folder])  # a marker that another tool made

    def mv(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> None:
        """Copy files, then delete the old ones. Not atomic: stores cannot rename."""
        old, new = self._strip_protocol(path1), self._strip_protocol(path2)
        if old == new:
            return
        if recursive and isinstance(old, str) and isinstance(new, str) and new.startswith(f"{old}/"):
            raise OSError(errno.EINVAL, "cannot move a folder into itself: choose another place", old, None, new)
        self.copy(path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise")
        self.rm(path1, recursive=recursive, maxdepth=maxdepth)

    def rm_file(self, path: str) -> None:
        """Delete a file. Raises `FileNotFoundError` when there is none: to know this costs one more request."""
        self._refuse_folder(path)
        bucket, key = self.split(path)
        self.store.delete(bucket, [key])

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete files, and with `recursive` all that is below folders, by requests for up to 1,000 of them.

        A bucket stays, also when all in it is deleted. Raises `FileNotFoundError`.
        """
        named = [path] if isinstance(path, (str, os.PathLike)) else list(path)
        is_limited = recursive and maxdepth is not None
        names = self.expand_path(named, recursive=is_limited, maxdepth=maxdepth)
        if not all(names):
            raise ValueError("cannot delete everything: name a bucket, a folder or a file")
        if recursive and not is_limited:
            self._delete_trees(names)
            return
        if not recursive:
            in_threads(self.store, names, lambda _, name: self._refuse_folder(name), threads=self.threads)
        by_bucket: dict[str, list[str]] = {}
        for bucket, key in map(self.split, names):  # folders among them are keys that do not exist: no error
            by_bucket.setdefault(bucket, []).extend([key] if key else [])
        for bucket, keys in by_bucket.items():
            for at in range(0, len(keys), _DELETED_AT_ONCE):
                self.store.delete(bucket, keys[at : at + _DELETED_AT_ONCE])

    def _delete_trees(self, names: list[str]) -> None:
        gone: set[str] = set()
        for name in sorted(names):  # a folder before what is in it
            parts = name.split("/")
            if not any("/".join(parts[:count]) in gone for count in range(1, len(parts))):
                self._delete_tree(name)
                gone.add(name)

    def _delete_tree(self, name: str) -> None:
        bucket, key = self.split(name)
        own = [key] if key else []
        after: str | None = None
        while True:
            infos = list(islice(self.store.list(bucket, f"{key}/" if key else "", after=after), _DELETED_AT_ONCE - 1))
            if key and not infos and after is None:
                self.store.head(bucket, key)  # raises when there is neither a folder nor a file
            if infos or own:
                self.store.delete(bucket, own + [info.key for info in infos])
            if len(infos) < _DELETED_AT_ONCE - 1:
                return
            own, after = [], infos[-1].key

    def _refuse_folder(self, path: str) -> None:
        if self.info(path)["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "cannot delete a folder as a file: use rm with recursive=True", path)
