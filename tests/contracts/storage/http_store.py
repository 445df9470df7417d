"""A tiny store spoken to by HTTP, server and backend: what the kit for HTTP is tried on. Keys are one part of a path.

PUT, HEAD          /bucket                        GET /bucket?prefix=&after=&most=     a page, as JSON
PUT, GET, HEAD     /bucket/key                    POST /bucket                         deletes a JSON list of keys
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from lithops.errors import (
    LithopsError,
    NoSuchBucketError,
    ObjectExistsError,
    StorageError,
    StorageNoSuchKeyError,
    TransientError,
)
from lithops.objects.answers import error_of
from lithops.objects.parts import Body, cut, size_of
from lithops.objects.streams import EMPTY, AnswerStream
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.testing import MemoryStorage
from lithops.types import ObjectInfo, Span, StorageRef

SECRET = "hunter2"
PAGE_KEYS = 1000
SKEWED = b"the clock is skewed"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _serve(self) -> None:
        store = self.server.store
        body = self._body()
        path, _, query = self.path.partition("?")
        bucket, _, key = path.removeprefix("/").partition("/")
        asked = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        try:
            if self.headers["Authorization"] != f"Bearer {SECRET}":
                self._answer(403)
            elif key:
                self._serve_object(bucket, unquote(key), body)
            elif self.command == "PUT":
                store.create_bucket(bucket)
                self._answer(200)
            elif self.command == "HEAD":
                self._answer(200 if store.has_bucket(bucket) else 404, code="bucket")
            elif self.command == "POST":
                store.delete(bucket, json.loads(body))
                self._answer(200)
            else:
                infos = store.list(bucket, asked["prefix"], after=asked.get("after"))
                page = [info[:3] for info, _ in zip(infos, range(int(asked["most"])), strict=False)]
                self._answer(200, json.dumps(page).encode())
        except (NoSuchBucketError, StorageNoSuchKeyError) as exc:
            self._answer(404, code="bucket" if isinstance(exc, NoSuchBucketError) else "key")
        except ObjectExistsError:
            self._answer(412)

    do_GET = do_PUT = do_POST = do_HEAD = _serve  # noqa: N815

    def _serve_object(self, bucket: str, key: str, body: bytes) -> None:
        store = self.server.store
        if self.command == "PUT":
            info = store.put(bucket, key, body, if_absent=self.headers["If-None-Match"] == "*")
            self._answer(200, ETag=info.etag)
            return
        info = store.head(bucket, key)
        start, _, last = (self.headers["Range"] or "bytes=0-").removeprefix("bytes=").partition("-")
        if int(start) >= info.size_bytes and self.headers["Range"]:
            self._answer(416)
            return
        with closing(store.get(bucket, key, span=Span(int(start), int(last or 1 << 62) + 1))) as stream:
            self._answer(206 if self.headers["Range"] else 200, stream.read(), ETag=info.etag)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        whole = bytearray()
        while size := int(self.rfile.readline(), 16):  # raises when the client ends the connection
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(whole)

    def _answer(self, status: int, body: bytes | None = None, code: str = "", ETag: str | None = None) -> None:  # noqa: N803
        self.send_response(status)
        for name, value in {"X-Code": code, "ETag": ETag or "", "Content-Length": str(len(body or b""))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        return


class Server(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store = MemoryStorage()

    def handle_error(self, request: object, client_address: object) -> None:
        return  # of clients that end their connections


@contextmanager
def served() -> Iterator[str]:
    """Run the server; gives its URL."""
    with Server() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class HttpStore(StorageBackend):
    features = StorageFeature.CONDITIONAL_PUT
    page_keys = PAGE_KEYS

    def __init__(self, endpoint: str, secret: str = SECRET) -> None:
        self._endpoint = endpoint
        self._secret = secret
        self._idle: deque[HTTPConnection] = deque()

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        return cls(ref.options["endpoint"])

    def ref(self, bucket: str) -> StorageRef:
        return StorageRef(f"{__name__}:HttpStore", bucket, {"endpoint": self._endpoint})

    def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
        headers = {"If-None-Match": "*"} if if_absent else {}
        size = size_of(body)
        sent: Any = cut(body, 1 << 20) if size is None or size > 1 << 20 else bytes(next(cut(body, 1 << 20)))
        answer = self.ask("PUT", bucket, key, sent, headers, what=f"write object '{key}' of bucket '{bucket}'")
        self.done(answer)
        return self.head(bucket, key) if size is None else ObjectInfo(key, size, answer.headers["ETag"])

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        if span is not None and span.start >= span.end:
            self.head(bucket, key)
            return AnswerStream(EMPTY, 0, what=key, translate=self.translate)
        headers = {} if span is None else {"Range": f"bytes={span.start}-{span.end - 1}"}
        answer = self.ask("GET", bucket, key, None, headers, what=f"read object '{key}' of bucket '{bucket}'")
        if answer.status == 416:
            self.done(answer)
            return AnswerStream(EMPTY, 0, what=key, translate=self.translate)
        return self.stream(answer, key)

    def stream(self, answer: HTTPResponse, key: str) -> ByteStream:
        size, etag = int(answer.headers["Content-Length"]), answer.headers["ETag"]
        return AnswerStream(Returned(self, answer), size, what=key, translate=self.translate, etag=etag)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        answer = self.ask("HEAD", bucket, key, what=f"describe object '{key}' of bucket '{bucket}'")
        self.done(answer)
        return ObjectInfo(key, int(answer.headers["Content-Length"]), answer.headers["ETag"])

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        while True:
            asked = {"prefix": prefix, "most": self.page_keys} | ({} if after is None else {"after": after})
            answer = self.ask("GET", f"{bucket}?{urlencode(asked)}", what=f"list bucket '{bucket}'")
            page = [ObjectInfo(*fields) for fields in json.loads(self.done(answer))]
            yield from page
            if len(page) < self.page_keys:
                return
            after = page[-1].key

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for key in keys:
            checked(key)
        body = json.dumps(list(keys)).encode()
        self.done(self.ask("POST", bucket, None, body, what=f"delete {len(keys)} objects of bucket '{bucket}'"))

    def create_bucket(self, bucket: str) -> None:
        self.done(self.ask("PUT", bucket, what=f"create bucket '{bucket}'"))

    def has_bucket(self, bucket: str) -> bool:
        with suppress(NoSuchBucketError):
            self.done(self.ask("HEAD", bucket, what=f"look for bucket '{bucket}'"))
            return True
        return False

    def translate(self, exc: BaseException) -> LithopsError | None:
        if isinstance(exc, (OSError, HTTPException)):
            return TransientError(f"cannot reach the store at {self._endpoint}: {exc!r}; try again later")
        return None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def ask(
        self,
        method: str,
        bucket: str,
        key: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        what: str,
    ) -> HTTPResponse:
        """Send a request; gives an answer that is no refusal, to be given to `done` or `stream`."""
        path = f"/{bucket}" if key is None else f"/{bucket}/{quote(checked(key), safe='')}"
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = HTTPConnection(urlsplit(self._endpoint).netloc, timeout=20.0)
        try:
            connection.request(method, path, body, {**(headers or {}), "Authorization": f"Bearer {self._secret}"})
            answer = connection.getresponse()
            if answer.status >= 300 and answer.status != 416:
                said = answer.read()
        except (OSError, HTTPException) as exc:
            connection.close()
            ours = self.translate(exc)
            if ours is None:
                raise
            raise ours from exc
        except BaseException:
            connection.close()
            raise
        answer.connection = connection  # type: ignore[attr-defined]  # which goes back with `done`
        if answer.status < 300 or answer.status == 416:
            return answer
        self.done(answer)
        raise self.refusal(answer, said, bucket.partition("?")[0], key or "", what)

    def refusal(self, answer: HTTPResponse, said: bytes, bucket: str, key: str, what: str) -> LithopsError:
        if answer.status == 404:
            is_key = answer.headers["X-Code"] == "key"
            return StorageNoSuchKeyError(bucket, key) if is_key else NoSuchBucketError(bucket)
        if answer.status == 412:
            return ObjectExistsError(f"cannot create object '{key}' in bucket '{bucket}': it exists; delete it first")
        is_skewed = said == SKEWED
        return error_of(answer.status, "", said.decode(), what, skewed=is_skewed, headers=dict(answer.headers))

    def done(self, answer: HTTPResponse) -> bytes:
        """Read what is left, and give the connection back."""
        body = answer.read()
        self._idle.append(answer.connection)  # type: ignore[attr-defined]
        return body


class Returned:
    """An answer's body whose connection is used again once it was read."""

    def __init__(self, store: HttpStore, answer: HTTPResponse) -> None:
        self._store, self._answer = store, answer
        self._left = int(answer.headers["Content-Length"])

    def read(self, size: int, /) -> bytes:
        data = self._answer.read(size)
        self._left -= len(data)
        return data

    def close(self) -> None:
        if not self._left:
            self._store.done(self._answer)
        else:
            self._answer.close()
            self._answer.connection.close()  # type: ignore[attr-defined]


def checked(key: str) -> str:
    with suppress(UnicodeEncodeError):
        if 0 < len(key.encode()) <= 1024 and "\0" not in key:
            return key
    raise StorageError(f"cannot use key {key[:80]!r}: a key is at most 1024 bytes of text in UTF-8, without a NUL")
