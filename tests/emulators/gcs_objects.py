"""Objects of the server that stands in for Cloud Storage: read, described, listed, changed, copied, composed."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from tests.emulators.gcs_http import Answer, RefusedError, Request, json_answer
from tests.emulators.gcs_state import Store, StoredObject

__all__ = ["compose", "copy", "listing", "media", "selected"]

_PAGE = 1000
_MOST_SOURCES = 32
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def media(found: StoredObject, wanted: str) -> Answer:
    """Give the content of an object, or what the header Range (`wanted`) asks for of it."""
    md5, crc32c = found.hashes()
    modified = datetime.fromisoformat(found.updated or found.created)
    headers = {
        "Content-Type": str(found.fields.get("contentType", "application/octet-stream")),
        "ETag": found.etag,
        "Last-Modified": format_datetime(modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "X-Goog-Generation": str(found.generation),
        "X-Goog-Metageneration": str(found.metageneration),
        "X-Goog-Storage-Class": "STANDARD",
        "X-Goog-Stored-Content-Encoding": str(found.fields.get("contentEncoding", "identity")),
        "X-Goog-Stored-Content-Length": str(len(found.data)),
    }
    if "contentEncoding" in found.fields:
        headers["Content-Encoding"] = str(found.fields["contentEncoding"])
    size = len(found.data)
    asked = _RANGE.fullmatch(wanted)
    if not asked or asked.groups() == ("", ""):  # there are hashes of objects, not of their parts
        headers["X-Goog-Hash"] = f"crc32c={crc32c}" + ("" if found.components else f",md5={md5}")
        return Answer(200, found.data, headers)
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or start >= end:
        answer = RefusedError(416, "requestedRangeNotSatisfiable", "Request range not satisfiable").answer(
            is_media=True
        )
        answer.headers["Content-Range"] = f"bytes */{size}"
        return answer
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return Answer(206, memoryview(found.data)[start:end], headers)


def listing(store: Store, bucket: str, query: dict[str, str]) -> dict[str, Any]:
    """Give a page of a listing."""
    prefix, delimiter = query.get("prefix", "").encode(), query.get("delimiter", "").encode()
    end = query.get("endOffset", "").encode()
    most = min(_PAGE, int(query.get("maxResults", _PAGE)))
    start = max(prefix, query.get("startOffset", "").encode())
    if token := query.get("pageToken"):
        start = max(start, base64.b64decode(token, validate=True))
    objects = store.bucket(bucket).objects
    items: list[dict[str, Any]] = []
    prefixes: list[str] = []
    found: dict[str, Any] = {"kind": "storage#objects"}
    skipped = b""
    for name in store.names(bucket, start):
        if (prefix and not name.startswith(prefix)) or (end and name >= end):
            break
        if skipped and name.startswith(skipped):
            continue
        if len(items) + len(prefixes) == most:
            found["nextPageToken"] = base64.b64encode(name).decode()
            break
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if cut >= 0:
            skipped = name[: cut + len(delimiter)]
            prefixes.append(skipped.decode())
        elif (one := objects.get(name.decode())) is not None:
            items.append(one.resource())
    if items:
        found["items"] = items
    if prefixes:
        found["prefixes"] = prefixes
    return found


def copy(store: Store, request: Request, source: tuple[str, str], target: tuple[str, str]) -> StoredObject:
    """Copy an object, with its fields unless others are given."""
    found = store.find(*source, request.query, "ifSource")
    changes = request.json()
    return store.write(*target, found.data, {**found.fields, **changes}, request.query)


def compose(store: Store, request: Request, bucket: str, name: str) -> StoredObject:
    """Write objects back to back into another one."""
    asked = request.json()
    sources = asked.get("sourceObjects", [])
    if not 1 <= len(sources) <= _MOST_SOURCES:
        message = f"The number of source components provided ({len(sources)}) exceeds the maximum (32)."
        raise RefusedError(400, "invalid", message)
    parts = []
    for one in sources:
        query = {key: str(value) for key, value in one.get("objectPreconditions", {}).items()}
        if "generation" in one:
            query["generation"] = str(one["generation"])
        parts.append(store.find(bucket, one["name"], query))
    made = store.write(bucket, name, b"".join(part.data for part in parts), asked.get("destination", {}), request.query)
    made.components = sum(part.components or 1 for part in parts)
    return made


def selected(resource: dict[str, Any], fields: str) -> Answer:
    """Answer with those fields of a resource that the parameter `fields` names; all when it is empty."""
    return json_answer(_select(resource, fields) if fields else resource)


def _select(value: dict[str, Any], fields: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in _split(fields):
        name, _, inner = one.partition("(")
        name, _, below = name.partition("/")
        inner = inner.removesuffix(")") or below
        if name not in value:
            continue
        part = value[name]
        if inner and isinstance(part, list):
            part = [_select(item, inner) for item in part]
        elif inner:
            part = _select(part, inner)
        found[name] = part
    return found


def _split(fields: str) -> list[str]:
    """Cut at the commas that are in no parentheses."""
    found, depth = [""], 0
    for letter in fields:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return found
