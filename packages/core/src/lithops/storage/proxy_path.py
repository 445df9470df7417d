"""`os.path` over objects: questions go to the store, what is about text only is the standard library's."""

from __future__ import annotations

import os
import posixpath
from typing import Any, TypeAlias

from lithops.errors import StorageNoSuchKeyError
from lithops.storage.proxy_tree import Tree, key_of

__all__ = ["CloudPath", "Pathlike"]

Pathlike: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_OF_TEXT = frozenset({
    *("altsep", "basename", "commonpath", "commonprefix", "curdir", "dirname", "extsep", "isabs", "join", "normcase"),
    *("normpath", "pardir", "pathsep", "sep", "split", "splitdrive", "splitext"),
})  # fmt: skip


class CloudPath:
    """The functions of `os.path` that make sense for objects."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def exists(self, path: Pathlike) -> bool:
        """Tell whether there is an object or a folder."""
        return self.isfile(path) or self.isdir(path)

    lexists = exists

    def isfile(self, path: Pathlike) -> bool:
        """Tell whether there is an object."""
        return self._tree.file(key_of(path)) is not None

    def isdir(self, path: Pathlike) -> bool:
        """Tell whether there is a folder: something lies below, or this program made it."""
        return self._tree.is_folder(key_of(path))

    def islink(self, path: Pathlike) -> bool:
        """Tell that it is no link."""
        return False

    def getsize(self, path: Pathlike) -> int:
        """Give the size of an object in bytes, 0 for a folder."""
        info = self._tree.file(key_of(path))
        if info is not None:
            return info.size_bytes
        self._check_folder(path)
        return 0

    def getmtime(self, path: Pathlike) -> float:
        """Give the time of an object's last change, in seconds since 1970; 0.0 where nobody knows."""
        info = self._tree.file(key_of(path))
        if info is None:
            self._check_folder(path)
        return info.modified.timestamp() if info is not None and info.modified is not None else 0.0

    def abspath(self, path: Pathlike) -> str:
        """Give a path from the root, without `.`, `..` and `//`."""
        return "/" + key_of(path)

    realpath = abspath

    def relpath(self, path: Pathlike, start: Pathlike = "/") -> str:
        """Give a path from `start`."""
        return posixpath.relpath(self.abspath(path), self.abspath(start))

    def __getattr__(self, name: str) -> Any:
        if name in _OF_TEXT:
            return getattr(posixpath, name)
        raise AttributeError(f"the os.path of cloud_proxy has no '{name}': import the standard os.path for local files")

    def _check_folder(self, path: Pathlike) -> None:
        if not self.isdir(path):
            raise StorageNoSuchKeyError(self._tree.storage.bucket or "", key_of(path))
