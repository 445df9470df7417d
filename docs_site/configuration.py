"""The tables of the page on configuration: types and defaults from the structs, words from the pages that people write.

A key that no page describes has the comment beside its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from docs_site.fields import keys_of
from docs_site.links import DOCS
from lithops.config import LithopsSection
from lithops.plugins import load_class, registry

_TABLE = r"(?:^\|.*\n)+"


class Section(NamedTuple):
    """A section of the configuration: what it is of (`kinds`), and the distribution that reads it."""

    name: str
    kinds: str
    distribution: str
    struct: type[msgspec.Struct]


def sections() -> dict[str, Section]:
    """Give the sections of all packages of this repository that are installed."""
    found = {"lithops": Section("lithops", "", "lithops-core", LithopsSection)}
    plugins = registry()
    for plugin in plugins.statuses():
        if plugin.distribution == "lithops-backend-template":
            continue  # an example is no platform
        for one in plugin.backends:
            kinds = {"compute": "runs functions", "storage": "keeps objects", "broker": "carries statuses"}[one.kind]
            if one.name in found:
                kinds = f"{found[one.name].kinds}, {kinds}"
            struct = load_class(one.info.config, install=plugins.install_name(one.info))
            found[one.name] = Section(one.name, kinds, plugin.distribution, struct)
    return found


def completed(page: str) -> str:
    """Put the generated tables into the page: in the place of the written ones, and at the end those of other sections."""
    found = sections()
    more = ["", "## Sections of platforms", ""]
    for name, section in sorted(found.items()):
        before, heading, rest = page.partition(f"## The section `{name}`\n")
        if heading:
            table = "\n".join(_table(section, written(rest.partition("\n## ")[0]))) + "\n"
            start, _, end = _split(rest)
            page = before + heading + start + table + end
        else:
            more += _section(section)
    return page + "\n".join(more)


def written(text: str) -> dict[str, tuple[str, str]]:
    """Read what a page's table says of each key: what it means, and its default in words."""
    found: dict[str, tuple[str, str]] = {}
    for table in re.findall(_TABLE, text, flags=re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table.splitlines()]
        if head[0] != "key":
            continue
        means = next(at for at, cell in enumerate(head) if cell.startswith("mean"))
        default = next(at for at, cell in enumerate(head) if cell in ("default", "when left out"))
        for row in rows:
            for key in re.findall(r"`(\w+)`", row[0]):
                found[key] = row[means], row[default]
    return found


def _split(text: str) -> tuple[str, str, str]:
    """Cut a text into what is before its first table, the table, and what is behind it."""
    table = re.search(_TABLE, text, flags=re.MULTILINE)
    assert table is not None, "a section of the page on configuration has no table"
    return text[: table.start()], table[0], text[table.end() :]


def _section(section: Section) -> Iterator[str]:
    yield f"### `{section.name}`"
    yield ""
    places = [DOCS / folder / f"{section.name}.md" for folder in ("compute", "stores")]
    pages = [place for place in places if place.exists()]
    links = [f"[{page.read_text('utf-8').partition(chr(10))[0][2:]}]({page.relative_to(DOCS)})" for page in pages]
    yield ": ".join([*links, f"{section.kinds}; from `{section.distribution}`."])
    yield ""
    words: dict[str, tuple[str, str]] = {}
    for page in pages:
        place = page.relative_to(DOCS).as_posix()
        text = page.read_text("utf-8").replace("](#", f"]({place}#").replace("](../", "](")
        words |= written(text.replace("see below", f"see [its page]({place})"))
    yield from _table(section, words)
    yield ""


def _table(section: Section, words: dict[str, tuple[str, str]]) -> Iterator[str]:
    yield "| key | means | type | default |"
    yield "|---|---|---|---|"
    for key in keys_of(section.struct):
        means, default = words.get(key.name, (key.comment.replace("|", "\\|").replace("<", "&lt;"), ""))
        yield f"| `{key.name}` | {means} | {key.type} | {key.default or default} |"
