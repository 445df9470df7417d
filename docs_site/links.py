"""Links between files of the repository, as links between pages of the site."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def on_site(text: str, source: str, taken: Mapping[str, str], *, page: str = "") -> str:
    """Let the links of a file lead to pages of the site; one to a file that is no page becomes plain text.

    `source` is the file in the repository, `taken` says which pages are files from outside of docs/, and `page` is the
    name on the site when the file is one of these. A link to a file that does not exist is left for mkdocs to refuse.
    Fences are left as they are.
    """
    home = (DOCS / page if page else ROOT / source).parent
    pages = {(ROOT / origin).resolve(): DOCS / name for name, origin in taken.items()} | {
        DOCS / "adr": DOCS / "adr/index.md"
    }

    def moved(found: re.Match[str]) -> str:
        shown, link = found[1], found[2]
        path, mark, anchor = link.partition("#")
        if not path or ":" in path:
            return found[0]
        target = ((ROOT / source).parent / path).resolve()
        target = pages.get(target, target)
        if target.is_relative_to(DOCS) or not target.exists():
            return f"[{shown}]({os.path.relpath(target, home)}{mark}{anchor})"
        return shown

    parts, at = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(moved, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, _LINK.sub(moved, text[at:])])
