"""HTTP/1.1 for the server that stands in for Cloud Storage: requests read from a connection, answers written to it.

Quick and plain: `http.server` parses headers by the module of e-mails, which takes longer than all the rest.
"""

from __future__ import annotations

import json
import socketserver
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedIOBase
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes

__all__ = ["Answer", "Handle", "HttpServer", "RefusedError", "Request", "json_answer"]

_LONGEST_LINE = 1 << 16
_READ_AT_ONCE = 1 << 20


@dataclass(slots=True)
class Request:
    """One request. `segments` are the parts of the path between slashes, each percent-decoded once."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | bytearray
    segments: list[str] = field(init=False)
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        target = self.target
        if "://" in target.partition("?")[0]:
            target = "/" + target.split("/", 3)[3]
        path, _, query = target.partition("?")
        self.segments = [unquote_to_bytes(part).decode("utf-8") for part in path.split("/")[1:]]
        self.query = dict(parse_qsl(query, keep_blank_values=True, errors="strict"))

    def json(self) -> dict[str, Any]:
        """Read the body as a JSON object; {} when there is none."""
        return dict(json.loads(bytes(self.body))) if self.body else {}


@dataclass(slots=True)
class Answer:
    """One answer. `reason` is the standard's when it is empty;"""

    status: int = 200
    body: bytes | bytearray | memoryview = b""
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    def head(self) -> bytes:
        """Write the status line and the headers."""
        reason = self.reason or HTTPStatus(self.status).phrase
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in self.headers.items())]
        if self.status not in (204, 304):
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


Handle: TypeAlias = Callable[[Request], Answer]


class RefusedError(Exception):
    """An error in Google's form of JSON, or as plain text where a body of media was asked for."""

    def __init__(self, status: int, reason: str, message: str, location: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.location = location

    def answer(self, *, is_media: bool = False) -> Answer:
        """Make the answer."""
        if self.status == 304:
            return Answer(304)
        if is_media:
            return Answer(self.status, self.message.encode(), {"Content-Type": "text/html; charset=UTF-8"})
        one = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location:
            one |= {"locationType": "header", "location": self.location}
        error = {"code": self.status, "message": self.message, "errors": [one]}
        return json_answer({"error": error}, self.status)


def json_answer(value: Mapping[str, Any], status: int = 200) -> Answer:
    """Make an answer of JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


class HttpServer(socketserver.ThreadingTCPServer):
    """Serves each connection in a thread of its own."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, port: int, handle: Handle) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.handle = handle

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients of tests break connections on purpose."""


class _Connection(socketserver.StreamRequestHandler):
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle(self) -> None:
        assert isinstance(self.server, HttpServer)
        while True:
            line = self.rfile.readline(_LONGEST_LINE)
            if not line:
                return
            method, target, _ = line.decode("latin-1").split(" ", 2)
            headers = _headers(self.rfile)
            if headers.get("expect", "").lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.wfile.flush()
            try:
                answer = self.server.handle(Request(method, target, headers, _body(self.rfile, headers)))
            except UnicodeDecodeError:
                answer = RefusedError(400, "invalid", "The name is no UTF-8.").answer()
            self.wfile.write(answer.head())
            if method != "HEAD" and answer.status not in (204, 304):
                self.wfile.write(answer.body)
            self.wfile.flush()
            if headers.get("connection", "").lower() == "close":
                return


def _headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := stream.readline(_LONGEST_LINE)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


def _body(stream: BufferedIOBase, headers: Mapping[str, str]) -> bytes | bytearray:
    """Read a body whole; one that breaks off raises, so that nothing of it is taken for an object."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(stream)
    size = int(headers.get("content-length", "0"))
    if size <= _READ_AT_ONCE:
        data = stream.read(size)
        if len(data) < size:
            raise ConnectionError("the body broke off")
        return data
    whole = bytearray(size)
    view, at = memoryview(whole), 0
    while at < size:
        count = stream.readinto(view[at : at + _READ_AT_ONCE])
        if not count:
            raise ConnectionError("the body broke off")
        at += count
    return whole


def _chunked(stream: BufferedIOBase) -> bytearray:
    whole = bytearray()
    while True:
        line = stream.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise ConnectionError("the body broke off")
        size = int(line.split(b";")[0], 16)
        if not size:
            while stream.readline(_LONGEST_LINE) not in (b"\r\n", b"\n", b""):
                pass
            return whole
        data = stream.read(size)
        if len(data) < size:
            raise ConnectionError("the body broke off")
        whole += data
        stream.readline(_LONGEST_LINE)
