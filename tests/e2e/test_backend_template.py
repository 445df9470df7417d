"""A third party's backend, the template, runs whole programs by its name."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import lithops

TEMPLATE = Path(__file__).parents[2] / "examples" / "backend-template"

if find_spec("lithops_template") is None:
    ADVICE = "the template is not installed: pip install -e examples/backend-template"
    if os.environ.get("CI"):
        pytest.fail(ADVICE)
    pytest.skip(ADVICE, allow_module_level=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))  # nobody's own configuration
    monkeypatch.chdir(tmp_path)
    return tmp_path / "root"


@pytest.fixture
def fexec(root: Path) -> Iterator[lithops.FunctionExecutor]:
    config = {
        "lithops": {"backend": "template"},
        "template": {"root": str(root), "max_workers": 4, "storage_bucket": "mine"},
    }
    with lithops.FunctionExecutor(config=config) as executor:
        yield executor


def add(first: int, second: int = 0) -> int:
    return first + second


def test_it_is_chosen_by_the_argument_and_brings_its_own_storage(root: Path) -> None:
    config = {"template": {"root": str(root), "storage_bucket": "mine"}}
    with lithops.FunctionExecutor(config=config, backend="template") as fexec:
        assert fexec.call_async(add, {"first": 20, "second": 22}).result() == 42
        assert fexec.storage.bucket == "mine"


def test_map_and_map_reduce(fexec: lithops.FunctionExecutor) -> None:
    assert fexec.map(add, range(6)).get_result() == list(range(6))
    futures = fexec.map_reduce(add, [1, 2, 3], sum)
    assert futures.get_result() == 6


def test_an_exception_comes_back(fexec: lithops.FunctionExecutor) -> None:
    future = fexec.call_async(lambda x: 1 // x, 0)
    with pytest.raises(ZeroDivisionError):
        future.result()


def test_big_inputs_and_results_go_through_its_storage(fexec: lithops.FunctionExecutor) -> None:
    big = os.urandom(3 << 20)
    assert fexec.call_async(lambda x: x[::-1], big).result() == big[::-1]


def test_a_dead_worker_is_said_to_be_lost(fexec: lithops.FunctionExecutor) -> None:
    futures = fexec.map(lambda x: os._exit(7) if x else "alive", [0, 1, 0])
    with pytest.raises(lithops.errors.WorkerLostError) as raised:
        futures[1].result()
    assert raised.value.exit_code == 7
    assert [futures[0].result(), futures[2].result()] == ["alive", "alive"]


def test_a_call_over_its_time_is_ended(fexec: lithops.FunctionExecutor) -> None:
    future = fexec.call_async(lambda x: threading.Event().wait(x), 600, timeout=1)
    with pytest.raises(TimeoutError):
        future.result()


def test_the_user_uses_its_storage_from_calls(fexec: lithops.FunctionExecutor) -> None:
    def write(key: str, storage: lithops.Storage) -> None:
        storage.put_object("mine", key, key.encode())

    fexec.map(write, ["from/a", "from/b"]).get_result()
    assert fexec.storage.list_keys("mine", prefix="from/") == ["from/a", "from/b"]
    assert fexec.storage.get_object("mine", "from/b") == b"from/b"


def test_leaving_the_executor_in_the_middle_leaves_nothing(root: Path) -> None:
    before = set(threading.enumerate())
    config = {"lithops": {"backend": "template"}, "template": {"root": str(root), "max_workers": 2}}
    with lithops.FunctionExecutor(config=config) as fexec:
        futures = fexec.map(lambda x: threading.Event().wait(x), [600] * 4)
    for future in futures:
        with pytest.raises(lithops.errors.CallError):
            future.result(timeout=20)
    assert set(threading.enumerate()) <= before


def test_the_whole_package_with_its_tests_is_under_200_lines() -> None:
    rooms = {path.stem: path for path in (TEMPLATE / "src" / "lithops_template").glob("*.py")}
    assert rooms.keys() >= {"plugin", "config", "compute", "storage", "errors", "entry"}
    files = [*rooms.values(), *(TEMPLATE / "tests").glob("*.py")]
    lines = {path.name: path.read_text("utf-8").count("\n") for path in files}
    assert sum(lines.values()) < 200, lines
