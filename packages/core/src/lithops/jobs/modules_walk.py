"""Which modules a callable refers to, by name. Whether they are local, and what they need themselves, is not here.

The walk follows what a pickle of the callable holds: code, globals that the code names, closures, defaults,
attributes, classes. It stops at functions and classes that are pickled by reference: their module has the rest.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from opcode import opmap
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any

__all__ = ["imported", "references"]

MAX_OBJECTS = 20_000
"""So many objects are looked at: a function that holds a table of a million rows is not read to its end."""

_ATOMS = frozenset({int, float, complex, bool, str, bytes, bytearray, type(None), type(...), type(NotImplemented)})
_OPAQUE = _ATOMS | {memoryview, CodeType, GetSetDescriptorType, MemberDescriptorType}
_CONTAINERS = (list, tuple, set, frozenset, deque)
_IMPORT_NAME = opmap["IMPORT_NAME"]
_IMPORTERS = frozenset({"import_module", "__import__"})


def references(root: object) -> list[str]:
    """Name the modules that an object refers to, nearest first. Runs no code of the user's; raises nothing."""
    walk = _Walk()
    walk.look_at(root)
    while walk.waiting:
        try:
            walk.visit(walk.waiting.popleft())
        except Exception:  # an object of the user's may raise anything when it is looked at
            continue
    return list(walk.names)


def imported(code: CodeType, package: str) -> Iterator[str]:
    """Name what the import statements of a code object and of those within it ask for; names may be attributes.

    Relative names are resolved against `package`. A constant given to `import_module` counts too.
    """
    for each in _codes(code):
        if _IMPORT_NAME in each.co_code[::2]:
            yield from _import_statements(each, package)
        if not _IMPORTERS.isdisjoint(each.co_names):
            yield from (text for text in each.co_consts if type(text) is str and _is_dotted_name(text))


class _Walk:
    """The state of one walk: what was seen (kept alive, so that ids stay true), and what waits."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.waiting: deque[object] = deque()
        self._seen: dict[int, object] = {}
        self._left = MAX_OBJECTS
        self._slots: dict[type, list[MemberDescriptorType]] = {}

    def look_at(self, obj: object) -> None:
        if type(obj) in _OPAQUE or id(obj) in self._seen or self._left <= 0:
            return
        self._left -= 1
        self._seen[id(obj)] = obj
        self.waiting.append(obj)

    def visit(self, obj: object) -> None:
        kind = type(obj)
        if kind is FunctionType:
            self._function(obj)  # type: ignore[arg-type]
        elif issubclass(kind, type):
            self._class(obj)  # type: ignore[arg-type]
        elif issubclass(kind, ModuleType):
            self._module(obj)  # type: ignore[arg-type]
        else:
            self._instance(obj, kind)

    def _name(self, obj: object) -> None:
        name = _attribute(obj, "__module__")
        if isinstance(name, str) and name != "builtins":
            self.names[name] = None

    def _all(self, items: Iterable[object]) -> None:
        for item in islice(items, self._left):
            self._left -= 1
            self.look_at(item)

    def _function(self, function: FunctionType) -> None:
        self._name(function)
        if _is_by_reference(function):
            return
        known = function.__globals__
        for code in _codes(function.__code__):
            for name in code.co_names:
                if name in known:
                    self.look_at(known[name])
        self.names.update(dict.fromkeys(imported(function.__code__, _package(known))))
        self._all(function.__closure__ or ())
        self._all(function.__defaults__ or ())
        self._all((function.__kwdefaults__ or {}).values())
        self._all(vars(function).values())
        self._all(function.__annotations__.values())  # last: from Python 3.14 on, this may raise

    def _class(self, cls: type) -> None:
        self._name(cls)
        if not _is_by_reference(cls):
            self.look_at(type(cls))
            self._all(cls.__bases__)
            self._all(type.__dict__["__dict__"].__get__(cls).values())

    def _module(self, module: ModuleType) -> None:
        name = _attribute(module, "__name__")
        if isinstance(name, str) and sys.modules.get(name) is module:
            self.names[name] = None
        else:
            self._all(list(vars(module).values()))

    def _instance(self, obj: Any, kind: type) -> None:
        self.look_at(kind)
        self._name(obj)
        if kind is CellType:
            self.look_at(obj.cell_contents)
            return
        if kind is BuiltinFunctionType:
            self.look_at(obj.__self__)
            return
        for base in _CONTAINERS:
            if issubclass(kind, base):
                self._all(base.__iter__(obj))  # never the user's own __iter__
        if issubclass(kind, dict):
            self._all(dict.keys(obj))
            self._all(dict.values(obj))
        for slot in self._slots_of(kind):
            try:
                self.look_at(slot.__get__(obj))
            except AttributeError:
                continue  # an empty slot
        attributes = _attribute(obj, "__dict__")
        if type(attributes) is dict:
            self._all(list(attributes.values()))

    def _slots_of(self, kind: type) -> list[MemberDescriptorType]:
        slots = self._slots.get(kind)
        if slots is None:
            members = (member for base in kind.__mro__ for member in list(vars(base).values()))
            slots = self._slots[kind] = [member for member in members if type(member) is MemberDescriptorType]
        return slots


def _attribute(obj: object, name: str) -> object:
    """Read an attribute without the object's own `__getattr__`: a lazy proxy stays lazy."""
    try:
        return object.__getattribute__(obj, name)
    except AttributeError:
        return None


def _is_by_reference(obj: FunctionType | type) -> bool:
    """Tell whether a pickle holds only the name: what is found under its module and qualified name is itself."""
    name = obj.__module__
    module = sys.modules.get(name) if isinstance(name, str) and name != "__main__" else None
    found: object = module
    try:
        for part in obj.__qualname__.split("."):
            found = getattr(found, part)
    except Exception:  # the module's own __getattr__ may raise anything
        return False
    return found is obj


def _codes(code: CodeType) -> Iterator[CodeType]:
    waiting = [code]
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(constant for constant in code.co_consts if type(constant) is CodeType)


def _package(module_globals: Mapping[str, Any]) -> str:
    package = module_globals.get("__package__")
    if isinstance(package, str):
        return package
    name = str(module_globals.get("__name__") or "")
    return name if "__path__" in module_globals else name.rpartition(".")[0]


def _import_statements(code: CodeType, package: str) -> Iterator[str]:
    import dis

    constants: deque[Any] = deque(maxlen=2)  # what the import takes: its level, and the names after `import`
    for step in dis.get_instructions(code):
        if step.opcode != _IMPORT_NAME:
            constants.append(step.argval)
            continue
        level, names = constants
        home = str(step.argval)
        if level:
            parts = package.split(".") if package else []
            if level > len(parts):
                continue  # beyond the top: it would fail here too
            home = ".".join([*parts[: len(parts) - level + 1], *([home] if home else [])])
        yield home
        yield from (f"{home}.{name}" for name in names or () if name != "*")


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
