"""Be farther away: `delay_proxy.py PORT UPSTREAM_PORT DELAY_MS` passes bytes on, and each answer's first ones later.

Bytes are never looked at: an answer is what the server sends first after the client has sent something.
"""

from __future__ import annotations

import asyncio
import sys

HOST = "127.0.0.1"


class Upstream(asyncio.Protocol):
    """The server's end of a connection."""

    def __init__(self, client: Client, delay_s: float) -> None:
        self.client = client
        self.delay_s = delay_s
        self.is_waiting = True
        """An answer is due, and nothing of it was passed on."""
        self.held: list[bytes] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.client.upstream_is_ready(self)

    def data_received(self, data: bytes) -> None:
        if self.held is not None:
            self.held.append(data)
        elif self.is_waiting:
            self.held = [data]
            asyncio.get_running_loop().call_later(self.delay_s, self.release)
        else:
            self.client.send(data)

    def release(self) -> None:
        """Pass on what was held; the rest of the answer is not delayed."""
        held, self.held, self.is_waiting = self.held, None, False
        self.client.send(b"".join(held or ()))
        if self.transport is None:
            self.client.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.held is None:
            self.client.close()


class Client(asyncio.Protocol):
    """The client's end of a connection."""

    def __init__(self, port: int, delay_s: float) -> None:
        self.port = port
        self.delay_s = delay_s
        self.early: list[bytes] = []
        self.upstream: Upstream | None = None
        self.transport: asyncio.Transport | None = None
        self.opening: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        loop = asyncio.get_running_loop()
        self.opening = loop.create_task(loop.create_connection(lambda: Upstream(self, self.delay_s), HOST, self.port))

    def upstream_is_ready(self, upstream: Upstream) -> None:
        """Send what came before."""
        self.upstream = upstream
        for data in self.early:
            self.data_received(data)
        self.early.clear()

    def data_received(self, data: bytes) -> None:
        if self.upstream is None:
            self.early.append(data)
        elif self.upstream.transport is not None:
            self.upstream.is_waiting = True
            self.upstream.transport.write(data)

    def send(self, data: bytes) -> None:
        """Pass on what the server said."""
        if self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        """End the connection, once all is sent."""
        if self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.upstream is not None and self.upstream.transport is not None:
            self.upstream.transport.close()


async def main(port: int, upstream_port: int, delay_s: float) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Client(upstream_port, delay_s), HOST, port, backlog=128
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000))
