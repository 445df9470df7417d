"""A proxy of TCP between clients and a server of this machine, which breaks connections as routers and servers do."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterator

__all__ = ["BreakingProxy", "breaking_proxy"]

_STEP_S = 0.05


class BreakingProxy:
    """Passes bytes on, and keeps those of the clients in `sent`. Each connection has a thread of its own."""

    def __init__(self, server_port: int) -> None:
        self.sent = bytearray()
        self.connections = 0
        self._server = ("127.0.0.1", server_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lost: bytes | None = None
        self._breaks: dict[threading.Thread, str] = {}
        self._is_closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept, name="breaking-proxy")]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def lose_answer_to(self, command: bytes) -> None:
        """Pass on the next bytes that have this in them, and what comes after; close when the server begins to answer."""
        self._lost = command

    def close_all(self, how: str) -> None:
        """Break all connections: with an `end`, with a `reset`, or in `silence`, as a router does that forgets them."""
        broken = [thread for thread in self._threads[1:] if thread.is_alive()]
        self._breaks |= dict.fromkeys(broken, how)
        for thread in broken:
            if how != "silence":
                thread.join()

    def close(self) -> None:
        self._is_closing.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(_STEP_S)
        while not self._is_closing.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client,), name="breaking-proxy-connection")
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        is_lost = False
        with socket.create_connection(self._server) as server, contextlib.suppress(OSError), client:
            while not self._is_closing.is_set():
                readable, _, _ = select.select([client, server], [], [], _STEP_S)
                how = self._breaks.get(threading.current_thread())
                if how == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if how in ("end", "reset"):
                    return
                for one in readable:
                    data = one.recv(65536)
                    if not data:
                        return
                    if how == "silence":
                        continue
                    if one is server:
                        if is_lost:
                            return
                        client.sendall(data)
                    else:
                        self.sent += data
                        server.sendall(data)
                        if self._lost is not None and self._lost in data:
                            self._lost, is_lost = None, True


@contextlib.contextmanager
def breaking_proxy(server_port: int) -> Iterator[BreakingProxy]:
    """Run a proxy in front of a server."""
    proxy = BreakingProxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
