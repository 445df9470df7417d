"""The HTTP of Lambda's Runtime API: what a runtime asks for, cut out of its connection, and the answers to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Connection", "RuntimeRequest"]

_SEND_S = 10.0


@dataclass(frozen=True, slots=True)
class RuntimeRequest:
    """What the runtime sent: `path` without the API's version, headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One connection of a runtime: bytes in, requests out."""

    def __init__(self, taken: socket.socket) -> None:
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken.settimeout(_SEND_S)
        self._socket = taken
        self._buffer = bytearray()
        self._was_told_to_continue = False

    def fileno(self) -> int:
        """Give the descriptor, for a selector."""
        return self._socket.fileno()

    def read(self) -> bool:
        """Take what has arrived; False when the runtime has closed the connection."""
        try:
            data = self._socket.recv(1 << 18)
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def requests(self) -> Iterator[RuntimeRequest]:
        """Give the requests that are complete."""
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if headers.get("expect") == "100-continue" and not self._was_told_to_continue:
                self._was_told_to_continue = True  # without this, curl waits a second
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
            taken = self._body(end + 4, headers)
            if taken is None:
                return
            body, after = taken
            del self._buffer[:after]
            self._was_told_to_continue = False
            method, path, _ = first.split(" ", 2)
            yield RuntimeRequest(method, path.removeprefix("/2018-06-01/runtime"), headers, body)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer a request. A runtime that is gone is noticed elsewhere."""
        # awslambdaric waits for ever when an answer has no Content-Type
        told = {"Content-Type": "application/json", **(headers or {}), "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._send(f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode("latin-1") + body)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            return

    def _body(self, at: int, headers: Mapping[str, str]) -> tuple[bytes, int] | None:
        if "chunked" not in headers.get("transfer-encoding", ""):
            end = at + int(headers.get("content-length", 0))
            return (bytes(self._buffer[at:end]), end) if len(self._buffer) >= end else None
        whole = bytearray()
        while (line := self._buffer.find(b"\r\n", at)) >= 0:
            size = int(bytes(self._buffer[at:line]).partition(b";")[0], 16)
            at = line + 2 + size + 2
            if len(self._buffer) < at:
                return None
            if size == 0:
                return bytes(whole), at
            whole += self._buffer[line + 2 : at - 2]
        return None
