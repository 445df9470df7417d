"""The user's own modules: packages with relative imports and data files, edits between two maps, what stays behind."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import lithops

RunClient = Callable[..., CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path of imports; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()


PACKAGE = {
    "shop/__init__.py": "from .prices import price\n",
    "shop/prices.py": "from .deep.table import TABLE\nfrom . import taxes\n"
    "def price(x):\n    return TABLE[x] + taxes.tax(x)\n",
    "shop/taxes.py": "import importlib.resources, os\n"
    "def tax(x):\n    here = os.path.dirname(__file__)\n"
    "    text = open(os.path.join(here, 'data', 'tax.txt'), encoding='utf-8').read()\n"
    "    again = importlib.resources.files('shop').joinpath('data/tax.txt').read_text(encoding='utf-8')\n"
    "    assert text == again\n    return int(text.split()[1])\n",
    "shop/deep/__init__.py": "",
    "shop/deep/table.py": "from ..words import WORD\nTABLE = {WORD: 40}\n",
    "shop/words.py": "WORD = 'ä'\n",
    "shop/data/tax.txt": "täx 2",
}


def test_a_package_travels_with_relative_imports_and_data_files(
    executor: lithops.FunctionExecutor, project: Path
) -> None:
    write(project, PACKAGE)
    shop = importlib.import_module("shop")

    def asks(x: str) -> Any:
        return shop.price(x), shop.__file__

    result, place = executor.call_async(asks, "ä").result(timeout=20)
    assert result == 42
    assert not place.startswith(str(project)), "it did not travel: the worker read the client's files"
    assert executor.call_async(shop.price, "ä").result(timeout=20) == 42


def test_a_module_that_is_imported_inside_the_function_travels(
    executor: lithops.FunctionExecutor, project: Path
) -> None:
    write(project, {"late_one.py": "import late_two\nX = late_two.X + 1\n", "late_two.py": "X = 1\n"})

    def asks() -> int:
        import late_one  # type: ignore[import-not-found]

        found: int = late_one.X
        return found

    assert executor.call_async(asks, ()).result(timeout=20) == 2


def test_two_jobs_with_modules_in_turn_see_their_own(executor: lithops.FunctionExecutor, project: Path) -> None:
    write(project, {"turn_a.py": "def f():\n    import turn_c\n    return 'a', turn_c.X\n"})
    write(project, {"turn_b.py": "def f():\n    return 'b'\n", "turn_c.py": "X = 5\n"})
    a, b = importlib.import_module("turn_a"), importlib.import_module("turn_b")
    for _ in range(3):
        assert executor.map(a.f, [()] * 4, include_modules=["turn_a", "turn_c"]).get_result() == [("a", 5)] * 4
        assert executor.map(b.f, [()] * 4).get_result() == ["b"] * 4


def test_a_module_that_was_edited_between_two_maps_is_the_new_one(
    executor: lithops.FunctionExecutor, project: Path
) -> None:
    for version in range(3):
        write(project, {"edited.py": f"VERSION = {version}\ndef f(x):\n    return VERSION, x{' ' * version}\n"})
        edited = importlib.import_module("edited")
        if version:
            edited = importlib.reload(edited)
        assert executor.map(edited.f, range(6)).get_result(timeout=20) == [(version, x) for x in range(6)]


def test_a_class_of_a_module_comes_back_as_that_class(executor: lithops.FunctionExecutor, project: Path) -> None:
    write(
        project,
        {"shapes.py": "class Square:\n    def __init__(self, x):\n        self.x = x\nclass Wrong(Exception): pass\n"},
    )
    shapes = importlib.import_module("shapes")

    def make(x: int) -> Any:
        if x < 0:
            raise shapes.Wrong(x)
        return shapes.Square(x)

    assert type(executor.call_async(make, 2).result(timeout=20)) is shapes.Square
    with pytest.raises(shapes.Wrong):
        executor.call_async(make, -2).result(timeout=20)


def test_a_module_is_found_by_the_class_of_an_input(executor: lithops.FunctionExecutor, project: Path) -> None:
    write(project, {"inputs.py": "class Box:\n    x = 5\n    def twice(self):\n        return self.x * 2\n"})
    inputs = importlib.import_module("inputs")
    elements = [1, *[inputs.Box() for _ in range(3)]]
    assert executor.map(lambda x: x if isinstance(x, int) else x.twice(), elements).get_result() == [1, 10, 10, 10]


def test_named_modules_travel_and_excluded_ones_stay(executor: lithops.FunctionExecutor, project: Path) -> None:
    write(project, {"by_name.py": "X = 7\n", "by_path/inner.py": "X = 8\n", "stays.py": "X = 9\n"})

    def asks(name: str) -> Any:
        return importlib.import_module(name).X

    assert executor.call_async(asks, "by_name", include_modules=["by_name"]).result(timeout=20) == 7
    path = str(project / "by_path")
    assert executor.call_async(asks, "by_path.inner", include_modules=[path]).result(timeout=20) == 8
    stays = importlib.import_module("stays")

    def uses() -> Any:
        return stays.X

    with pytest.raises(ModuleNotFoundError, match="stays"):
        executor.call_async(uses, (), exclude_modules=["stays"]).result(timeout=20)
    with pytest.raises(ModuleNotFoundError, match="stays"):
        executor.call_async(uses, (), include_modules=None).result(timeout=20)


def test_a_module_that_is_named_and_not_there_is_told(executor: lithops.FunctionExecutor) -> None:
    with pytest.raises(Exception, match="no_such_module_at_all"):
        executor.call_async(abs, -1, include_modules=["no_such_module_at_all"])


def test_a_module_named_like_one_of_the_worker_does_no_harm(executor: lithops.FunctionExecutor, project: Path) -> None:
    write(project, {"uses_names.py": "import queue_of_mine\ndef f(x):\n    return queue_of_mine.put(x)\n"})
    write(project, {"queue_of_mine.py": "def put(x):\n    return [x]\n", "queue.py": "raise RuntimeError('shadow')\n"})
    uses = importlib.import_module("uses_names")
    assert executor.map(uses.f, range(3)).get_result(timeout=20) == [[0], [1], [2]]


def test_a_module_that_raises_at_import_in_the_worker_fails_its_calls_only(
    executor: lithops.FunctionExecutor, project: Path
) -> None:
    write(project, {"picky.py": f"import os\nif os.getpid() != {os.getpid()}:\n    raise OSError('not here')\nX = 1\n"})
    picky = importlib.import_module("picky")

    def uses() -> Any:
        return picky.X

    with pytest.raises(Exception, match="not here"):
        executor.call_async(uses, ()).result(timeout=20)
    assert executor.map(abs, [-1, -2]).get_result(timeout=20) == [1, 2]


def test_installed_distributions_do_not_travel(executor: lithops.FunctionExecutor) -> None:
    def place() -> Any:
        import cloudpickle

        return cloudpickle.__file__

    import cloudpickle

    assert executor.call_async(place, ()).result(timeout=20) == cloudpickle.__file__


SCRIPT = """
import lithops
from helper import triple
from pack.mod import quadruple
from dataclasses import dataclass

FACTOR = 10

@dataclass
class Own:
    x: int

def work(x):
    return Own(triple(x) * FACTOR + quadruple(x))

def back(own):
    return type(own).__name__, own.x, isinstance(own, Own)

if __name__ == "__main__":
    with lithops.FunctionExecutor(worker_processes=2) as fexec:
        results = fexec.map(work, range(3)).get_result()
        print([type(one) is Own for one in results], [one.x for one in results])
        print(fexec.map(back, [(one,) for one in results]).get_result())
"""


def test_a_script_with_modules_beside_it_and_classes_of_its_own(run_client: RunClient, tmp_path: Path) -> None:
    write(tmp_path, {"main.py": SCRIPT, "helper.py": "def triple(x):\n    return 3 * x\n"})
    write(
        tmp_path,
        {"pack/__init__.py": "", "pack/mod.py": "from .inner import four\ndef quadruple(x):\n    return four() * x\n"},
    )
    write(tmp_path, {"pack/inner.py": "def four():\n    return 4\n"})
    wanted = ["[True, True, True] [0, 34, 68]", "[('Own', 0, True), ('Own', 34, True), ('Own', 68, True)]"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = run_client(argv=[str(tmp_path / "main.py")], cwd=elsewhere)
    assert (done.stdout.splitlines(), done.stderr) == (wanted, "")
    done = run_client(argv=["-m", "main"], cwd=tmp_path)
    assert (done.stdout.splitlines(), done.stderr) == (wanted, "")
