"""Batches of the server that stands in for Cloud Storage: many requests in one body of the type multipart/mixed."""

from __future__ import annotations

from tests.emulators.gcs_http import Answer, Handle, RefusedError, Request
from tests.emulators.gcs_uploads import parts_of

__all__ = ["batch"]

_MOST = 100
_BOUNDARY = "batch_of_answers"


def batch(request: Request, handle: Handle) -> Answer:
    """Answer each of the requests in a body, in their order."""
    parts = parts_of(request)
    if not 1 <= len(parts) <= _MOST:
        raise RefusedError(400, "invalid", f"The batch request has {len(parts)} calls: the limit is 100.")
    body = bytearray()
    for headers, content in parts:
        answer = handle(_inner(content))
        body += f"--{_BOUNDARY}\r\nContent-Type: application/http\r\n".encode()
        if name := headers.get("content-id", ""):
            body += f"Content-ID: <response-{name.strip('<>')}>\r\n".encode()
        body += b"\r\n" + answer.head() + answer.body + b"\r\n"
    body += f"--{_BOUNDARY}--\r\n".encode()
    return Answer(200, body, {"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}"})


def _inner(content: bytes) -> Request:
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    line, *rest = head.decode().split("\n")
    method, target, _ = line.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    return Request(method, target, headers, body)
