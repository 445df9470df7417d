"""One connection to Lambda, by HTTP/1.1: a request at a time, its answer by length, by chunks, or until the end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from lithops.errors import TransientError
from lithops_aws.compute.invoke import Answer, Cut, Outcome, Request, Unsent

__all__ = ["Connection"]

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024
"""Lambda's answers have at most 6 MB; a log tail and an error are small."""

_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4}
"""NAT gateways forget a connection after 350 seconds without a packet, and calls may take 900. Names differ by system."""


class _MalformedError(Exception):
    """What came is not HTTP."""


class Connection(asyncio.Protocol):
    """Sends a request and gives its outcome to `on_end`. Used on the loop's thread only.

    `on_end(connection, request, outcome)`: None as outcome says that the request may be sent again elsewhere, since this
    connection was kept too long. After each outcome, `is_free` tells whether the connection takes another request.
    `on_lost(connection)` is called when it has ended.
    """

    def __init__(
        self,
        on_end: Callable[[Connection, Request, Outcome | None], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self.free_since = 0.0
        self._on_end = on_end
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._request: Request | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._received = bytearray()
        self._head: tuple[int, dict[str, str]] | None = None
        self._body_bytes: int | None = None  # None: until the connection's end
        self._chunks: list[bytes] | None = None
        self._sent_before = 0
        self._is_flushed = True
        self._is_lost = False

    @property
    def is_free(self) -> bool:
        """Whether it is open and has no request."""
        return self._request is None and not self._is_lost and self._transport is not None

    def send(self, request: Request, head: bytes, loop: asyncio.AbstractEventLoop) -> None:
        """Send a request. The connection must be free."""
        assert self._transport is not None
        self._request = request
        self._timer = loop.call_later(request.timeout_s, self._time_is_over)
        self._transport.write(head + request.body)

    def abort(self, reason: str) -> None:
        """End the connection now; a request that has no answer ends too."""
        if self._transport is not None and not self._is_lost:
            self._lose(reason)
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast(asyncio.Transport, transport)
        # So that what is not yet sent is known. With 0, a TLS transport would call itself full when it is empty.
        self._transport.set_write_buffer_limits(high=1, low=0)
        keep_alive(transport.get_extra_info("socket"))

    def pause_writing(self) -> None:
        """Note that a part of the request waits here."""
        self._is_flushed = False

    def resume_writing(self) -> None:
        """Note that all was given to the system."""
        self._is_flushed = True

    def data_received(self, data: bytes) -> None:
        """Read what came, until the answer is whole."""
        if self._request is None:
            self.abort("it sent what nobody asked for")
            return
        self._received += data
        try:
            answer = self._read()
        except (_MalformedError, ValueError) as exc:
            self.abort(f"the answer was malformed: {exc}")
            return
        if answer is not None:
            self._answered(answer)

    def eof_received(self) -> bool:
        """Take the end of what is sent as the end of the connection."""
        if self._head is not None and self._body_bytes is None and self._chunks is None:
            self._answered(Answer(*self._head, bytes(self._received)), is_last=True)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        if not self._is_lost:
            self._lose(f"the connection was closed{f': {exc}' if exc else ''}")

    # Ends

    def _answered(self, answer: Answer, *, is_last: bool = False) -> None:
        request = self._finish()
        is_last = is_last or bool(self._received) or answer.headers.get("connection", "").lower() == "close"
        self._received.clear()
        self._sent_before += 1
        if is_last:
            self._lose("")
            if self._transport is not None:
                self._transport.close()
        self._on_end(self, request, answer)

    def _lose(self, reason: str) -> None:
        self._is_lost = True
        request = self._finish() if self._request is not None else None
        self._on_lost(self)
        if request is not None:
            self._on_end(self, request, self._outcome_of_loss(reason))

    def _outcome_of_loss(self, reason: str) -> Outcome | None:
        if self._is_flushed or self._received:
            return Cut(reason)
        if self._sent_before:
            return None
        return Unsent(TransientError(f"a request to AWS Lambda could not be sent: {reason}; it is tried again"))

    def _finish(self) -> Request:
        request, self._request = self._request, None
        assert request is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._head = self._body_bytes = self._chunks = None
        return request

    def _time_is_over(self) -> None:
        self._timer = None
        if self._request is not None:
            self.abort(f"no answer came within {self._request.timeout_s:g} s")

    # Reading

    def _read(self) -> Answer | None:
        received = self._received
        while self._head is None:
            end = received.find(b"\r\n\r\n")
            if end > MAX_HEAD_BYTES or (end < 0 and len(received) > MAX_HEAD_BYTES):
                raise _MalformedError(f"its head has more than {MAX_HEAD_BYTES} bytes")
            if end < 0:
                return None
            head = _parse_head(bytes(received[:end]))
            del received[: end + 4]
            if head[0] >= 200:  # else it is one of those that only announce another
                self._begin_body(*head)
        status, headers = self._head
        if self._chunks is not None:
            return Answer(status, headers, b"".join(self._chunks)) if self._read_chunks(self._chunks) else None
        if self._body_bytes is None:
            if len(received) > MAX_BODY_BYTES:
                raise _MalformedError(f"its body has more than {MAX_BODY_BYTES} bytes")
            return None
        if len(received) < self._body_bytes:
            return None
        body = bytes(received[: self._body_bytes])
        del received[: self._body_bytes]
        return Answer(status, headers, body)

    def _begin_body(self, status: int, headers: dict[str, str]) -> None:
        self._head = status, headers
        if status in (204, 304):
            self._body_bytes = 0
        elif headers.get("transfer-encoding", "").lower().endswith("chunked"):
            self._chunks = []
        elif "content-length" in headers:
            length = headers["content-length"]
            if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY_BYTES:
                raise _MalformedError(f"its length is '{length[:40]}'")
            self._body_bytes = int(length)

    def _read_chunks(self, chunks: list[bytes]) -> bool:
        """Take the chunks that are there; tell whether the last was among them."""
        received, at = self._received, 0
        is_whole = False
        while (line_end := received.find(b"\r\n", at)) >= 0:
            size = int(bytes(received[at:line_end]).partition(b";")[0], 16)
            if size < 0 or size + sum(map(len, chunks)) > MAX_BODY_BYTES:
                raise _MalformedError(f"a chunk of {size} bytes is too much")
            if size == 0:
                end = (
                    line_end if received.startswith(b"\r\n", line_end + 2) else received.find(b"\r\n\r\n", line_end + 2)
                )
                if end >= 0:  # with what stands after the last chunk, which means nothing here
                    at, is_whole = end + 4, True
                break
            end = line_end + 2 + size
            if len(received) < end + 2:
                break
            if received[end : end + 2] != b"\r\n":
                raise _MalformedError("a chunk does not end where it should")
            chunks.append(bytes(received[line_end + 2 : end]))
            at = end + 2
        del received[:at]
        if len(received) > MAX_BODY_BYTES + MAX_HEAD_BYTES:
            raise _MalformedError("a chunk does not end")
        return is_whole


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and len(code) == 3):
        raise _MalformedError(f"it begins with {first[:60]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise _MalformedError(f"a header is {line[:60]!r}")
        headers[name.strip().lower()] = value.strip()
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return int(code), headers


def keep_alive(sock: Any) -> None:
    """Let the system send a packet now and then on a connection where nothing is said for long."""
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
