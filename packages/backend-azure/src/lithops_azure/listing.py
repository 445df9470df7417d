"""A listing's pages as objects, in the order of their names' UTF-8 bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

from lithops.types import ObjectInfo

__all__ = ["Page", "in_utf8_order", "parsed", "start_of"]

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_ABOVE_SURROGATES = re.compile("[\ue000-\uffff]")


class Page(NamedTuple):
    """One answer of List Blobs; `marker` asks for the next, and is empty in the last."""

    infos: list[ObjectInfo]
    marker: str


def parsed(body: bytes) -> Page:
    """Read an answer of List Blobs. Raises `ValueError` for what is none."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as exc:
        raise ValueError(f"the answer is no XML ({exc})") from exc
    infos = []
    for blob in root.iterfind("Blobs/Blob"):
        name = blob.find("Name")
        key = "" if name is None else name.text or ""
        if name is not None and name.get("Encoded") == "true":  # XML cannot have all that a name can
            key = unquote(key)
        size = int(blob.findtext("Properties/Content-Length") or 0)
        etag = (blob.findtext("Properties/Etag") or "").strip('"') or None
        modified = blob.findtext("Properties/Last-Modified")
        infos.append(ObjectInfo(key, size, etag, parsedate_to_datetime(modified) if modified else None))
    return Page(infos, root.findtext("NextMarker") or "")


def start_of(after: str, prefix: str) -> str:
    """Give the name from which a listing of the names above `after` must start, or "" for its beginning.

    A service that orders by UTF-16 code units has names with characters above U+FFFF before those with U+E000 and up.
    """
    above = _ABOVE_SURROGATES.search(after)
    start = after[: above.start()] if above else after
    return start if start.startswith(prefix) else ""


def in_utf8_order(infos: Iterable[ObjectInfo]) -> Iterator[ObjectInfo]:
    """Order by UTF-8 what comes in that order, or in that of UTF-16 (the documentation says "alphabetical").

    They differ only among names that are equal up to a character above U+FFFF: those are held until the listing leaves
    what they have in common. Other names pass at once.
    """
    held: list[ObjectInfo] = []
    stem = ""
    for info in infos:
        if held and not info.key.startswith(stem):
            yield from _sorted(held)
            held = []
        if held:
            held.append(info)
            continue
        astral = None if info.key.isascii() else _ASTRAL.search(info.key)
        if astral:
            stem, held = info.key[: astral.start()], [info]
        else:
            yield info
    yield from _sorted(held)


def _sorted(infos: list[ObjectInfo]) -> list[ObjectInfo]:
    return sorted(infos, key=lambda info: info.key)  # Python orders by code points, as UTF-8 does
