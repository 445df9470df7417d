"""Where a module lies, whether it is the user's own, what its code imports. Imports no module to find out.

A module is local when its file is neither the standard library's, nor in site-packages or dist-packages, nor
recorded by a distribution installed beside it (`pip install --target`). An editable install lies outside of
these: it is on no index, so it travels. Lithops and its plugins never do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec, all_suffixes
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from lithops.jobs.bundle import Root
from lithops.jobs.modules_walk import imported

__all__ = ["Place", "imports_of", "is_provided", "look_up", "metadata_of", "roots_of"]

SCANS_KEPT = 10_000
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_scans: dict[
    tuple[str, str], tuple[tuple[int, ...], tuple[str, ...]]
] = {}  # what files import, while they are as they were


class Place(NamedTuple):
    """Where a module is found: its file, the folders of its submodules when it is a package, its loader."""

    name: str
    file: str | None
    folders: tuple[str, ...] | None
    loader: Any


def look_up(name: str) -> Place | None:
    """Find a module by its dotted name, loaded or not; None when there is none. Raises nothing."""
    try:
        return _look_up(name)
    except Exception:  # finders and modules may be anybody's
        return None


def is_provided(top: str) -> bool:
    """Tell whether every worker has this top-level module: Lithops, its plugins, what is built into Python."""
    if top in ("lithops", "__main__") or top in sys.builtin_module_names:
        return True
    return top.startswith("lithops_") and top in _plugins()


def roots_of(place: Place, *, anywhere: bool = False) -> tuple[Root, ...]:
    """Name the files and folders by which a module travels: those of its top-level package; none if not local.

    With `anywhere`, installed modules travel too.
    """
    top = place if "." not in place.name else look_up(place.name.partition(".")[0])
    roots: tuple[Root, ...] = ()
    if top is not None:
        roots = tuple(root for root in _own_roots(top) if anywhere or _is_local(root.path, top.name))
    if top is place or any(_is_inside(path, root.path) for path in _paths(place) for root in roots):
        return roots
    return roots + tuple(root for root in _strays(place) if anywhere or _is_local(root.path, place.name))


def imports_of(place: Place) -> tuple[str, ...]:
    """Name what the code of a module imports, also within its functions. The file is read again when it changed."""
    if place.file is None:
        return ()
    try:
        found = os.stat(getattr(place.loader, "archive", place.file))
    except OSError:
        return ()  # deleted: it cannot travel either
    package = place.name if place.folders is not None else place.name.rpartition(".")[0]
    key = (place.file, package)
    stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_size)
    known = _scans.get(key)
    if known is not None and known[0] == stamp:
        return known[1]
    code = _code(place)
    names = tuple(dict.fromkeys(imported(code, package))) if code is not None else ()
    if len(_scans) >= SCANS_KEPT:
        _scans.clear()
    _scans[key] = (stamp, names)
    return names


def metadata_of(roots: Sequence[Root]) -> list[Root]:
    """Name the metadata of the editable installs that roots belong to: `importlib.metadata.version` reads it."""
    found = []
    for entry in sys.path if roots else ():
        try:
            editables = _editables(entry, os.stat(entry).st_mtime_ns)
        except (OSError, TypeError, ValueError):
            continue  # no folder, or no path at all
        for project, info in editables:
            if any(_is_inside(os.path.realpath(root.path), project) for root in roots):
                for name in ("METADATA", "entry_points.txt"):
                    path = os.path.join(info, name)
                    if os.path.exists(path):
                        found.append(Root(f"{os.path.basename(info)}/{name}", path))
    return found


def _look_up(name: str) -> Place | None:
    module = sys.modules.get(name)
    if isinstance(module, ModuleType):
        known = vars(module)
        spec = known.get("__spec__")
        file, path = known.get("__file__"), known.get("__path__")
        folders = None if path is None else tuple(str(folder) for folder in path)
        loader = spec.loader if isinstance(spec, ModuleSpec) else known.get("__loader__")
        return Place(name, file if isinstance(file, str) else None, folders, loader)
    parent, _, _ = name.rpartition(".")
    home = look_up(parent) if parent else None
    if parent and (home is None or home.folders is None):
        return None
    for finder in list(sys.meta_path):
        find_spec = getattr(finder, "find_spec", None)  # as the import system does: an old finder may have none
        spec = find_spec(name, home.folders if home else None) if find_spec is not None else None
        if spec is not None:
            path = spec.submodule_search_locations
            folders = None if path is None else tuple(path)
            return Place(name, spec.origin if spec.has_location else None, folders, spec.loader)
    return None


def _own_roots(top: Place) -> Iterator[Root]:
    if top.folders is not None:
        for folder in top.folders:
            if os.path.exists(folder.split(os.sep)[0] or os.sep):  # else the mark of an editable install's path hook
                yield Root(top.name, os.path.abspath(folder))
    elif top.file is not None:
        yield Root(top.name + _suffix(top.file), os.path.abspath(top.file))


def _strays(place: Place) -> Iterator[Root]:
    """Give the root of a module that does not lie in its top-level package, if that exists at all.

    Its folder as far up as the names agree (a test that pytest imported by path), else itself, put where its name
    says (`spec_from_file_location` with another name).
    """
    for path in _paths(place):
        parts = place.name.split(".")
        end = os.path.join("", *parts) + ("" if place.folders is not None else _suffix(path))
        if path.endswith(os.sep + end):
            yield Root(parts[0], path[: len(path) - len(end)] + parts[0])
        else:
            yield Root("/".join(parts) + ("" if place.folders is not None else _suffix(path)), path)


def _paths(place: Place) -> list[str]:
    if place.folders is not None:
        return [os.path.abspath(folder) for folder in place.folders]
    return [os.path.abspath(place.file)] if place.file is not None else []


def _suffix(file: str) -> str:
    fits = [suffix for suffix in all_suffixes() if file.endswith(suffix)]
    return max(fits, key=len, default=".py")


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _is_local(path: str, name: str) -> bool:
    return _is_in_own_place(path) and not _is_recorded(os.path.dirname(os.path.realpath(path)), name.partition(".")[0])


@lru_cache(4096)
def _is_in_own_place(path: str) -> bool:
    real = os.path.realpath(path)  # through links: `flit install --symlink` links site-packages to the project
    parts = real.split(os.sep)
    if not _INSTALLED.isdisjoint(parts) or any(part.endswith(".egg") for part in parts):
        return False
    library = os.path.realpath(os.path.dirname(os.__file__))
    return not _is_inside(real, library)


def _is_recorded(folder: str, top: str) -> bool:
    try:
        return top in _recorded(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return False  # in an archive, or gone


@lru_cache(256)
def _recorded(folder: str, mtime_ns: int) -> frozenset[str]:  # noqa: ARG001 - the time is a part of the key
    tops: set[str] = set()
    for name in os.listdir(folder):
        if name.endswith(".dist-info"):
            try:
                with open(os.path.join(folder, name, "RECORD"), encoding="utf-8", errors="replace") as record:
                    tops.update(line.split(",")[0].split("/")[0].split(".")[0] for line in record)
            except OSError:
                continue
    return frozenset(tops)


@lru_cache(256)
def _editables(folder: str, mtime_ns: int) -> list[tuple[str, str]]:  # noqa: ARG001 - as above
    """List (project folder, metadata folder) of a site folder's editable installs, by PEP 610."""
    import json
    from urllib.parse import unquote, urlsplit

    found = []
    for name in os.listdir(folder):
        info = os.path.join(folder, name)
        if name.endswith(".dist-info"):
            try:
                with open(os.path.join(info, "direct_url.json"), encoding="utf-8") as file:
                    origin = json.load(file)
                if origin["dir_info"]["editable"]:
                    found.append((os.path.realpath(unquote(urlsplit(origin["url"]).path)), info))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # not editable
    return found


@lru_cache(1)
def _plugins() -> frozenset[str]:
    from importlib.metadata import entry_points

    return frozenset(point.value.partition(":")[0].partition(".")[0] for point in entry_points(group="lithops"))


def _code(place: Place) -> CodeType | None:
    try:
        code = place.loader.get_code(place.name)
    except Exception:  # no such method, another name, a syntax error, a broken archive
        code = None
    if isinstance(code, CodeType):
        return code
    try:
        with open(place.file or "", "rb") as file:
            return compile(file.read(), place.file or "", "exec", dont_inherit=True)
    except Exception:  # no source, or no Python
        return None
