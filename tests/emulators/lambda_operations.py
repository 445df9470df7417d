"""Which operation of which service a request is, by the names that the SDK gives them, and who asks."""

from __future__ import annotations

import re
from email.message import Message
from urllib.parse import parse_qs, unquote

from tests.emulators.lambda_pool import SANDBOX_KEY

__all__ = ["operation_of", "region_of", "service_of", "who_asks"]

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_UNSIGNED = re.compile(r"/20\d\d-\d\d-\d\d/functions(/|$)")
_LAMBDA = (
    ("POST", r"/functions/[^/]+/invocations", "Invoke"),
    ("POST", r"/functions", "CreateFunction"),
    ("GET", r"/functions", "ListFunctions"),
    ("GET", r"/functions/[^/]+", "GetFunction"),
    ("DELETE", r"/functions/[^/]+", "DeleteFunction"),
    ("GET", r"/functions/[^/]+/configuration", "GetFunctionConfiguration"),
    ("PUT", r"/functions/[^/]+/configuration", "UpdateFunctionConfiguration"),
    ("PUT", r"/functions/[^/]+/code", "UpdateFunctionCode"),
    ("GET", r"/functions/[^/]+/versions", "ListVersionsByFunction"),
    ("POST", r"/functions/[^/]+/versions", "PublishVersion"),
    ("PUT", r"/functions/[^/]+/event-invoke-config", "PutFunctionEventInvokeConfig"),
    ("PUT", r"/functions/[^/]+/concurrency", "PutFunctionConcurrency"),
    ("GET", r"/tags/.+", "ListTags"),
    ("POST", r"/tags/.+", "TagResource"),
    ("GET", r"/account-settings", "GetAccountSettings"),
)
_BUCKET = {"PUT": "CreateBucket", "GET": "ListObjects", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}
_OBJECT = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_BY_PARAMETER = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "partNumber"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploadId"): "ListParts",
    ("GET", "uploads"): "ListMultipartUploads",
    ("POST", "delete"): "DeleteObjects",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "location"): "GetBucketLocation",
}


def service_of(headers: Message, path: str, query: str) -> str:
    """Name the service that a request was signed for; unsigned ones are for S3, but for Lambda's paths."""
    found = _CREDENTIAL.search(headers.get("Authorization", "") or unquote(query))
    return found[3] if found else "lambda" if _UNSIGNED.match(path) else "s3"


def region_of(headers: Message) -> str:
    """Name the region that a request was signed for."""
    found = _CREDENTIAL.search(headers.get("Authorization", ""))
    return found[2] if found else "us-east-1"


def who_asks(headers: Message, query: str) -> str:
    """Tell `sandbox`, by its role's key, from `client`."""
    found = _CREDENTIAL.search(headers.get("Authorization", "") or unquote(query))
    return "sandbox" if found and found[1].startswith(SANDBOX_KEY) else "client"


def operation_of(service: str, method: str, path: str, query: str, *, target: str, body: bytes) -> str:
    """Name an operation; one that is not known here by its method."""
    if target:
        return target.rpartition(".")[2]
    if service == "s3":
        return _s3(method, path, query)
    if service == "lambda":
        below = re.sub(r"^/\d{4}-\d\d-\d\d", "", path).rstrip("/")
        for known, pattern, name in _LAMBDA:
            if known == method and re.fullmatch(pattern, below):
                return name
        return f"{method} {below.split('/')[-1]}"
    if body.startswith(b"Action=") or b"&Action=" in body[:4096]:
        return parse_qs(body[:4096].decode("latin-1"))["Action"][0]
    return method


def _s3(method: str, path: str, query: str) -> str:
    names = {part.partition("=")[0] for part in query.split("&")}
    for (known, parameter), operation in _BY_PARAMETER.items():
        if known == method and parameter in names:
            return operation
    _, bucket, *key = path.split("/", 2)
    if not bucket:
        return "ListBuckets"
    return (_OBJECT if key and key[0] else _BUCKET).get(method, method)
