"""Parse what a user gives as data: one reference to a bucket, a prefix, a key, a pattern, a URL or a local path.

Only text is looked at here: no store, server or file is asked. `partition` finds the objects.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote, urlsplit

__all__ = ["PATTERN_CHARACTERS", "Kind", "Reference", "parse_reference", "parse_references"]

PATTERN_CHARACTERS = frozenset("*?[")

_SCHEME = re.compile(r"([A-Za-z][\w+.-]*)://(.*)", re.DOTALL)
_ACCEPTED = (
    "a data reference is 'bucket', 'bucket/prefix/', 'bucket/key' or a pattern such as 'bucket/*.csv', each perhaps "
    "after 'scheme://', a CloudObject, an 'http(s)://' URL, or the absolute path of a local file or directory"
)


class Kind(Enum):
    """What a reference names; the value is how a message calls it."""

    BUCKET = "a bucket"
    PREFIX = "a prefix"
    KEY = "a key"
    PATTERN = "a pattern"
    CLOUD_OBJECT = "a CloudObject"
    URL = "a URL"
    PATH = "a local path"


@dataclass(frozen=True, slots=True)
class Reference:
    """One parsed reference. `text` is what the user gave, for messages.

    `backend` is the scheme, or None for the configured store. `key` is a key, a prefix or a pattern, by `kind`.
    A URL or a path is whole in `target`; a path may be a pattern too.
    """

    kind: Kind
    text: str
    backend: str | None = None
    bucket: str = ""
    key: str = ""
    target: str = ""


def parse_references(references: Sequence[object]) -> list[Reference]:
    """Parse references of one kind. Raises `ValueError` that names two of them when there are more kinds."""
    parsed = [parse_reference(reference) for reference in references]
    for other in parsed:
        if other.kind is not parsed[0].kind:
            raise ValueError(
                f"cannot partition a list that mixes {parsed[0].kind.value}, '{parsed[0].text}', and "
                f"{other.kind.value}, '{other.text}': submit one job for each kind"
            )
    return parsed


def parse_reference(reference: object) -> Reference:
    """Parse one reference. Raises `TypeError` or `ValueError` that says what is accepted."""
    if isinstance(reference, str):
        return _parse_text(reference)
    if isinstance(reference, os.PathLike):
        return _parse_path(os.fsdecode(reference), str(reference))
    backend, bucket, key = (getattr(reference, name, None) for name in ("backend", "bucket", "key"))
    if isinstance(bucket, str) and isinstance(key, str) and (backend is None or isinstance(backend, str)):
        text = f"{backend}://{bucket}/{key}" if backend else f"{bucket}/{key}"
        if not bucket or not key:
            raise ValueError(f"'{text}' is no data reference: a CloudObject names a bucket and a key")
        return Reference(Kind.CLOUD_OBJECT, text, backend or None, bucket, key)
    raise TypeError(f"{type(reference).__name__} {reference!r:.100} is no data reference: {_ACCEPTED}")


def _parse_text(text: str) -> Reference:
    if not text.strip() or "\0" in text:
        raise ValueError(f"{text!r} is no data reference: {_ACCEPTED}")
    match = _SCHEME.fullmatch(text)
    if match is None:
        if os.path.isabs(text) or text.startswith(("./", "../", "~")) or text in (".", ".."):
            return _parse_path(text, text)
        return _parse_object(None, text, text)
    scheme, rest = match[1].lower(), match[2]
    if scheme in ("http", "https"):
        return _parse_url(text)
    if scheme == "file":
        host, slash, path = rest.partition("/")
        if host not in ("", "localhost"):
            raise ValueError(f"'{text}' names the host '{host}': a file is read by 'file:///' and its absolute path")
        return _parse_path(unquote(slash + path), text)
    return _parse_object(scheme, rest, text)


def _parse_object(backend: str | None, rest: str, text: str) -> Reference:
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise ValueError(f"'{text}' names no bucket: {_ACCEPTED}")
    if PATTERN_CHARACTERS & set(bucket):
        raise ValueError(f"'{text}' has a pattern in its bucket: a pattern can stand for keys only, as in 'bucket/*'")
    if PATTERN_CHARACTERS & set(key):
        kind = Kind.PATTERN
    elif not key:
        kind = Kind.BUCKET
    else:
        kind = Kind.PREFIX if key.endswith("/") else Kind.KEY
    return Reference(kind, text, backend, bucket, key)


def _parse_url(text: str) -> Reference:
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(f"'{text}' is no URL: {exc}") from exc
    if "@" in parts.netloc:  # not shown: it may be a password
        raise ValueError(f"a URL of '{host}' has a user name in it: give a signed URL, or one that all may read")
    if not host:
        raise ValueError(f"'{text}' names no host: {_ACCEPTED}")
    return Reference(Kind.URL, text, target=text)


def _parse_path(path: str, text: str) -> Reference:
    if not os.path.isabs(path):
        absolute = os.path.abspath(os.path.expanduser(path)) if path else "/..."
        raise ValueError(f"'{text}' is a relative path: give the absolute path, '{absolute}'")
    if "\0" in path:
        raise ValueError(f"{text!r} is no data reference: {_ACCEPTED}")
    return Reference(Kind.PATH, text, target=path)
