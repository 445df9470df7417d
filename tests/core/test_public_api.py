"""`lithops/__init__.py` is the one list of the public API, and importing it costs next to nothing."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import lithops

LOADED = """
import json, sys
before = set(sys.modules)
import lithops
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    names = json.loads(done.stdout)
    assert isinstance(names, list)
    return names


def typed_names() -> dict[str, str]:
    """Read what the TYPE_CHECKING block imports: each name with its module."""
    tree = ast.parse(Path(inspect.getfile(lithops)).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}


def test_the_list_the_lazy_table_and_the_typed_block_are_equal() -> None:
    assert typed_names() == lithops._HOMES
    assert sorted(lithops.__all__) == sorted(lithops._HOMES)
    assert len(lithops.__all__) == len(set(lithops.__all__))


@pytest.mark.parametrize("name", sorted(lithops.__all__))
def test_each_name_is_what_its_home_has(name: str) -> None:
    home = importlib.import_module(lithops._HOMES[name])
    assert getattr(lithops, name) is (home if name == "wait" else getattr(home, name))
    assert name in dir(lithops)


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="FunctionExecuter"):
        lithops.FunctionExecuter  # noqa: B018


def test_import_loads_only_lithops_and_the_standard_library() -> None:
    names = loaded_by(LOADED)
    assert "lithops" in names
    assert [name for name in names if name.partition(".")[0] not in {"lithops", *sys.stdlib_module_names}] == []


def test_import_loads_no_module_of_lithops_but_the_list() -> None:
    assert [name for name in loaded_by(LOADED) if name.startswith("lithops.")] == []


def test_the_version_is_the_installed_distributions() -> None:
    from importlib.metadata import version

    assert version("lithops-core") == lithops.__version__
    assert version("lithops-backend-localhost") == lithops.__version__
