"""The documents are true: their programs run and print what they say, their lists name all that there is.

A fence of `python` is run, all of a page as one program. `python redis` is a part of it that wants a Redis server, which is
there for the whole page. `python no-run` is not run, nor a fence with a title. One of `output` is what the page's program
prints; one of `yaml` is a configuration.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
from tests.emulators.redis_server_process import running_redis

import lithops.errors
from lithops.cli.program import COMMANDS
from lithops.config import LithopsSection, resolve
from lithops.config.text import parse
from lithops.config.typed import fields_of
from lithops.monitoring.config import RabbitConfig, RedisConfig
from lithops.spi import ComputeBackend, ComputeFeature, StorageBackend, StorageFeature
from lithops.spi.hooks import BackendInfo, HookSpecs
from lithops_localhost.config import LocalhostConfig

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "packages").glob("*/README.md")])
TIMEOUT_S = 50
NOT_RUN = {
    "docs/compute/aws_lambda.md": 2,  # an account
    "docs/file-systems.md": 1,  # pandas, pyarrow, zarr
    "docs/joblib.md": 1,  # an account
    "docs/stores/aliyun_oss.md": 1,  # and so on: accounts
    "docs/stores/aws_s3.md": 1,
    "docs/stores/azure_storage.md": 1,
    "docs/stores/gcp_storage.md": 1,
    "docs/stores/ibm_cos.md": 1,
}


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
    for line, text in sorted([*blocks(path, "python"), *blocks(path, "python redis")]):
        program += "\n" * (line - 1 - program.count("\n")) + text
    return program


def cells_of(path: Path) -> Iterator[str]:
    """Give what stands in backquotes in the first column of a page's tables."""
    return keys_in(path.read_text("utf-8"))


def keys_in(text: str) -> Iterator[str]:
    for row in re.findall(r"^\| ([^|]*) \|", text, flags=re.MULTILINE):
        yield from re.findall(r"`([A-Za-z_]+)[`(]", row)


@pytest.mark.parametrize("page", having("python"), ids=name_of)
def test_the_program_of_a_page_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    program = tmp_path / "page.py"
    program.write_text(program_of(page), "utf-8")
    (tmp_path / "home").mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith("LITHOPS")}
    env |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path), "PYTHONWARNINGS": "error"}
    with running_redis() if blocks(page, "python redis") else nullcontext() as redis:
        if redis is not None:
            section = {"host": redis.host, "port": redis.port, "password": redis.password}
            env["LITHOPS_CONFIG"] = json.dumps({"redis": section})
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


@pytest.mark.parametrize(
    ("section", "struct"),
    [("lithops", LithopsSection), ("localhost", LocalhostConfig), ("redis", RedisConfig), ("rabbitmq", RabbitConfig)],
)
def test_the_page_on_configuration_names_every_key(section: str, struct: type[msgspec.Struct]) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    _, heading, rest = text.partition(f"## The section `{section}`\n")
    assert heading
    assert set(keys_in(rest.partition("\n## ")[0])) == set(fields_of(struct))


def test_the_tutorial_has_the_code_of_the_template_piece_by_piece() -> None:
    """All of each file is in the page, in its order; of `pyproject.toml` only a part."""
    template = ROOT / "examples" / "backend-template"
    pieces: dict[str, list[str]] = {}
    page = (ROOT / "docs" / "writing-a-backend.md").read_text("utf-8")
    for name, text in re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', page, flags=re.MULTILINE | re.DOTALL):
        pieces.setdefault(name, []).append(text)
    assert pieces.pop("pyproject.toml")[0] in (template / "pyproject.toml").read_text("utf-8")
    files = {path.relative_to(template).as_posix(): path for path in template.rglob("*.py")}
    assert set(pieces) == {name for name, path in files.items() if path.read_text("utf-8")}
    for name, parts in pieces.items():
        source = files[name].read_text("utf-8")
        shown = [line.strip() for part in parts for line in part.splitlines() if line.strip()]
        assert shown == [line.strip() for line in source.splitlines() if line.strip()], f"{name} is shown otherwise"
        for part in parts:
            whole = textwrap.indent(part, "    ")
            assert part in source or whole in source, f"{name} has other indents: {part}"


def test_few_programs_are_not_run() -> None:
    """What needs an account, a server or a library that the tests have not; a new one needs a reason like these."""
    marked = {name_of(path): len(found) for path in DOCUMENTS if (found := blocks(path, "python no-run"))}
    assert {name: count for name, count in marked.items() if count > NOT_RUN.get(name, 0)} == {}


def test_fences_of_python_are_run_or_say_why_not() -> None:
    """A mistyped mark would keep a program from being run, and nobody would see it."""
    known = {"python", "python redis", "python no-run"}
    for path in DOCUMENTS:
        for fence in re.findall(r"^```(py.*)$", path.read_text("utf-8"), flags=re.MULTILINE):
            assert fence.strip() in known or "title=" in fence, f"{name_of(path)}: {fence}"


def test_the_page_on_errors_names_every_error() -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert [name for name in lithops.errors.__all__ if f"`{name}`" not in text] == []


def test_the_design_names_every_part_of_the_core() -> None:
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    parts = {path.stem for path in Path(lithops.errors.__file__).parent.iterdir() if not path.stem.startswith("_")}
    assert {part for part in parts - {"py"} if not re.search(rf"\b{part}\b", text)} == set()


def test_the_page_on_the_command_line_names_every_command() -> None:
    assert set(cells_of(ROOT / "docs" / "command-line.md")) == set(COMMANDS)
