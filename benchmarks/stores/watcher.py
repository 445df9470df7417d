"""A proxy that counts a server's requests, and keeps its answers to GET for `recorded_server.py`. Nothing is timed here.

It serves clients that wait for an answer before they ask again on the same connection.
"""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

__all__ = ["Watcher", "watching"]

HOST = "127.0.0.1"
_POLL_S = 0.05
_STOP_S = 10.0
_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\r\n")


class Watcher:
    """What passed. `requests` are methods and targets, in their order; `answers` whole ones, by the GET's path."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.requests: list[str] = []
        self.answers: dict[bytes, bytes] = {}
        self._upstream = upstream
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self._listener.settimeout(_POLL_S)
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._accept, name="bench-watcher")]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """What clients are told."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """End all connections; then `answers` is whole."""
        self._is_over.set()
        for thread in self._threads:  # the first one, once it has ended, begins no other
            thread.join(_STOP_S)
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_over.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._pass, args=(client,), name="bench-watcher-connection")
                self._threads.append(thread)
                thread.start()

    def _pass(self, client: socket.socket) -> None:
        asked, answer = b"", bytearray()
        with client, socket.create_connection(self._upstream) as server, suppress(OSError):
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            is_answered = True
            while not self._is_over.is_set():
                readable, _, _ = select.select([client, server], [], [], _POLL_S)
                if server in readable:
                    if not (data := server.recv(1 << 16)):
                        break
                    client.sendall(data)
                    is_answered = True
                    if asked:
                        answer += data
                elif client in readable:
                    if not (data := client.recv(1 << 16)):
                        break
                    if is_answered and (request := _REQUEST.match(data)):  # not the body that was let through by a 100
                        self._keep(asked, answer)
                        method, target = request.groups()
                        self.requests.append(f"{method.decode()} {target.decode()}")
                        asked, answer = target.partition(b"?")[0] if method == b"GET" else b"", bytearray()
                    is_answered = False
                    server.sendall(data)
        self._keep(asked, answer)

    def _keep(self, asked: bytes, answer: bytearray) -> None:
        if asked:
            self.answers[asked] = bytes(answer)


@contextmanager
def watching(url: str) -> Iterator[Watcher]:
    """Stand in front of the server at `url`."""
    at = urlsplit(url)
    assert at.hostname is not None
    assert at.port is not None
    watcher = Watcher((at.hostname, at.port))
    try:
        yield watcher
    finally:
        watcher.close()
