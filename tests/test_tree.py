"""The repository keeps its own rules: names of files, sizes, imports of the worker, licences, one version."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "packages" / "core" / "src" / "lithops"
PACKAGES = sorted(path.parent for path in (ROOT / "packages").glob("*/pyproject.toml"))
SAYS_NOTHING = {"utils.py", "util.py", "helpers.py", "common.py", "manager.py", "misc.py"}
COMPATIBLE = {CORE / "utils.py", CORE / "storage" / "utils.py"}  # names that users' programs import
FLOORS_WITHOUT_THIRD_PARTIES = ("errors.py", "types.py", "wire", "worker")


def python_files() -> list[Path]:
    roots = [ROOT / name for name in ("packages", "tests", "examples", "benchmarks", "docs_site")]
    files = [path for root in roots for path in root.rglob("*.py")] + list(ROOT.glob("*.py"))
    return [path for path in files if not {".nox", ".venv", "build", "dist"} & set(path.relative_to(ROOT).parts)]


def settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Name the top-level packages that a file imports anywhere, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def test_files_are_named_after_what_they_do() -> None:
    assert [path for path in python_files() if path.name in SAYS_NOTHING and path not in COMPATIBLE] == []


def test_files_are_at_most_400_lines() -> None:
    assert [path for path in python_files() if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


@pytest.mark.parametrize("floor", FLOORS_WITHOUT_THIRD_PARTIES)
def test_what_runs_in_a_worker_imports_the_standard_library_only(floor: str) -> None:
    files = [CORE / floor] if floor.endswith(".py") else sorted((CORE / floor).rglob("*.py"))
    assert files
    allowed = {"lithops", *sys.stdlib_module_names}
    strangers = {(path.relative_to(CORE).as_posix(), name) for path in files for name in imported(path)}
    strangers = {(path, name) for path, name in strangers if name not in allowed}
    assert strangers <= {("worker/pickles.py", "cloudpickle")}


@pytest.mark.parametrize("package", [path for path in PACKAGES if path.name != "core"], ids=lambda path: path.name)
def test_a_plugin_describes_its_backend_without_importing_it(package: Path) -> None:
    (module,) = settings(package)["project"]["entry-points"]["lithops"].values()
    home = module.partition(".")[0]
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    loaded = done.stdout.split()
    ours = {name for name in loaded if name.partition(".")[0] == home}
    assert ours == {home, module}
    assert {"msgspec", "yaml", "cloudpickle", "click", "rich"} & set(loaded) == set()
    assert [
        name for name in loaded if re.match(r"lithops\.(config|engine|jobs|executors|worker|storage)\b", name)
    ] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_each_package_has_the_licence_and_is_typed(package: Path) -> None:
    assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert list(package.glob("src/*/py.typed"))


@pytest.mark.parametrize("folder", [ROOT, *PACKAGES], ids=lambda path: path.name)
def test_the_version_comes_from_one_place(folder: Path) -> None:
    project = settings(folder)["project"]
    assert "version" in project["dynamic"]
    assert (folder / settings(folder)["tool"]["hatch"]["version"]["path"]).resolve() == CORE / "_version.py"
    assert not [name for name in project.get("dependencies", []) if name.startswith("lithops")]


def test_the_build_hooks_are_equal() -> None:
    hooks = list((ROOT / "packages").glob("*/hatch_build.py"))
    assert hooks
    assert {path.read_bytes() for path in hooks} == {(ROOT / "hatch_build.py").read_bytes()}


def test_links_of_the_documents_lead_to_files() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packages").glob("*/README.md")]
    links = [(path, link) for path in documents for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8"))]
    assert links
    assert [(path, link) for path, link in links if not (path.parent / link).exists()] == []


def test_the_programs_of_the_readme_run() -> None:
    """The first block is the quick start: the same lines as examples/hello.py."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (quick_start, *_) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    hello = (ROOT / "examples" / "hello.py").read_text("utf-8")
    assert quick_start.strip() in hello
