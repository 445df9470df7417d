"""The documentation site is built strictly, has every page, and what is made of the code is in it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TAKEN = {"index.md", "changelog.md", "examples.md"}
NEEDED = ("mkdocs", "material", "mkdocstrings_handlers")

pytestmark = [
    pytest.mark.timeout(180),  # a build takes some seconds, and many on a busy machine
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in NEEDED),
        reason="the tools of the site are not installed here: 'nox -s docs' installs them and builds it",
    ),
]


class Loaded(HTMLParser):
    """Collects what a browser fetches by itself for a page: scripts, styles, pictures, fonts."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in {"script", "img", "iframe", "source", "video"} and values.get("src"):
            self.urls.append(str(values["src"]))
        if tag == "link" and values.get("rel") not in {"canonical", "next", "prev", "edit"}:
            self.urls.append(str(values.get("href")))


def build(into: Path) -> Path:
    into.mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith("LITHOPS")}
    env |= {"HOME": str(into), "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    site = into / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=80, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("site") / "one"
    yield build(folder)
    shutil.rmtree(folder)


def pages_of(node: object) -> Iterator[str]:
    """Give the names of pages in a part of mkdocs' navigation."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for one in node:
            yield from pages_of(one)
    elif isinstance(node, dict):
        for one in node.values():
            yield from pages_of(one)


def text_of(page: Path) -> str:
    return re.sub(r"<[^>]+>", "", page.read_text("utf-8"))


def test_every_page_is_in_the_navigation_once() -> None:
    named = list(pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    docs = ROOT / "docs"
    there = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    assert len(named) == len(set(named))
    assert {page for page in there - set(named) if not page.startswith("adr/")} == set()
    made = {page for page in set(named) - there if not page.startswith("reference/")}
    assert made == TAKEN | {"adr/index.md"}


def test_the_site_is_built_without_a_warning_and_no_fence_is_left(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 50
    assert [page for page in pages if "```" in page.read_text("utf-8")] == []
    assert [page for page in pages if "--8&lt;--" in page.read_text("utf-8")] == []


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text("utf-8"))
        assert loaded.urls
        assert [url for url in loaded.urls if re.match(r"(\w+:)?//", url)] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"url\([\"']?(?:https?:)?//|@import", style.read_text("utf-8")) == [], style


def test_two_builds_are_equal(site: Path, tmp_path: Path) -> None:
    other = build(tmp_path / "two")
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    assert [name for name in names if "sitemap" in name] == [], "it has the day in it"
    assert names == sorted(path.relative_to(other).as_posix() for path in other.rglob("*") if path.is_file())
    assert [name for name in names if (site / name).read_bytes() != (other / name).read_bytes()] == []


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    settings = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[0]
    settings = re.sub(r"(?m)^hooks:.*$|^not_in_nav: \|\n.*$", "", settings)
    settings = re.sub(r"(?ms)^  - mkdocstrings:.*?(?=^\S)", "", settings)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "site.css").write_text("")
    (tmp_path / "mkdocs.yml").write_text(settings + "\nnav:\n  - index.md\n")
    for text, is_right in (("# A\n\n[b](#a)\n", True), ("# A\n\n[b](#b)\n", False), ("# A\n\n[b](b.md)\n", False)):
        (tmp_path / "docs" / "index.md").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict"],
            cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path), "NO_MKDOCS_2_WARNING": "1"},
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip
        assert (done.returncode == 0) == is_right, done.stderr


def test_the_page_on_configuration_has_every_key_of_every_section_with_its_meaning(site: Path) -> None:
    from docs_site import configuration
    from docs_site.links import DOCS

    from lithops.config.typed import fields_of

    made = configuration.completed((DOCS / "configuration.md").read_text("utf-8"))
    found = configuration.sections()
    assert {"lithops", "localhost", "redis", "rabbitmq"} <= set(found)
    built = text_of(site / "configuration.html")
    for name, section in found.items():
        (part,) = re.findall(rf"^##+ (?:The section )?`{name}`\n(.*?)(?=^##|\Z)", made, flags=re.MULTILINE | re.DOTALL)
        rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", part, flags=re.MULTILINE)
        assert [key for key, _ in rows] == list(fields_of(section.struct))
        assert [key for key, means in rows if not means.strip()] == [], f"nothing says what these keys of {name} mean"
        assert all(key in built for key, _ in rows)
    assert "| `port` | where it is | integer from 1 to 65535 | `6379` |" in made
    assert "backend-template" not in made


def test_comments_beside_fields_are_read_whatever_is_in_the_line() -> None:
    from docs_site.fields import comments_of, keys_of

    from lithops.monitoring.config import RedisConfig

    assert comments_of(RedisConfig)["password"] == "workers elsewhere find it in the variable LITHOPS_REDIS_PASSWORD"
    assert {key.name: key.type for key in keys_of(RedisConfig)}["password"] == "text, secret"


def test_the_page_on_the_command_line_has_every_command_and_option(site: Path) -> None:
    import click

    from lithops.cli.program import program

    built = text_of(site / "command-line.html")

    def check(command: click.Command, context: click.Context) -> None:
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                check(inner, click.Context(inner, info_name=name, parent=context))
            return
        assert f"Usage: {context.command_path}" in built
        for parameter in command.get_params(context):
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert max(parameter.opts, key=len) in built

    check(program, click.Context(program, info_name="lithops"))


def test_the_reference_has_every_public_name(site: Path) -> None:
    from docs_site.reference import UNDOCUMENTED

    import lithops
    import lithops.errors
    import lithops.spi

    shown = {
        one
        for page in (site / "reference").glob("*.html")
        for one in re.findall(r'id="[\w.]*?(\w+)"', page.read_text())
    }
    public = {*lithops.__all__, *lithops.errors.__all__, *lithops.spi.__all__} - {"__version__"} - UNDOCUMENTED
    assert public - shown == set()
    executors = text_of(site / "reference" / "executors.html")
    assert "Call a function once." in executors, "the docstrings are lost"


def test_every_decision_is_listed(site: Path) -> None:
    text = (site / "adr" / "index.html").read_text("utf-8")
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert decisions
    assert [page for page in decisions if f'href="{page.stem}.html"' not in text] == []
