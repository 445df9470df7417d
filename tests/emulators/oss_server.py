"""A server that stands in for Alibaba Cloud OSS: `python -P oss_server.py PORT`. It keeps everything in memory.

Buckets are named by the path, as oss2 does for an endpoint that is an IP address. The server knows the keys of
`KEYS`. Its side door `POST /lithops-tests/fill` {"bucket", "keys"} writes objects whose content is their key.

    a connection's thread here -> oss_layer (verbs, XML) -> oss_signatures (who asks) and oss_store (what there is)
"""

from __future__ import annotations

import json
import socket
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote

sys.path.append(str(Path(__file__).parents[2]))  # last: what is in there shadows nothing

from tests.emulators.oss_layer import Answer, failed, perform
from tests.emulators.oss_signatures import AccessKey, Request
from tests.emulators.oss_store import RefusedError, Store

__all__ = ["KEYS", "main"]

KEYS = {
    "LTAItests": AccessKey("secret-of-LTAItests"),
    "STS.tests": AccessKey("secret-of-STS.tests", token="token-of-STS.tests"),
    "STS.expired": AccessKey("secret-of-STS.expired", token="token-of-STS.expired", is_expired=True),
}
_SIDE_DOOR = "/lithops-tests/fill"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer's headers and a small body leave together
    disable_nagle_algorithm = True
    store: Store

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        return

    def do_GET(self) -> None:
        body = self._body()
        path, _, query = self.requestline.split(" ")[1].partition("?")  # `self.path` is not verbatim
        bucket = ""
        try:
            if path == _SIDE_DOOR:
                answer = self._fill(body)
            else:
                named, _, key = path[1:].partition("/")
                bucket = unquote(named)
                request = Request(
                    self.command,
                    bucket,
                    unquote(key, errors="strict"),
                    parse_qsl(query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                )
                answer = perform(self.store, KEYS, request, body)
        except RefusedError as failure:
            answer = failed(failure, bucket)
        except UnicodeDecodeError:
            answer = failed(RefusedError(400, "InvalidObjectName", "The name is not UTF-8."), bucket)
        self._send(answer)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _fill(self, body: bytes) -> Answer:
        asked = json.loads(body)
        for key in asked["keys"]:
            self.store.put(asked["bucket"], key, key.encode(), forbid_overwrite=False)
        return Answer(200)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"x-oss-request-id": uuid.uuid4().hex.upper(), **answer.headers}.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(answer.size_bytes))
        self.end_headers()
        if self.command != "HEAD":
            for piece in answer.body:
                self.wfile.write(piece)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        exc = sys.exception()
        if not isinstance(exc, (ConnectionError, socket.timeout)):  # a client may leave at any time
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed has a private alias


def main(port: int) -> None:
    """Serve until the process is ended."""
    _Handler.store = Store()
    with _Server(("127.0.0.1", port), _Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
