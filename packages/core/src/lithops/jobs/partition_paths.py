"""Find the local files that a path names: a file, a directory with all below it, or a pattern."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator

from lithops.jobs.partition_patterns import compile_pattern, literal_prefix

__all__ = ["find_files", "walk_files"]


def find_files(path: str) -> list[tuple[str, int]]:
    """List the regular files that an absolute path names, with their sizes, in the order of their names' bytes.

    A path that exists is itself, and no pattern. A directory gives every regular file below it, hidden ones too;
    links are followed, but no directory is read twice. Raises `FileNotFoundError` when there is none.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as exc:
        found = [] if literal_prefix(path) == path else _matches(path)
        if not found:
            raise FileNotFoundError(f"no file found for '{path}': check the path on this machine") from exc
        return found
    if stat.S_ISREG(status.st_mode):
        return [(path, status.st_size)]
    if not stat.S_ISDIR(status.st_mode):
        raise ValueError(f"'{path}' is neither a regular file nor a directory: give one that is")
    found = _in_order(walk_files(path))
    if not found:
        raise FileNotFoundError(f"no file found below '{path}': the directory holds no regular file")
    return found


def walk_files(folder: str) -> Iterator[tuple[str, int]]:
    """Go through the regular files below a directory, with their sizes; links are followed, none of them twice."""
    return _walk(folder, lambda _: True)


def _matches(pattern: str) -> list[tuple[str, int]]:
    base = literal_prefix(pattern).rpartition("/")[0] + "/"
    if not os.path.isdir(base):
        return []
    names = pattern[len(base) :].split("/")
    steps = [compile_pattern(name) for name in names]
    free = next((at for at, name in enumerate(names) if "**" in name), len(names))  # from here on, any depth

    def may_lead_to_a_match(folder: str) -> bool:
        inner = folder.split("/")
        if free == len(names) and len(inner) >= len(names):
            return False
        return all(re.Pattern.fullmatch(step, name) for step, name in zip(steps[:free], inner, strict=False))

    whole = compile_pattern(pattern)
    return _in_order((path, size) for path, size in _walk(base, may_lead_to_a_match) if whole.fullmatch(path))


def _walk(base: str, enters: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
    """Go through the directories below `base` whose relative names `enters` accepts."""
    seen = set()
    folders = [""]
    while folders:
        folder = folders.pop()
        where = os.path.join(base, folder)
        status = os.stat(where)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(where) as scan:
            entries = sorted(scan, key=lambda entry: os.fsencode(entry.name), reverse=True)
        for entry in entries:
            if entry.is_dir():
                name = f"{folder}/{entry.name}" if folder else entry.name
                if enters(name):
                    folders.append(name)
            elif entry.is_file():
                yield os.path.join(where, entry.name), entry.stat().st_size


def _in_order(files: Iterator[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(files, key=lambda file: os.fsencode(file[0]))
