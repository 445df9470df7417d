"""`report`: one HTML page about calls that opens anywhere, made of what their futures hold."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from lithops.pictures.calls import rows_of
from lithops.pictures.destination import destination, refuse_other_formats, write_whole
from lithops.pictures.figures import figures_of

if TYPE_CHECKING:
    from lithops.engine.bill import Spent
    from lithops.future import ResponseFuture

__all__ = ["report"]

SUFFIX = "_report.html"
FORMATS = (".html", ".htm")
SCRIPTS = ("data.js", "axes.js", "timeline.js", "charts.js", "tables.js", "page.js")
"""In the order in which they need each other."""

_PLACE = re.compile("@([A-Z]+)@")


def report(
    futures: Iterable[ResponseFuture],
    dst: str | os.PathLike[str] | None,
    *,
    executor_id: str,
    backend: str,
    spent: Spent,
) -> Path:
    """Write the page, whole or not at all, and give its absolute path. Raises `ValueError` when there are no calls."""
    rows = rows_of(futures)
    now = time.time()
    path = destination(dst, executor_id, now)
    refuse_other_formats(path, what="report()", formats=FORMATS)
    if path.suffix.lower() not in FORMATS:
        path = path.with_name(path.name + SUFFIX)
    return write_whole(path, _page(figures_of(rows, now, executor_id, backend, spent)).encode("utf-8"))


def _page(figures: str) -> str:
    """Put the page together. It loads nothing, and runs no script but its own: the policy names it by its hash."""
    files = resources.files("lithops.pictures")
    script = "\n".join(files.joinpath(name).read_text("utf-8") for name in SCRIPTS)
    style = files.joinpath("page.css").read_text("utf-8")
    ours = f"style-src {_hash(style)}; script-src {_hash(script)}"
    parts = {
        "POLICY": f"default-src 'none'; {ours}; base-uri 'none'; form-action 'none'",
        "STYLE": style,
        "FIGURES": figures,
        "SCRIPT": script,
    }
    page = files.joinpath("page.html").read_text("utf-8")
    return _PLACE.sub(lambda found: parts[found[1]], page)  # what is put in is not looked at again


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
