"""What travels: by include and exclude, by what a function refers to; when a bundle is made again."""

from __future__ import annotations

import enum
import functools
import importlib
import math
import random
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import ConfigError
from lithops.jobs.modules import bundle, find, travelling
from lithops.jobs.modules_walk import MAX_OBJECTS, references


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, as a program's own is."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, *names: str, **texts: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get("text", ""))
    importlib.invalidate_caches()


def by_value(program: str, **known: object) -> Any:
    """Make what a program calls `f`, as if it were defined in `__main__`."""
    scope: dict[str, Any] = {"__name__": "__main__", **known}
    exec(program, scope)
    return scope["f"]


def nothing() -> None: ...


# What a function refers to


def test_every_part_of_a_function_is_followed(folder: Path) -> None:
    names = [f"part_{number}" for number in range(16)]
    for name in names:
        write(folder, f"{name}.py", text="class C: pass\ndef g(): pass\n")
    m = [importlib.import_module(name) for name in names]
    program = """
import dataclasses, functools
class Meta(type(D)): pass
class Base(D, metaclass=Meta):
    field = E
    @property
    def p(self): return F
    @staticmethod
    def s(): import part_3
class Slotted:
    __slots__ = ("a", "b")
slotted = Slotted()
slotted.a = G()
@dataclasses.dataclass
class Data:
    x: object = dataclasses.field(default_factory=H)
@functools.wraps(I)
def wrapped(): pass
def outer(cell):
    def f(x=J, *, y=K):
        def inner(): return [L for _ in x]
        return cell, Base, slotted, Data, wrapped, table, inner, part, method
    return f
f = outer(M())
"""
    classes = [module.C for module in m]
    known = dict(zip("DEFGHIJKLM", [*classes[:3], *classes[4:11]], strict=True))
    known["I"] = m[6].g
    table = {"deep": [({classes[11]: 1},)]}
    part = functools.partial(print, sep=classes[12]())
    method = types.MethodType(nothing, classes[13]())
    f = by_value(program, **known, table=table, part=part, method=method)
    f.attribute = classes[14]
    f.__annotations__["x"] = types.GenericAlias(list, (classes[15],))
    assert set(names) <= set(references(f))
    assert set(names) <= {name.removesuffix(".py") for name in travelling(f)}


class Proxy:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"looked at: {name}")


class Colour(enum.Enum):
    RED = 1


class Loud(dict[str, int]):
    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("looked at")

    values = items = keys = __iter__  # type: ignore[assignment]


def _cycle() -> list[object]:
    items: list[object] = []
    items.append(items)
    return items


def _lazy_module() -> types.ModuleType:
    module = types.ModuleType("lazy_module")

    def refuse(name: str) -> object:
        raise ValueError(name)

    vars(module)["__getattr__"] = refuse
    return module


def _without_a_module() -> Callable[[], None]:
    def f() -> None: ...

    f.__module__ = None  # type: ignore[assignment]
    f.__qualname__ = "no.such.name"
    return f


WEIRD = [
    None,
    5,
    print,
    [].append,
    math.sin,
    object().__str__,
    [Proxy()],
    Colour.RED,
    Loud(a=1),
    _cycle(),
    _lazy_module(),
    _without_a_module(),
    by_value(
        "def f():\n    from ..... import x\n    from . import y\n    import no_such_module.at_all", __package__=None
    ),
    by_value("f = lambda: x", x=Proxy()),
    iter(()),
    types.SimpleNamespace(a=Proxy),
    object(),
    type,
    sys._getframe(),
    by_value("def f():\n    import __hello__, _frozen_importlib, sys, importlib.machinery, zipimport, xml.dom"),
]


@pytest.mark.parametrize("thing", WEIRD, ids=lambda thing: type(thing).__name__)
def test_a_weird_object_is_no_error(thing: object) -> None:
    find(thing)
    for wrapped in (functools.partial(print, thing), lambda: thing, [thing]):
        find(wrapped)


Things = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from([nothing, Colour, Proxy, math, sys, Colour.RED]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(max_size=2), inner)
        | st.builds(functools.partial, st.just(print), inner)
    ),
)


@given(Things)
def test_no_structure_is_an_error(thing: object) -> None:
    assert isinstance(references(thing), list)


def test_the_walk_ends_in_big_data(folder: Path) -> None:
    write(folder, "near.py", text="class C: pass\n")
    near = importlib.import_module("near")
    data = [[number] for number in range(MAX_OBJECTS * 3)]
    assert "near" in references(by_value("f = lambda: (data, near)", data=data, near=near))


def test_the_standard_library_and_installed_packages_stay() -> None:
    import hypothesis
    import yaml

    assert (
        find(by_value("f = lambda: (yaml, hypothesis, random)", yaml=yaml, hypothesis=hypothesis, random=random)) == ()
    )


def test_lithops_and_its_plugins_never_travel() -> None:
    f = by_value("def f():\n    import lithops, lithops.errors, lithops_localhost.plugin")
    assert find(f) == ()
    assert find(nothing, include=["lithops", "lithops_localhost", "sys", "json"]) == ()


def test_a_module_of_the_user_may_be_named_as_if_it_were_ours(folder: Path) -> None:
    write(folder, "lithops_pipeline.py")
    assert travelling(by_value("def f():\n    import lithops_pipeline")) == ["lithops_pipeline.py"]


def test_cycles_of_imports_end(folder: Path) -> None:
    write(folder, "ring_a.py", text="import ring_b")
    write(folder, "ring_b.py", text="import ring_a, ring_c.d")
    write(folder, "ring_c/d.py", text="from . import e\nfrom .. import nothing\nfrom .no import such\n1 +")
    assert travelling(by_value("def f():\n    import ring_a")) == ["ring_a.py", "ring_b.py", "ring_c/d.py"]


def test_finding_imports_nothing(folder: Path) -> None:
    write(folder, "bomb/__init__.py", "bomb/inner.py", text="raise SystemExit('imported')")
    f = by_value("def f():\n    from bomb.inner import x, y")
    assert travelling(f) == ["bomb/__init__.py", "bomb/inner.py"]


def test_modules_of_the_data_travel_too(folder: Path) -> None:
    write(folder, "element.py")
    assert [root.name for root in find(nothing_of_main(), also={"element", "json", "no_such"})] == ["element.py"]


def nothing_of_main() -> Any:
    return by_value("f = lambda x: x")


def test_a_deleted_module_is_skipped_with_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(folder, "gone.py", text="def g(): pass")
    g = importlib.import_module("gone").g
    (folder / "gone.py").unlink()
    assert bundle(find(g)) is None
    assert "gone.py" in caplog.text


def test_a_module_whose_file_is_no_path_is_skipped(folder: Path) -> None:  # noqa: ARG001
    module = types.ModuleType("pathless")
    module.__file__ = "a\0b"
    sys.modules["pathless"] = module
    assert travelling(by_value("f = lambda: module", module=module)) == []


def test_a_folder_that_is_gone_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()
    module = types.ModuleType("relative")
    module.__file__ = "relative.py"
    sys.modules["relative"] = module
    assert travelling(by_value("f = lambda: module", module=module)) == []


# include and exclude


def test_include_none_takes_nothing(folder: Path) -> None:
    write(folder, "used.py")
    assert find(by_value("def f():\n    import used"), include=None) == ()


def test_included_names_travel_with_what_they_import_instead_of_what_is_found(folder: Path) -> None:
    write(folder, "used.py")
    write(folder, "named/__init__.py", "named/sub.py", text="import further")
    write(folder, "further.py")
    files = travelling(by_value("def f():\n    import used"), include=["named.sub"])
    assert files == ["further.py", "named/__init__.py", "named/sub.py"]


def test_included_paths_travel(folder: Path) -> None:
    write(folder, "near.py", text="import json")
    write(folder, "lib/tool.py", text="import near")
    write(folder, "pack/__init__.py", "pack/deep/__init__.py", "pack/deep/mod.py", "data.json")
    assert travelling(None, ["lib"]) == ["lib/tool.py", "near.py"]
    assert travelling(None, [str(folder / "lib" / "tool.py")]) == ["near.py", "tool.py"]
    whole = ["pack/__init__.py", "pack/deep/__init__.py", "pack/deep/mod.py"]
    assert travelling(None, ["./pack/deep/mod.py"]) == whole
    assert travelling(None, ["pack/deep/"]) == whole
    assert travelling(None, ["data.json"]) == ["data.json"]
    assert set(travelling(None, ["."])) == {"data.json", "lib/tool.py", "near.py", *whole}


def test_an_installed_module_travels_when_it_is_named() -> None:
    assert "yaml/__init__.py" in travelling(None, ["yaml"])


@pytest.mark.parametrize("name", ["no_such_module", "json.no_such", "./no/such/path", "no such", ""])
def test_an_unknown_include_is_named(name: str, folder: Path) -> None:  # noqa: ARG001
    with pytest.raises(ConfigError, match=f"'{name}' of 'include_modules' cannot travel"):
        find(nothing, include=[name])


def test_excluded_names_stay(folder: Path) -> None:
    write(folder, "pack/__init__.py", "pack/tests/__init__.py", "pack/tests_too.py", "pack/big.py", "pack/big.bin")
    write(folder, "other.py", text="import pack")
    f = by_value("def f():\n    import other, pack.big")
    assert travelling(f, exclude=["pack"]) == ["other.py"]
    assert travelling(f, exclude=["other", "pack.tests", "pack.big"]) == [
        "pack/__init__.py",
        "pack/big.bin",
        "pack/tests_too.py",
    ]
    assert travelling(f, include=["pack"], exclude=["pack"]) == []
    write(folder, "pack/big.py", text="import other")
    assert "other.py" not in travelling(f, include=["pack"], exclude=["pack.big"])
