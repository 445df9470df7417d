"""Find the local modules that travel with a function: those it refers to, and those that they import.

    function --walk--> names --locate--> local? --> roots (top-level files and folders) --bundle--> a zip
                         ^                 |
                         +---- imports ----+

This runs once a function, never once an element. What packs the files is `lithops.jobs.bundle`.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from types import ModuleType

from lithops.errors import ConfigError
from lithops.jobs.bundle import Bundle, Root, bundle, members
from lithops.jobs.modules_locate import Place, imports_of, is_provided, look_up, metadata_of, roots_of
from lithops.jobs.modules_walk import references

__all__ = ["Bundle", "Root", "bundle", "find", "travelling"]


def find(
    function: object,
    *,
    include: Sequence[str] | None = (),
    exclude: Sequence[str] = (),
    also: Collection[str] = (),
) -> tuple[Root, ...]:
    """Find what travels with a function, for `bundle`.

    `include` empty: what the function refers to and `also` (modules of the data's classes) names; else the named
    modules and paths; None: nothing. What these import travels too, when it is local. Names in `exclude` stay
    behind, with all below them. A package travels whole. Raises `ConfigError` for a name in `include` that is
    neither a module nor a path; nothing else, whatever the function is.
    """
    if include is None:
        return ()
    closure = _Closure(exclude)
    if include:
        for name in include:
            closure.include(os.fspath(name))
    else:
        closure.add(references(function))
        closure.add(also)
    return closure.complete()


def travelling(function: object, include: Sequence[str] | None = (), exclude: Sequence[str] = ()) -> list[str]:
    """List the files that would travel with a function, by their names in the bundle."""
    return [member.name for member in members(find(function, include=include, exclude=exclude))]


class _Closure:
    """Collects roots, and names whose imports are still to be read."""

    def __init__(self, exclude: Sequence[str]) -> None:
        self._exclude = exclude
        self._skip = tuple(name.replace(".", "/") for name in exclude)
        self._roots: dict[Root, None] = {}
        self._waiting: deque[str] = deque()
        self._seen: set[str] = set()
        self._foreign: set[str] = set()  # top-level names that do not travel
        self._loaded: dict[str, list[str]] = {}  # top-level names of packages, and their loaded modules

    def add(self, names: Iterable[str]) -> None:
        self._waiting.extend(names)

    def include(self, name: str) -> None:
        """Take what the user named: a module, or else a file or folder."""
        is_name = all(part.isidentifier() for part in name.split("."))
        if is_name and (is_provided(name.partition(".")[0]) or self._stays(name)):
            return
        place = look_up(name) if is_name else None
        path = os.path.abspath(os.path.expanduser(name))
        if place is not None:
            local = roots_of(place)
            if not local and name.partition(".")[0] in sys.stdlib_module_names:
                return
            self._take(local or roots_of(place, anywhere=True))
            self._read_all(local)
        elif name and os.path.exists(path):
            self._include_path(path)
        else:
            raise ConfigError(
                f"'{name}' of 'include_modules' cannot travel: there is no such module, file or folder; check its "
                f"spelling (relative paths begin at '{os.getcwd()}')"
            )

    def complete(self) -> tuple[Root, ...]:
        """Follow imports until nothing new is found; give the roots in the order of their names."""
        while self._waiting:
            name = self._waiting.popleft()
            if name not in self._seen:
                self._seen.add(name)
                try:
                    self._follow(name)
                except (OSError, ValueError):
                    continue  # a `__file__` that is no path, or a relative one while this folder is gone
        self._take(metadata_of(list(self._roots)))
        return tuple(sorted(self._roots))

    def _take(self, roots: Iterable[Root]) -> None:
        for root in roots:
            self._roots[root._replace(skip=self._skip)] = None

    def _stays(self, name: str) -> bool:
        return any(name == stays or name.startswith(f"{stays}.") for stays in self._exclude)

    def _follow(self, name: str) -> None:
        top = name.partition(".")[0]
        if top in self._foreign or is_provided(top) or _is_attribute(name):
            return
        parent = name.rpartition(".")[0]
        if parent:
            self.add([parent])
        if self._stays(name):
            return
        place = look_up(name)
        if place is None:
            return
        roots = roots_of(place)
        if not roots:
            if place.name == top and len(place.folders or ()) <= 1:  # else some of its folders may be local
                self._foreign.add(top)
            return
        self._take(roots)
        self.add(imports_of(place))
        self.add(self._loaded_of(top))

    def _loaded_of(self, top: str) -> Sequence[str]:
        """Name the loaded modules of a package: it travels whole, and may import its modules in its own way."""
        if not self._loaded:
            for name in list(sys.modules):
                self._loaded.setdefault(name.partition(".")[0], []).append(name)
        return self._loaded.pop(top, ())

    def _include_path(self, path: str) -> None:
        real = os.path.realpath(path)
        if os.path.isdir(path) and any(real == os.path.realpath(entry) for entry in sys.path):
            root = Root("", path)  # what is in it can be imported by itself
        else:
            while os.path.exists(os.path.join(os.path.dirname(path), "__init__.py")):
                path = os.path.dirname(path)
            root = Root(os.path.basename(path), path)
        self._take([root])
        self._read_all([root])

    def _read_all(self, roots: Sequence[Root]) -> None:
        """Follow the imports of every file: what was named has no function that would lead to them."""
        for member in members([root._replace(skip=self._skip) for root in roots]):
            if member.name.endswith(".py") and member.inner is None:
                folder, _, file = member.name.rpartition("/")
                package = folder.replace("/", ".")
                name = f"{package}.{file[:-3]}" if package else file[:-3]
                self.add(imports_of(Place(name, member.path, None, None)))


def _is_attribute(name: str) -> bool:
    """Tell whether `from parent import name` gives something that is no module."""
    parent, _, last = name.rpartition(".")
    home = sys.modules.get(parent)
    return isinstance(home, ModuleType) and name not in sys.modules and last in vars(home)
