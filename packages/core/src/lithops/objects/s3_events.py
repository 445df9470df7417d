"""What is added to an S3 client by its own hooks: headers that its SDK has no name for, and answers that are no XML."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

__all__ = ["add_header_if_none_match", "add_md5", "drop_expect", "drop_names"]

_NAMED = re.compile(rb"<(Key|Location)>.*?</\1>", re.DOTALL)
_MADE = re.compile(rb"<(Initiate|Complete)MultipartUploadResult")  # an error has another root
_SMALL_BYTES = 1 << 20
_MARK = "lithops_if_none_match"


def add_md5(client: Any) -> None:
    """Send the MD5 of a list of keys to delete: older servers of the dialect refuse any other checksum."""
    client.meta.events.register("before-call.s3.DeleteObjects", _set_md5)


def add_header_if_none_match(client: Any) -> None:
    """Let `IfNoneMatch` be an argument of the two requests that make an object, for an SDK that does not know it."""
    for operation in ("PutObject", "CompleteMultipartUpload"):
        client.meta.events.register(f"before-parameter-build.s3.{operation}", _take_if_none_match)
        client.meta.events.register(f"before-call.s3.{operation}", _set_if_none_match)


def drop_expect(client: Any) -> None:
    """Send a small body at once, instead of asking first whether it is welcome: that would be a second round trip."""
    client.meta.events.register("before-send.s3", _drop_expect)


def drop_names(client: Any) -> None:
    """Drop the key from the answers about an upload in parts: one with a control character makes them no XML."""
    for operation in ("CreateMultipartUpload", "CompleteMultipartUpload"):
        client.meta.events.register(f"before-parse.s3.{operation}", _drop_names)


def _set_md5(params: dict[str, Any], **_: Any) -> None:
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"].setdefault("Content-MD5", base64.b64encode(digest).decode())


def _drop_expect(request: Any, **_: Any) -> None:
    told = request.headers.get("X-Amz-Decoded-Content-Length") or request.headers.get("Content-Length") or "0"
    if int(told) <= _SMALL_BYTES and "Expect" in request.headers:
        del request.headers["Expect"]  # it is no part of the signature


def _take_if_none_match(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if "IfNoneMatch" in params:
        context[_MARK] = params.pop("IfNoneMatch")


def _set_if_none_match(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if _MARK in context:
        params["headers"]["If-None-Match"] = context[_MARK]


def _drop_names(response_dict: dict[str, Any], **_: Any) -> None:
    body = response_dict.get("body")
    if isinstance(body, bytes) and _MADE.search(body[:400]):
        response_dict["body"] = _NAMED.sub(b"", body)
        response_dict["status_code"] = 200  # botocore has made it 500, since it could not read the document
