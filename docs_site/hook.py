"""What mkdocs calls while it builds: adds the pages that are no files of docs/, and completes those that are.

Nothing that is made here is kept in the repository, so nothing of it can be stale.
"""

from __future__ import annotations

import re
from typing import Any

from mkdocs.structure.files import File, Files

from docs_site import command_line, configuration, links, reference

TAKEN = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "examples.md": "examples/README.md"}
DATED = {"sitemap.xml"}  # it would differ from day to day

_PICTURE = r"^!\[[^\]]*\]\((\S+\.svg)\)$"
_MARK = r"^```(\w+) (?:no-run|redis)$"  # the marks tell the tests what to run; here they would spoil the fence


def on_config(config: Any) -> Any:
    """Leave out what would make two builds of the same sources differ."""
    config.theme.static_templates -= DATED
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made, or taken from outside of docs/."""
    for name in DATED:  # no template any more, it would be copied
        unwanted = files.get_file_from_path(name)
        if unwanted is not None:
            files.remove(unwanted)
    for name, text in made().items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Complete the pages that have a part which is made."""
    if page.file.src_uri == "configuration.md":
        markdown = configuration.completed(markdown)
    elif page.file.src_uri == "command-line.md":
        markdown += "\n\n" + "\n".join(command_line.lines())
    markdown = re.sub(_PICTURE, _drawn, markdown, flags=re.MULTILINE)
    markdown = re.sub(_MARK, r"```\1", markdown, flags=re.MULTILINE)
    return markdown if page.file.generated_by else links.on_site(markdown, f"docs/{page.file.src_uri}", TAKEN)


def made() -> dict[str, str]:
    """Give the pages that are no files of docs/, by their names on the site."""
    pages = {name: (links.ROOT / source).read_text("utf-8") for name, source in TAKEN.items()}
    pages = {name: links.on_site(text, TAKEN[name], TAKEN, page=name) for name, text in pages.items()}
    return pages | reference.pages() | {"adr/index.md": decisions()}


def decisions() -> str:
    """List the decisions by their titles."""
    lines = ["# Decisions", "", "What was decided, why, and what follows from it: one page each.", ""]
    for page in sorted((links.DOCS / "adr").glob("*.md")):
        number, _, title = page.read_text("utf-8").partition("\n")[0].removeprefix("# ").partition(". ")
        lines.append(f"- [ADR {number}]({page.name}): {title}")
    return "\n".join(lines)


def _drawn(found: re.Match[str]) -> str:
    """Put a picture into the page itself, where it takes the colour of the text."""
    return f'<div class="picture">{(links.DOCS / found[1]).read_text("utf-8").strip()}</div>'
