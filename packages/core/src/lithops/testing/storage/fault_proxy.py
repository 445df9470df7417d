"""A proxy in front of a server of HTTP/1.1: it counts and records requests, and puts faults in by plan.

    client --- a connection, kept alive ---> _Connection, a thread --- a connection, kept alive ---> server

with FaultProxy("http://127.0.0.1:5000") as proxy:
    proxy.plan(HttpFault(answer=Answer(503, headers={"Retry-After": "7"})), HttpFault(cuts_after=1000, method="GET"))
    store = connect(proxy.url)

What passes is not changed: neither `Host`, nor the order and case of headers, nor how a body is framed. Bodies are
streamed. An `Expect: 100-continue` is answered here.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, parse_headers, responses
from select import select
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from types import TracebackType
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from lithops.testing.storage.http_faults import Answer, HttpFault, HttpRequest, Plan

__all__ = ["FaultProxy"]

_TIMEOUT_S = 60.0
_POLL_S = 0.02
_SENT_S = 5.0
_PIECE = 1 << 16
_LINE = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close drops what is unsent, and resets the connection


class FaultProxy:
    """A server at `url`, on loopback, which passes requests on to `upstream`, a base URL. Close it when done.

    `requests` are those that were answered or refused so far, in this order; each is there before its answer is sent.
    """

    def __init__(self, upstream: str) -> None:
        target = urlsplit(upstream)
        if target.scheme != "http" or target.hostname is None:
            raise ValueError(f"cannot stand in front of '{upstream}': give a URL such as http://127.0.0.1:5000")
        self._server = _Server(target.hostname, target.port or 80)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{target.path.rstrip('/')}"
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,), name="fault-proxy")
        self._thread.start()

    @property
    def requests(self) -> list[HttpRequest]:
        """What was asked so far: a copy."""
        with self._server.lock:
            return list(self._server.requests)

    def plan(self, *faults: HttpFault) -> None:
        """Hit the requests that come from now on; what was planned before is forgotten."""
        self._server.plan.set(faults)

    def close(self) -> None:
        """End all connections and threads. Idempotent."""
        self._server.shutdown()
        self._thread.join(_TIMEOUT_S)
        self._server.end_connections()
        self._server.server_close()  # waits for the threads of connections

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = False
    block_on_close = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = host, port
        self.lock = Lock()
        self.requests: list[HttpRequest] = []
        self.plan = Plan()
        self.open: set[socket.socket] = set()
        self.is_closed = False

    def end_connections(self) -> None:
        with self.lock:
            self.is_closed = True
            for connection in self.open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _GoneError(Exception):
    """The client's connection is at its end: nothing more can be read from it, or written to it."""


class _Connection(StreamRequestHandler):
    timeout = _TIMEOUT_S
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = HTTPConnection(*self.server.target, timeout=_TIMEOUT_S)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def handle(self) -> None:
        with self.server.lock:
            if self.server.is_closed:
                return
            self.server.open.add(self.connection)
        try:
            with suppress(_GoneError, OSError, HTTPException):
                while self._serve():
                    pass
        finally:
            with self.server.lock:
                self.server.open.discard(self.connection)

    def _serve(self) -> bool:
        """Serve one request; False when the connection has ended."""
        line = self.rfile.readline(_LINE).split()
        if len(line) != 3:
            return False
        method, path = line[0].decode("latin-1"), line[1].decode("latin-1")
        headers = parse_headers(self.rfile)
        if "100-continue" in headers.get("Expect", "").lower():
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _Body(_framed(cast(BinaryIO, self.rfile), headers, ends_with_connection=False))
        fault = self.server.plan.next(method, path) or HttpFault()
        if fault.delay_s:
            time.sleep(fault.delay_s)
        asked = HttpRequest(method, path, {name.lower(): value for name, value in headers.items()}, 0, 0)
        if fault.answer is not None:
            body.drain()
            self._record(asked, body, fault.answer.status)
            self._send_answer(fault.answer, with_body=method != "HEAD")
            return headers.get("Connection", "").lower() != "close"
        if fault.resets and not fault.passes_on:
            body.drain()
            self._record(asked, body, 0)
            return self._reset()
        return self._pass_on(asked, headers, body, fault)

    def _pass_on(self, asked: HttpRequest, headers: HTTPMessage, body: _Body, fault: HttpFault) -> bool:
        is_whole = False
        upstream = self._connect()
        try:
            response = _ask(upstream, asked, headers, body)
            body.drain()  # what the server did not want
            if response is None:
                self._record(asked, body, 0)
                return self._reset()
            with closing(response):
                if fault.resets:
                    response.read()
                    self._record(asked, body, 0)
                    return self._reset()
                self._record(asked, body, response.status)
                is_whole = self._relay(asked.method, response, fault)
            return is_whole
        finally:
            if not is_whole:
                upstream.close()

    def _connect(self) -> HTTPConnection:
        """Give the connection to the server: a new one when the server has ended it."""
        upstream = self._upstream
        if upstream.sock is not None and select([upstream.sock], [], [], 0)[0]:
            upstream.close()
        return upstream

    def _relay(self, method: str, response: HTTPResponse, fault: HttpFault) -> bool:
        self._send_head(response.status, response.reason, list(response.headers.items()))
        raw: BinaryIO = response.fp
        has_body = method != "HEAD" and response.status not in (204, 304)
        room = fault.cuts_after
        if has_body:
            for piece in _framed(raw, response.headers, ends_with_connection=True):
                if room is not None and len(piece) > room:
                    self.wfile.write(piece[:room])
                    return False if fault.cuts_cleanly else self._reset()
                room = None if room is None else room - len(piece)
                self.wfile.write(piece)
        has_end = not has_body or "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
        return has_end and response.headers.get("Connection", "").lower() != "close"

    def _record(self, asked: HttpRequest, body: _Body, status: int) -> None:
        with self.server.lock:
            self.server.requests.append(asked._replace(status=status, body_bytes=body.size_bytes))

    def _send_answer(self, answer: Answer, *, with_body: bool) -> None:
        fields = [*answer.headers.items(), ("Content-Length", str(len(answer.body)))]
        self._send_head(answer.status, responses.get(answer.status, ""), fields)
        if with_body:
            self.wfile.write(answer.body)

    def _send_head(self, status: int, reason: str, fields: list[tuple[str, str]]) -> None:
        lines = [f"HTTP/1.1 {status} {reason}", *[f"{name}: {value}" for name, value in fields], "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1"))

    def _reset(self) -> bool:
        with self.server.lock:
            self.server.open.discard(self.connection)
        _wait_until_sent(self.connection)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.rfile.close()  # the socket closes when no file of it is open
        self.connection.close()
        return False


class _Body:
    """The pieces of a request's body, as they are on the wire, and how many bytes of content they had so far."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size_bytes += len(piece)
            yield piece

    def drain(self) -> None:
        for _ in self:
            pass


def _wait_until_sent(connection: socket.socket) -> None:
    """Wait until the client's machine has all bytes: a reset would drop the others. Does nothing where none can tell."""
    waiting = bytearray(4)
    limit = time.monotonic() + _SENT_S
    with suppress(OSError):
        while time.monotonic() < limit:
            fcntl.ioctl(connection, termios.TIOCOUTQ, waiting)
            if not any(waiting):
                return
            time.sleep(0.001)


def _ask(upstream: HTTPConnection, asked: HttpRequest, headers: HTTPMessage, body: _Body) -> HTTPResponse | None:
    """Do a request; None when the server ended the connection instead of an answer."""
    upstream.putrequest(asked.method, asked.path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        if name.lower() != "expect":
            upstream.putheader(name, value)
    try:
        upstream.endheaders()
        for piece in body:
            upstream.send(piece)
    except OSError:  # it may have answered before it had the whole body
        if upstream.sock is None:
            return None  # nobody listens
    try:
        return upstream.getresponse()
    except (OSError, HTTPException):
        return None


def _framed(stream: BinaryIO, headers: HTTPMessage, *, ends_with_connection: bool) -> Iterator[bytes]:
    """Read a body, with its framing, in pieces; raises `_GoneError` when the connection ends before the body does."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        yield from _chunks(stream)
    elif "Content-Length" in headers:
        left = int(headers["Content-Length"])
        while left:
            piece = _some(stream, min(left, _PIECE))
            left -= len(piece)
            yield piece
    elif ends_with_connection:
        while piece := stream.read(_PIECE):
            yield piece


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        line = _line(stream)
        yield line
        left = int(line.partition(b";")[0], 16)
        if not left:
            break
        left += 2  # the end of its line
        while left:
            piece = _some(stream, min(left, _PIECE))
            left -= len(piece)
            yield piece
    while line.strip():  # trailers, and an empty line
        line = _line(stream)
        yield line


def _some(stream: BinaryIO, size: int) -> bytes:
    try:
        piece = stream.read(size)
    except OSError as exc:
        raise _GoneError from exc
    if not piece:
        raise _GoneError
    return piece


def _line(stream: BinaryIO) -> bytes:
    try:
        line = stream.readline(_LINE)
    except OSError as exc:
        raise _GoneError from exc
    if not line.endswith(b"\n"):
        raise _GoneError
    return line
