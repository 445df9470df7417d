"""Finding the entry points of a group in what is installed.

`importlib.metadata` does this too, but its import costs as much as the rest of the start: it is used only where
a plain look into the folders of `sys.path` would not see everything (archives, eggs, finders of others).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = ["EntryPoint", "find_entry_points"]


class EntryPoint(NamedTuple):
    """One entry point: `value` is "module" or "module:attribute"."""

    name: str
    value: str
    distribution: str
    version: str


def find_entry_points(group: str, path: Sequence[str] | None = None) -> list[EntryPoint]:
    """List the entry points of a group in the folders of `path` (default: `sys.path`), sorted by their names.

    Of a distribution that is installed twice only the first on the path counts, as for an import.
    """
    folders = list(sys.path if path is None else path)
    found = _in_folders(group, folders)
    if found is None:
        found = _by_importlib(group, folders)
    unique = dict.fromkeys(found)  # one file may repeat an entry
    return sorted(unique, key=lambda entry: (entry.name, entry.distribution))


def _in_folders(group: str, folders: Iterable[str]) -> list[EntryPoint] | None:
    """Read `*.dist-info/entry_points.txt` of each folder; None when there may be more than these tell."""
    if any(hasattr(finder, "find_distributions") and not _is_path_finder(finder) for finder in sys.meta_path):
        return None
    marker = f"[{group}]".encode()
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for folder in folders:
        if folder.endswith(".egg"):
            return None
        try:
            names = sorted(os.listdir(folder or "."))
        except NotADirectoryError:  # an archive
            return None
        except OSError:
            continue
        for name in names:
            stem, _, suffix = name.rpartition(".")
            if suffix not in {"dist-info", "egg-info", "egg"}:
                continue
            distribution, _, version = stem.partition("-")
            key = re.sub(r"[-_.]+", "-", distribution).lower()
            if key in seen:
                continue
            seen.add(key)
            text = _read(os.path.join(folder, name, "entry_points.txt"))
            if suffix != "dist-info" and (suffix == "egg" or marker in text):
                return None
            if marker in text:
                entries = _parse(text.decode("utf-8", "replace"), group)
                shown = distribution.replace("_", "-")
                found.extend(EntryPoint(name, value, shown, version) for name, value in entries)
    return found


def _by_importlib(group: str, folders: list[str]) -> list[EntryPoint]:
    from importlib.metadata import distributions

    found: list[EntryPoint] = []
    seen: set[str] = set()
    for distribution in distributions(path=folders):
        name = distribution.metadata["Name"] or ""
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in seen:
            continue
        seen.add(key)
        text = distribution.read_text("entry_points.txt") or ""
        found.extend(EntryPoint(entry, value, name, distribution.version) for entry, value in _parse(text, group))
    return found


def _is_path_finder(finder: object) -> bool:
    return getattr(finder, "__module__", "") == "_frozen_importlib_external"


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:
            return stream.read()
    except OSError:  # most distributions have no entry points
        return b""


def _parse(text: str, group: str) -> Iterator[tuple[str, str]]:
    """Read one group of an `entry_points.txt` (https://packaging.python.org/specifications/entry-points)."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == group and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()
