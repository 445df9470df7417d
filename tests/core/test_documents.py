"""The documents are true: their programs run and print what they say, their lists name all that there is.

A fence of `python` is run, all of a page as one program; `python no-run` is not. A fence of `output` is what the page's
program prints; one of `yaml` is a configuration.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lithops.errors
from lithops.cli.program import COMMANDS
from lithops.config import LithopsSection, resolve
from lithops.config.text import parse
from lithops.config.typed import fields_of
from lithops.spi import ComputeBackend, ComputeFeature, StorageBackend, StorageFeature
from lithops.spi.hooks import BackendInfo, HookSpecs
from lithops_localhost.config import LocalhostConfig

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "packages").glob("*/README.md")])
TIMEOUT_S = 50


def blocks(path: Path, fence: str) -> list[tuple[int, str]]:
    """Give the blocks whose opening line is exactly this fence, each with the number of its first line."""
    found = []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    opened: int | None = None
    for number, line in enumerate(lines):
        if opened is None and line.startswith("```"):
            opened = number
        elif opened is not None and line.rstrip() == "```":
            if lines[opened].strip() == f"```{fence}":
                found.append((opened + 2, "".join(lines[opened + 1 : number])))
            opened = None
    assert opened is None, f"{path}: the fence of line {opened} is not closed"
    return found


def having(fence: str) -> list[Path]:
    return [path for path in DOCUMENTS if blocks(path, fence)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def program_of(path: Path) -> str:
    """Join the programs of a page; a line has the same number in both."""
    program = ""
    for line, text in blocks(path, "python"):
        program += "\n" * (line - 1 - program.count("\n")) + text
    return program


def cells_of(path: Path) -> Iterator[str]:
    """Give what stands in backquotes in the first column of a page's tables."""
    for row in re.findall(r"^\| ([^|]*) \|", path.read_text("utf-8"), flags=re.MULTILINE):
        yield from re.findall(r"`([A-Za-z_]+)[`(]", row)


@pytest.mark.parametrize("page", having("python"), ids=name_of)
def test_the_program_of_a_page_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    program = tmp_path / "page.py"
    program.write_text(program_of(page), "utf-8")
    (tmp_path / "home").mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith("LITHOPS")}
    env |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-P", str(program)],
        capture_output=True, text=True, timeout=TIMEOUT_S, cwd=tmp_path, env=env, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = "\n" + done.stdout
    for line, text in blocks(page, "output"):
        before, found, after = printed.partition("\n" + text)
        assert found, f"{name_of(page)}, line {line}: this is not what follows in the output:{before}"
        printed = "\n" + after


@pytest.mark.parametrize("page", having("yaml"), ids=name_of)
def test_the_configurations_of_a_page_are_taken(page: Path) -> None:
    for line, text in blocks(page, "yaml"):
        assert resolve(parse(text, f"{name_of(page)}, line {line}")).compute.name == "localhost"


def test_the_page_on_backends_names_the_whole_contract() -> None:
    page = ROOT / "docs" / "backends.md"
    hooks = {name for name in vars(HookSpecs) if name.startswith("lithops_")}
    assert hooks == {name for name in cells_of(page) if name.startswith("lithops_")}
    methods = {name for abc in (ComputeBackend, StorageBackend) for name in vars(abc) if not name.startswith("_")}
    features = {one.name for kind in (ComputeFeature, StorageFeature) for one in kind}
    text = page.read_text("utf-8")
    names = {*methods, *features, *BackendInfo._fields}
    assert {name for name in names if not re.search(rf"`[^`]*\b{name}\b[^`]*`", text)} == set()


def test_the_page_on_configuration_names_every_key() -> None:
    keys = set(fields_of(LithopsSection)) | set(fields_of(LocalhostConfig))
    assert set(cells_of(ROOT / "docs" / "configuration.md")) == keys


def test_the_page_on_errors_names_every_error() -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert [name for name in lithops.errors.__all__ if f"`{name}`" not in text] == []


def test_the_design_names_every_part_of_the_core() -> None:
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    parts = {path.stem for path in Path(lithops.errors.__file__).parent.iterdir() if not path.stem.startswith("_")}
    assert {part for part in parts - {"py"} if not re.search(rf"\b{part}\b", text)} == set()


def test_the_page_on_the_command_line_names_every_command() -> None:
    assert set(cells_of(ROOT / "docs" / "command-line.md")) == set(COMMANDS)
