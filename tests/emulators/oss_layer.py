"""OSS' verbs: a request in, an answer with OSS' headers and XML out. `oss_server` moves both over HTTP."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import quote
from xml.etree import ElementTree

from tests.emulators.oss_signatures import AccessKey, Request, check
from tests.emulators.oss_store import RefusedError, Store, Stored

__all__ = ["Answer", "failed", "perform"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `size_bytes` is that of the body, which a HEAD does not send."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes | memoryview] = ()
    size_bytes: int = 0


def perform(store: Store, keys: Mapping[str, AccessKey], request: Request, body: bytes) -> Answer:
    """Check a request's signature and names, and do what it asks. Raises `RefusedError`."""
    check(request, keys, time.time())
    if not _BUCKET.fullmatch(request.bucket):
        raise RefusedError(400, "InvalidBucketName", "The specified bucket is not valid.")
    if "content-md5" in request.headers:
        _check_md5(request.headers["content-md5"], body)
    if not request.key:
        return _on_bucket(store, request, body)
    if request.key[0] in "/\\" or len(request.key.encode()) > 1023:
        raise RefusedError(400, "InvalidObjectName", "The specified object is not valid.")
    return _on_object(store, request, body)


def failed(failure: RefusedError, bucket: str) -> Answer:
    """Give OSS' error, as XML."""
    request_id = uuid.uuid4().hex.upper()
    answer = _xml(
        "Error",
        [
            ("Code", failure.code),
            ("Message", failure.message),
            ("RequestId", request_id),
            ("HostId", f"{bucket}.oss-local.aliyuncs.com"),
        ],
        failure.status,
    )
    return Answer(failure.status, {**answer.headers, "x-oss-request-id": request_id}, answer.body, answer.size_bytes)


def _on_bucket(store: Store, request: Request, body: bytes) -> Answer:
    bucket, params = request.bucket, dict(request.params)
    match request.method:
        case "PUT":
            store.create(bucket)
            return Answer(200)
        case "GET" if "uploads" in params:
            uploads = [
                ("Upload", [("Key", key), ("UploadId", upload), ("Initiated", _iso(0))])
                for key, upload in store.uploads(bucket)
            ]
            ends = [("NextKeyMarker", ""), ("NextUploadIdMarker", ""), ("IsTruncated", "false")]
            return _xml("ListMultipartUploadsResult", [("Bucket", bucket), *uploads, *ends])
        case "GET" if params.get("list-type") == "2":
            return _listed(store, bucket, params)
        case "POST" if "delete" in params:
            return _deleted(store, bucket, body, is_url=params.get("encoding-type") == "url")
        case _:
            raise RefusedError(
                400, "NotImplemented", f"{request.method} of a bucket with {sorted(params)} is not made."
            )


def _on_object(store: Store, request: Request, body: bytes) -> Answer:
    bucket, key, params = request.bucket, request.key, dict(request.params)
    forbid = request.headers.get("x-oss-forbid-overwrite") == "true"
    upload = params.get("uploadId")
    match request.method:
        case "PUT" if upload:
            return _written(store.put_part(bucket, key, upload, int(params["partNumber"]), body))
        case "PUT":
            return _written(store.put(bucket, key, body, forbid_overwrite=forbid))
        case "POST" if "uploads" in params:
            upload = store.start_upload(bucket, key, forbid_overwrite=forbid)
            return _xml("InitiateMultipartUploadResult", [("Bucket", bucket), ("Key", key), ("UploadId", upload)])
        case "POST" if upload:
            made = store.complete(bucket, key, upload, _parts(body), forbid_overwrite=forbid)
            answer = _xml("CompleteMultipartUploadResult", [("Bucket", bucket), ("ETag", f'"{made.etag}"')])
            return Answer(200, {**answer.headers, **_written(made).headers}, answer.body, answer.size_bytes)
        case "DELETE" if upload:
            store.abort(bucket, key, upload)
            return Answer(204)
        case "DELETE":
            store.delete(bucket, [key])
            return Answer(204)
        case "GET" if upload:
            parts = [_part(number, part) for number, part in store.parts(bucket, key, upload)]
            return _xml(
                "ListPartsResult",
                [("UploadId", upload), *parts, ("NextPartNumberMarker", "0"), ("IsTruncated", "false")],
            )
        case "GET" | "HEAD":
            return _read(store.get(bucket, key), request)
        case _:
            raise RefusedError(405, "MethodNotAllowed", f"{request.method} of an object is not allowed.")


def _read(found: Stored, request: Request) -> Answer:
    headers = {
        "Content-Type": "application/octet-stream",
        "ETag": f'"{found.etag}"',
        "Last-Modified": formatdate(found.modified_s, usegmt=True),
        "x-oss-object-type": found.kind,
        "Accept-Ranges": "bytes",
    }
    start, end, status = 0, found.size_bytes, 200
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked:
        start, last = int(asked[1]), int(asked[2] or found.size_bytes)
        is_standard = request.headers.get("x-oss-range-behavior") == "standard"
        if start < found.size_bytes and (last < found.size_bytes or is_standard):
            end, status = min(last + 1, found.size_bytes), 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size_bytes}"
        elif is_standard:
            raise RefusedError(416, "InvalidRange", "The requested range cannot be satisfied.")
        else:  # OSS gives the whole object for a range that is out of it, unless told to be standard
            start = 0
    return Answer(status, headers, found.cut(start, end), end - start)


def _written(made: Stored) -> Answer:
    return Answer(200, {"ETag": f'"{made.etag}"'})


def _listed(store: Store, bucket: str, params: Mapping[str, str]) -> Answer:
    token = params.get("continuation-token", "")
    after = base64.urlsafe_b64decode(token).decode() if token else params.get("start-after", "")
    if len(after.encode()) > 1023 or len(params.get("prefix", "").encode()) > 1023:
        raise RefusedError(400, "InvalidArgument", "The length of a prefix or a mark must be less than 1024.")
    max_keys = int(params.get("max-keys") or 100)
    if not 0 < max_keys <= 1000:
        raise RefusedError(400, "InvalidArgument", "Argument max-keys must be an integer between 1 and 1000.")
    page = store.list(bucket, params.get("prefix", ""), after, max_keys)
    shown = (lambda text: quote(text, safe="")) if params.get("encoding-type") == "url" else str
    more = [("NextContinuationToken", _token(page.items[-1][0]))] if page.is_truncated else []
    contents = [
        (
            "Contents",
            [
                ("Key", shown(key)),
                ("LastModified", _iso(found.modified_s)),
                ("ETag", f'"{found.etag}"'),
                ("Type", found.kind),
                ("Size", str(found.size_bytes)),
                ("StorageClass", "Standard"),
            ],
        )
        for key, found in page.items
    ]
    head = [
        ("Name", bucket),
        ("Prefix", shown(params.get("prefix", ""))),
        ("MaxKeys", str(max_keys)),
        ("EncodingType", params.get("encoding-type", "")),
        ("IsTruncated", str(page.is_truncated).lower()),
        ("KeyCount", str(len(page.items))),
    ]
    return _xml("ListBucketResult", [*head, *more, *contents])


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _deleted(store: Store, bucket: str, body: bytes, *, is_url: bool) -> Answer:
    root = _parsed(body)
    keys = [node.findtext("Key") or "" for node in root.findall("Object")]
    if not 0 < len(keys) <= 1000:
        raise RefusedError(400, "MalformedXML", "A request deletes from 1 to 1000 objects.")
    store.delete(bucket, keys)
    if root.findtext("Quiet") == "true":
        return Answer(200)
    shown = [("Deleted", [("Key", quote(key, safe="") if is_url else key)]) for key in keys]
    return _xml("DeleteResult", [("EncodingType", "url" if is_url else ""), *shown])


def _part(number: int, part: Stored) -> tuple[str, list[tuple[str, str]]]:
    return "Part", [
        ("PartNumber", str(number)),
        ("LastModified", _iso(part.modified_s)),
        ("ETag", f'"{part.etag}"'),
        ("Size", str(part.size_bytes)),
    ]


def _iso(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(unix_s))


def _parts(body: bytes) -> Sequence[tuple[int, str]]:
    return [
        (int(node.findtext("PartNumber") or 0), (node.findtext("ETag") or "").strip('"'))
        for node in _parsed(body).findall("Part")
    ]


def _parsed(body: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise RefusedError(400, "MalformedXML", "The XML you provided was not well-formed.") from None


def _check_md5(said: str, body: bytes) -> None:
    if base64.b64encode(hashlib.md5(body).digest()).decode() != said:
        raise RefusedError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")


def _xml(name: str, children: Iterable[tuple[str, str | list[tuple[str, str]]]], status: int = 200) -> Answer:
    root = ElementTree.Element(name)
    for tag, value in children:
        node = ElementTree.SubElement(root, tag)
        if isinstance(value, str):
            node.text = value
        else:
            for inner, text in value:
                ElementTree.SubElement(node, inner).text = text
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Answer(status, {"Content-Type": "application/xml"}, [body], len(body))
