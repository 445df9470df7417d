"""Answer each GET by the bytes that a real server once answered: `recorded_server.py PORT FILE DELAY_MS`.

`recording.py` writes the file: it maps a request's path to the whole answer. Nothing is computed here, so that what is
measured is the client.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from pathlib import Path

HOST = "127.0.0.1"


class Player(asyncio.Protocol):
    """One connection of a client that sends no bodies."""

    def __init__(self, answers: dict[bytes, bytes], delay_s: float) -> None:
        self.answers = answers
        self.delay_s = delay_s
        self.request = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.request += data
        while b"\r\n\r\n" in self.request:
            request, _, self.request = self.request.partition(b"\r\n\r\n")
            path = request.split(b" ", 2)[1].partition(b"?")[0]
            asyncio.get_running_loop().call_later(self.delay_s, self.answer, path)

    def answer(self, path: bytes) -> None:
        """Send what was recorded, and end the connection when the real server did."""
        if self.transport is None or self.transport.is_closing():
            return
        answer = self.answers.get(path, b"HTTP/1.1 501 Not recorded\r\nContent-Length: 0\r\n\r\n")
        self.transport.write(answer)
        head = answer.partition(b"\r\n\r\n")[0].lower()
        if head.startswith(b"http/1.0") or b"\r\nconnection: close" in head:
            self.transport.close()


async def main(port: int, answers: dict[bytes, bytes], delay_s: float) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(lambda: Player(answers, delay_s), HOST, port, backlog=128)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()), int(sys.argv[3]) / 1000))
