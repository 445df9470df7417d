"""What the `os` of `cloud_proxy` gives of folders: entries as `os.scandir` has them, and trees as `os.walk` goes through."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from lithops.storage.fs_entries import Entry

__all__ = ["CloudDirEntry", "CloudEntries", "Folders", "status_of", "tree_of", "walked"]

Folders: TypeAlias = dict[str, tuple[list[str], list[str]]]
"""The names of the folders and of the files that are directly in each folder."""


class CloudDirEntry:
    """What `scandir` gives."""

    __slots__ = ("_entry", "name", "path")

    def __init__(self, path: str, name: str, entry: Entry) -> None:
        self.path = path
        self.name = name
        self._entry = entry

    def __repr__(self) -> str:
        return f"<CloudDirEntry {self.name!r}>"

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Tell whether it is a folder."""
        return bool(self._entry["type"] == "directory")

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Tell whether it is an object."""
        return not self.is_dir()

    def is_symlink(self) -> bool:
        """Tell that it is no link."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Describe it, without a request."""
        return status_of(None if self.is_dir() else self._entry["size"], self._entry.get("mtime"))


class CloudEntries:
    """The iterator of `scandir`; a context manager too."""

    def __init__(self, entries: list[CloudDirEntry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[CloudDirEntry]:
        return self._entries

    def __next__(self) -> CloudDirEntry:
        return next(self._entries)

    def __enter__(self) -> CloudEntries:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: all was read."""


def status_of(size: int | None, modified: float | None) -> os.stat_result:
    """Make the status of an object of this size, or of a folder."""
    mode = stat.S_IFDIR | 0o700 if size is None else stat.S_IFREG | 0o600
    when = int(modified or 0)
    return os.stat_result((mode, 0, 0, 1, 0, 0, size or 0, when, when, when))


def tree_of(keys: Iterable[str], root: str) -> Folders:
    """Sort keys below a folder into folders; one that ends in a slash is a folder itself."""
    folders: Folders = {root: ([], [])}
    for key in keys:
        _note(folders, root, key)
    return folders


def walked(path: str, key: str, folders: Folders, topdown: bool) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each folder as `os.walk` does."""
    inner, files = folders[key]
    if topdown:
        yield path, inner, files
    for name in list(inner):  # the caller may have left some out
        below = f"{key}/{name}" if key else name
        if below in folders:
            yield from walked(posixpath.join(path, name), below, folders, topdown)
    if not topdown:
        yield path, inner, files


def _note(folders: Folders, root: str, key: str) -> None:
    """Note a key, below `root`, as a file of its folder, and the folders on the way; one that no path names is left out."""
    names = (key[len(root) + 1 :] if root else key).split("/")
    if any(name in ("", ".", "..") for name in names[:-1]) or names[-1] in (".", ".."):
        return
    above = root
    for name in names[:-1]:
        inner = f"{above}/{name}" if above else name
        if inner not in folders:
            folders[inner] = ([], [])
            folders[above][0].append(name)
        above = inner
    if names[-1]:
        folders[above][1].append(names[-1])
