"""List the files below a folder in the order of their keys, lazily."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter

from lithops_localhost.file_errors import explained
from lithops_localhost.file_names import added_by

__all__ = ["walk"]


def walk(folder: bytes, above: bytes, prefix: bytes, after: bytes | None) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield each key that begins with `prefix` and is above `after`; all keys in `folder` begin with `above`.

    In memory are the names in the folders on the way down to the current key, and no open file.
    """
    levels = [(above, iter(_entries(folder)))]
    while levels:
        above, entries = levels[-1]
        for added, entry in entries:
            key = above + added
            if entry.is_dir(follow_symlinks=False):
                if _may_hold(key, prefix, after):
                    levels.append((key, iter(_entries(entry.path))))
                    break
            elif key.startswith(prefix) and (after is None or key > after):
                status = _status(entry.path)
                if status is not None:
                    yield key, status
        else:
            levels.pop()


def _entries(folder: bytes) -> list[tuple[bytes, os.DirEntry[bytes]]]:
    """Read a folder: what each entry adds to the keys, in order. One that is gone is empty."""
    found = []
    gone = suppress(FileNotFoundError, NotADirectoryError)
    with explained("list", os.fsdecode(folder)), gone, os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder or entry.is_file(follow_symlinks=False):
                added = added_by(entry.name, is_folder)
                if added is not None:
                    found.append((added, entry))
    found.sort(key=itemgetter(0))
    return found


def _status(path: bytes) -> os.stat_result | None:
    """Describe a file now, not when its folder was read; None when it is gone."""
    with explained("list", os.fsdecode(path)), suppress(FileNotFoundError, NotADirectoryError):
        return os.lstat(path)
    return None


def _may_hold(folder: bytes, prefix: bytes, after: bytes | None) -> bool:
    """Tell whether keys that begin with `folder` can be wanted."""
    if not (folder.startswith(prefix) or prefix.startswith(folder)):
        return False
    return after is None or folder > after or after.startswith(folder)
