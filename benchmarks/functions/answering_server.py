"""Answer invocations at once: `answering_server.py PORT UPSTREAM`. Whatever else is asked, the upstream server answers.

The call of an invocation runs here, in the loop, so that its answer is what a function answers; an event is only taken.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import sys
import uuid
from urllib.parse import urlsplit

from lithops.wire.calls import decode_calls
from lithops.wire.envelope import decode
from lithops.worker.run import Runner

HOST = "127.0.0.1"
UPSTREAM_S = 30
_OF_THE_WAY = {"connection", "content-length", "transfer-encoding", "keep-alive"}
LOG = (
    "START RequestId: {id} Version: $LATEST\nlithops bench-A000 00000 0 {id}\nEND RequestId: {id}\nREPORT RequestId: {id}"
    "\tDuration: 1.20 ms\tBilled Duration: 2 ms\tMemory Size: 256 MB\tMax Memory Used: 40 MB\t\n"
)


class Answering(asyncio.Protocol):
    """One connection. Requests come one after the other, with a length."""

    def __init__(self, runner: Runner, upstream: str, loop: asyncio.AbstractEventLoop) -> None:
        self.runner = runner
        self.upstream = upstream
        self.loop = loop
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        if headers.get("expect", "").lower() == "100-continue" and not rest and length:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        if len(rest) < length:
            return
        self.received = b""
        method, path, _ = first.split(" ")
        if path.endswith("/invocations"):
            self.invoke(headers, rest)
        else:
            self.loop.run_in_executor(None, self.forward, method, path, headers, rest)

    def invoke(self, headers: dict[str, str], body: bytes) -> None:
        """Run the call, or only take it."""
        request_id = str(uuid.uuid4())
        told = f"x-amzn-requestid: {request_id}\r\n"
        if headers.get("x-amz-invocation-type") == "Event":
            self.write(f"HTTP/1.1 202 Accepted\r\n{told}content-length: 0\r\n\r\n".encode())
            return
        (call,) = decode_calls(decode(bytearray(base64.b64decode(json.loads(body)["lithops"]))))
        status = base64.b64encode(b"".join(self.runner.run(call))).decode()
        if headers.get("x-amz-log-type") == "Tail":
            told += f"x-amz-log-result: {base64.b64encode(LOG.format(id=request_id).encode()).decode()}\r\n"
        answer = json.dumps({"status": status}).encode()
        self.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amz-executed-version: $LATEST\r\n{told}"
            f"content-length: {len(answer)}\r\n\r\n".encode()
            + answer
        )

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Ask the upstream server, on another thread."""
        connection = http.client.HTTPConnection(self.upstream, timeout=UPSTREAM_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        kept = [f"{name}: {value}\r\n" for name, value in answer.getheaders() if name.lower() not in _OF_THE_WAY]
        head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n{''.join(kept)}content-length: {len(content)}\r\n\r\n"
        self.loop.call_soon_threadsafe(self.write, head.encode() + content)

    def write(self, data: bytes) -> None:
        """Send, unless the client is gone."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)


async def main(port: int, upstream: str) -> None:
    """Serve for ever."""
    runner = Runner()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(runner, upstream, loop), HOST, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), urlsplit(sys.argv[2]).netloc))
