"""The documentation site: what is made of the code is there, and every page has its place."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from lithops.cli.program import COMMANDS
from lithops.config import LithopsSection
from lithops.config.typed import fields_of
from lithops.monitoring.config import RedisConfig
from lithops.plugins import registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site() -> Iterator[ModuleType]:
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed here: 'nox -s docs' builds the site")
    spec = importlib.util.spec_from_file_location("docs_site", ROOT / "docs_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_site"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["docs_site"]


def pages_of(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for one in node:
            yield from pages_of(one)
    elif isinstance(node, dict):
        for one in node.values():
            yield from pages_of(one)


def test_every_page_is_in_the_navigation() -> None:
    text = re.sub(r"!!\S+", "", (ROOT / "mkdocs.yml").read_text("utf-8"))
    named = set(pages_of(yaml.safe_load(text)["nav"]))
    docs = ROOT / "docs"
    there = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    assert {page for page in there - named if not page.startswith("adr/")} == set()
    made = {"index.md", "changelog.md", "examples.md", "reference.md", "adr/index.md"}
    assert named - there == made


def test_the_configuration_page_has_every_key_of_every_section(site: ModuleType) -> None:
    text = "\n".join(site.configuration())
    for section in ("lithops", *(one.name for one in registry().backends())):
        assert f"### `{section}`\n" in text
    for key in (*fields_of(LithopsSection), *fields_of(RedisConfig)):
        assert f"| `{key}` |" in text
    assert "| `port` | int | `6379` |" in text
    assert "in seconds" in text, "the comments beside the fields are lost"


def test_defaults_that_are_secret_are_not_shown(site: ModuleType) -> None:
    assert "guest`" in "\n".join(site.configuration())  # the name of RabbitMQ's own user
    assert re.search(r"`password` \| [^|]*secret", "\n".join(site.configuration()))


def test_the_command_line_page_has_every_command(site: ModuleType) -> None:
    text = "\n".join(site.command_line())
    for name in COMMANDS:
        assert f"### `lithops {name}" in text
    assert "### `lithops storage put`" in text
    assert "--json" in text


def test_the_public_names_of_the_reference_exist(site: ModuleType) -> None:
    assert ":::" in site._reference()
