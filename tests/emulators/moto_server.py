"""S3 as moto keeps it, in memory: `python -P moto_server.py PORT`. Keys arrive as they were sent.

moto's own server goes through Flask's routes and werkzeug's, which merge slashes and take no newline, and ends each
connection after one answer. Here, connections are kept alive and moto's S3 gets the request's raw path. moto checks no
signature; its conditional writes are atomic since one request is answered at a time.

`POST /lithops-tests/fill` with `{"bucket": ..., "keys": [...]}` writes many objects, each with its key as content.
"""

from __future__ import annotations

import io
import json
import sys
import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote_to_bytes
from xml.sax.saxutils import escape

from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]  # moto exports it by its name alone
from moto.core.request import Request
from moto.s3 import models
from moto.s3.models import FakeKey, MultipartChecksumBuilder, s3_backends
from moto.s3.responses import S3Response
from werkzeug.datastructures import Headers

_FILL = "/lithops-tests/fill"
_one_at_a_time = Lock()


class _Checksums(MultipartChecksumBuilder):
    """Keep no checksum of an upload that asks for none: moto would copy the whole object again to compute one."""

    def __init__(self, checksum_algorithm: str | None, checksum_type: str | None) -> None:
        super().__init__(checksum_algorithm, checksum_type)
        self._is_asked = checksum_algorithm is not None

    def addPart(self, part: bytes) -> None:  # noqa: N802  # moto's name
        if self._is_asked:
            super().addPart(part)

    def build(self) -> tuple[str, str, int] | None:
        built: tuple[str, str, int] | None = super().build() if self._is_asked else None
        return built


models.MultipartChecksumBuilder = _Checksums  # type: ignore[misc]


class _S3Request(Request):
    from_wsgi_server = True


class _S3Response(S3Response):
    def list_objects_v2(self) -> tuple[int, dict[str, Any], str | bytes]:
        """List as moto does, in a fifth of its time, and encode the mark too: S3 does, and moto does not."""
        asked = {name: values[0] for name, values in self.querystring.items()}
        if asked.get("encoding-type") != "url" or "delimiter" in asked:
            return super().list_objects_v2()
        found, is_truncated, token = self.backend.list_objects_v2(
            bucket=self.backend.get_bucket(self.bucket_name),
            prefix=asked.get("prefix"),
            delimiter=None,
            continuation_token=asked.get("continuation-token"),
            start_after=asked.get("start-after"),
            max_keys=int(asked.get("max-keys", 1000)),
        )
        keys = [key for key in found if isinstance(key, FakeKey)]
        contents = "".join(
            f"<Contents><Key>{quote(key.name)}</Key><LastModified>{key.last_modified_ISO8601}</LastModified>"
            f"<ETag>{escape(key.etag)}</ETag><Size>{key.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys
        )
        return (
            200,
            {"Content-Type": "application/xml"},
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{self.bucket_name}</Name><Prefix>{quote(asked.get('prefix', ''))}</Prefix>"
            f"<StartAfter>{quote(asked.get('start-after', ''))}</StartAfter><KeyCount>{len(keys)}</KeyCount>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(is_truncated).lower()}</IsTruncated>{contents}"
            f"<NextContinuationToken>{token or ''}</NextContinuationToken></ListBucketResult>",
        )


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, and gives it to moto as WSGI would."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def _answer(self) -> None:
        body = self._body()
        content: str | bytes
        headers: Mapping[str, str]
        if self.path == _FILL and self.command == "POST":
            status, headers, content = _fill(json.loads(body))
        else:
            raw = self.requestline.split(" ")[1]  # `path` has lost leading slashes
            try:
                status, headers, content = _ask_moto(self._request(raw, body), raw)
            except Exception:  # a fault of moto is the server's failure
                traceback.print_exc()
                status, headers, content = 500, {}, "<Error><Code>InternalError</Code></Error>"
        self._send(status, headers, content.encode() if isinstance(content, str) else content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def handle_expect_100(self) -> bool:
        done = super().handle_expect_100()
        self.wfile.flush()
        return done

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self._whole(int(self.headers.get("Content-Length") or 0))
        whole = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            whole += self._whole(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return bytes(whole)

    def _whole(self, size: int) -> bytes:
        """Read so many bytes. Raises `ConnectionResetError` where a client ends in the middle: S3 stores no part of it."""
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionResetError(f"{size - len(body)} bytes of a body did not come")
        return body

    def _request(self, raw: str, body: bytes) -> _S3Request:
        path, _, query = raw.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": raw,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_port),  # type: ignore[attr-defined]
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
        environ["CONTENT_LENGTH"] = environ["HTTP_CONTENT_LENGTH"] = str(len(body))
        return _S3Request(environ)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        ours = Headers(list(headers.items()))
        told = ours.pop("Content-Length", str(len(content)))
        for name, value in ours.items():
            self.send_header(name, value)
        if self.command == "HEAD":
            self.send_header("Content-Length", told)
        elif status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _ask_moto(request: _S3Request, raw: str) -> tuple[int, Mapping[str, str], str | bytes]:
    _, bucket, *rest = raw.partition("?")[0].split("/", 2)
    dispatch = _S3Response.key_dispatch if bucket and rest and rest[0] else _S3Response.bucket_dispatch
    with _one_at_a_time:
        status, headers, content = dispatch(request, request.raw_url, dict(request.headers))
    return status, headers, content


def _fill(asked: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    with _one_at_a_time:
        for key in asked["keys"]:
            backend.put_object(asked["bucket"], key, key.encode(), disable_notification=True)
    return 204, {}, b""


if __name__ == "__main__":
    _Server(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
