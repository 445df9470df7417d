"""Importing a backend's class: what is missing, what is broken, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lithops.errors import MissingDependencyError, PluginError
from lithops.plugins import load_class
from lithops.plugins.loading import brief

Write = Callable[..., str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Write:
    """Write a package of one module and give the module's name."""
    monkeypatch.syspath_prepend(tmp_path)
    package = f"acme_{abs(hash(request.node.name))}"

    def write(text: str) -> str:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "store.py").write_text(text, encoding="utf-8")
        return f"{package}.store"

    return write


def test_gives_the_class(module: Write) -> None:
    assert load_class(module("class Store:\n    class Inner: ...") + ":Store.Inner").__name__ == "Inner"


@pytest.mark.parametrize("text", ["import no_such_sdk.deep", "from no_such_sdk.deep import x"])
def test_a_missing_sdk_is_one_sentence_with_the_pip_command(module: Write, text: str) -> None:
    with pytest.raises(MissingDependencyError, match="no_such_sdk") as caught:
        load_class(module(text) + ":Store", install="lithops-backend-acme[store]")
    assert str(caught.value).endswith("pip install lithops-backend-acme[store]")
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == "no_such_sdk"


def test_a_missing_part_of_an_installed_sdk_counts_as_missing(module: Write) -> None:
    with pytest.raises(MissingDependencyError, match=r"msgspec\.newer"):
        load_class(module("import msgspec.newer") + ":Store", install="acme")


@pytest.mark.parametrize(
    "text",
    [
        "from . import absent",
        "from .absent import x",
        "import lithops.absent",
        "from os import absent",
        "raise ImportError('the library is corrupt')",
        "raise ModuleNotFoundError('made by hand')",
        "1 / 0",
        "raise SystemExit(3)",
        "def broken(:",
        "def f(): f()\nf()",
        "other = 1",
        "Store = 1",
        "class Bad(Exception):\n    def __str__(self): raise ValueError\nraise Bad",
    ],
)
def test_a_broken_module_is_a_plugin_error_that_quotes_it(module: Write, text: str) -> None:
    path = module(text) + ":Store"
    with pytest.raises(PluginError, match=path) as caught:
        load_class(path, install="acme")
    assert not isinstance(caught.value, MissingDependencyError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["", "module", ":Class", "module:", "no_such_package_at_all"])
def test_a_path_that_names_no_class_is_a_plugin_error(path: str) -> None:
    with pytest.raises(PluginError, match="module:Class"):
        load_class(path)


def test_ctrl_c_is_not_taken_for_a_broken_plugin(module: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_class(module("raise KeyboardInterrupt") + ":Store")


def test_an_exception_is_told_in_one_short_line() -> None:
    assert brief(ValueError("\n first\nsecond")) == "ValueError: first"
    assert brief(ValueError()) == "ValueError"
    assert len(brief(ValueError("x" * 10_000))) < 400
