"""Uploads to the server that stands in for Cloud Storage: by one request (media, multipart), or resumable."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any

from tests.emulators.gcs_http import Answer, RefusedError, Request
from tests.emulators.gcs_objects import selected
from tests.emulators.gcs_state import Store, StoredObject

__all__ = ["Uploads", "parts_of"]

_QUANTUM = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(slots=True)
class _Session:
    bucket: str
    name: str
    resource: dict[str, Any]
    query: dict[str, str]
    data: bytearray = field(default_factory=bytearray)
    done: StoredObject | None = None
    lock: Lock = field(default_factory=Lock)


class Uploads:
    """All uploads that run. `keep_next` is how many bytes of the next chunk are kept; None for all."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions: dict[str, _Session] = {}
        self._numbers = count(1)
        self.keep_next: int | None = None

    def open(self) -> list[str]:
        """Name the objects whose upload was neither finished nor cancelled."""
        return [session.name for session in list(self._sessions.values()) if session.done is None]

    def handle(self, request: Request, bucket: str) -> Answer:
        """Answer a request to `/upload/storage/v1/b/<bucket>/o`."""
        if "upload_id" in request.query:
            return self._continue(request)
        kind = request.query.get("uploadType")
        data: bytes | bytearray
        if kind == "resumable":
            return self._start(request, bucket)
        if kind == "multipart":
            described, content = parts_of(request)[:2]
            resource = json.loads(described[1])
            resource.setdefault("contentType", content[0].get("content-type", "application/octet-stream"))
            data = content[1]
        elif kind == "media":
            resource = {"contentType": request.headers.get("content-type", "application/octet-stream")}
            data = request.body
        else:
            raise RefusedError(400, "invalid", f"Invalid upload type: '{kind}'")
        name = request.query.get("name", resource.get("name", ""))
        return self._answer(self._store.write(bucket, name, data, resource, request.query), request.query)

    def _start(self, request: Request, bucket: str) -> Answer:
        resource = request.json()
        name = request.query.get("name", resource.get("name", ""))
        if "x-upload-content-type" in request.headers:
            resource.setdefault("contentType", request.headers["x-upload-content-type"])
        self._store.check(bucket, name, request.query)
        number = f"upload-{next(self._numbers)}"
        self._sessions[number] = _Session(bucket, name, resource, request.query)
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={number}"
        return Answer(200, b"", {"Location": f"http://{request.headers['host']}{path}", "X-GUploader-UploadID": number})

    def _continue(self, request: Request) -> Answer:
        number = request.query["upload_id"]
        session = self._sessions.get(number)
        if session is None:
            raise RefusedError(404, "notFound", "No such upload; it was cancelled or has expired.")
        if request.method == "DELETE":
            del self._sessions[number]
            return Answer(499, b"", {}, "Client Closed Request")
        with session.lock:
            if session.done is None and not self._take(session, request):
                kept = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
                return Answer(308, b"", kept, "Resume Incomplete")
            if session.done is None:
                try:
                    session.done = self._store.write(
                        session.bucket, session.name, session.data, session.resource, session.query
                    )
                except RefusedError:
                    del self._sessions[number]
                    raise
                session.data = bytearray()
        return self._answer(session.done, session.query)

    def _take(self, session: _Session, request: Request) -> bool:
        """Keep what a request brings; tell whether the object is whole now."""
        if "content-range" not in request.headers:
            session.data = bytearray(request.body) if isinstance(request.body, bytes) else request.body
            return True
        asked = _CONTENT_RANGE.fullmatch(request.headers["content-range"])
        if not asked:
            raise RefusedError(
                400, "invalid", f"Failed to parse Content-Range header: {request.headers['content-range']}"
            )
        first, last, total = asked.groups()
        if first is not None:
            if int(last) - int(first) + 1 != len(request.body):
                raise RefusedError(400, "invalid", "Content-Range does not match the length of the body.")
            if int(first) > len(session.data):
                raise RefusedError(503, "backendError", "Invalid request. There were bytes left out.")
            new = memoryview(request.body)[len(session.data) - int(first) :]
            if total == "*":  # but for the last, chunks are kept in steps of 256 KiB
                new = new[: len(new) // _QUANTUM * _QUANTUM]
            if self.keep_next is not None:
                new, self.keep_next = new[: self.keep_next], None
            session.data += new
        return total != "*" and len(session.data) == int(total)

    def _answer(self, made: StoredObject, query: Mapping[str, str]) -> Answer:
        return selected(made.resource(), query.get("fields", ""))


def parts_of(request: Request) -> list[tuple[dict[str, str], bytes]]:
    """Cut a body of the type multipart/* into its parts: their headers and contents."""
    found = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if not found:
        raise RefusedError(400, "badContent", "Missing the boundary of the parts.")
    body = b"\n" + bytes(request.body)
    pieces = re.split(rb"\r?\n--" + re.escape(found[1].encode()) + rb"(?:--)?[ \t]*(?:\r?\n|$)", body)[1:-1]
    parts = []
    for piece in pieces:
        head, _, content = piece.partition(b"\r\n\r\n") if _starts_with_crlf(piece) else piece.partition(b"\n\n")
        lines = [line.partition(":") for line in head.decode().splitlines()]
        parts.append(({name.strip().lower(): value.strip() for name, _, value in lines}, content))
    return parts


def _starts_with_crlf(piece: bytes) -> bool:
    return piece.partition(b"\n")[0].endswith(b"\r")
