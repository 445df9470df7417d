"""What the blob service's answers and the SDK's exceptions mean, as our errors. No text of theirs has a secret here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from lithops.errors import (
    AccessDeniedError,
    LithopsError,
    NoSuchBucketError,
    ObjectExistsError,
    StorageNoSuchKeyError,
    TransientError,
)
from lithops.objects.answers import error_of

__all__ = ["code_of", "error_for", "translated"]

_EXISTS = {"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"}
_NO_BUCKET = {"ContainerNotFound", "ContainerDisabled"}
_PASSING = {  # refusals that end by themselves, whatever their status
    "ContainerBeingDeleted",
    "InvalidBlockList",  # another writer of the same blob was faster: its commit dropped our blocks
    "OperationTimedOut",
}
_THROTTLED = {"ServerBusy", "IngressOverAccountLimit", "EgressOverAccountLimit", "TooManyRequests"}
_CLOCK = re.compile(r"date header (is )?(too old|in the future|not within)|x-ms-date.*(too old|skew)", re.IGNORECASE)
_TIME_FRAME = re.compile(r"Signature not valid in the specified time frame[^<]*")


def code_of(headers: Mapping[str, str], body: bytes) -> str:
    """Name what is wrong in the service's own words, such as "BlobNotFound"; "" when the answer does not tell."""
    return headers.get("x-ms-error-code") or _field(body, "Code")


def error_for(
    status: int, headers: Mapping[str, str], body: bytes, *, what: str, bucket: str, key: str | None = None
) -> LithopsError | None:
    """Make the error of an answer; None for a 404 that does not tell what is missing (no proxy's does)."""
    code = code_of(headers, body)
    if status == 404:
        if code in _NO_BUCKET:
            return NoSuchBucketError(bucket)
        return StorageNoSuchKeyError(bucket, key) if code == "BlobNotFound" and key is not None else None
    if code in _EXISTS and status in (409, 412):
        return ObjectExistsError(f"cannot {what}: it exists; delete it first, or choose another key")
    detail = _field(body, "Message").partition("\n")[0]
    why = _field(body, "AuthenticationErrorDetail")  # may quote a signature: only what is known to be harmless is shown
    expired = _TIME_FRAME.search(why)
    if expired:
        detail = expired.group().strip()
    if code in _PASSING:
        return TransientError(f"cannot {what} now: the store refused ({status} {code}: {detail}); try again later")
    return error_of(
        status, code, detail, what,
        skewed=_CLOCK.search(why) is not None, throttled=code in _THROTTLED, headers=headers,
    )  # fmt: skip


def translated(exc: BaseException, what: str = "reach the blob service", bucket: str = "") -> LithopsError | None:
    """Turn an exception of the SDK or of its HTTP client into ours; None for a stranger's."""
    if isinstance(exc, LithopsError):
        return exc
    if isinstance(exc, HttpResponseError) and exc.response is not None:
        answer: Any = exc.response
        headers, status = answer.headers, answer.status_code
        body = f"<Error><Message>{status}</Message></Error>".encode()
        return error_for(status, headers, body, what=what, bucket=bucket) or StorageNoSuchKeyError(bucket)
    if isinstance(exc, ClientAuthenticationError):
        return AccessDeniedError(
            f"cannot {what}: no credential of this machine is one of Azure ({type(exc).__name__}); configure"
            " 'storage_account_key', or sign in: 'az login', a managed identity, or AZURE_CLIENT_ID and its companions"
        )
    if isinstance(exc, (AzureError, RequestException, HTTPError)):
        return TransientError(
            f"cannot {what} now: the connection failed ({_reason(exc)}); check the endpoint, or try again"
        )
    return None


def _reason(exc: BaseException) -> str:
    """Name the innermost cause. The outer ones quote the URL, with a signature in it."""
    seen: BaseException = exc
    for _ in range(10):
        inner = (
            getattr(seen, "inner_exception", None)
            or getattr(seen, "reason", None)
            or seen.__cause__
            or seen.__context__
        )
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        if inner is None or inner is seen:
            break
        seen = inner
    said = seen.strerror if isinstance(seen, OSError) else None
    return f"{type(seen).__name__}: {said}" if said else type(seen).__name__


def _field(body: bytes, name: str) -> str:
    """Read a field of an answer's XML; "" when there is none, or no XML."""
    if not body.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        return ""
    try:
        return (ElementTree.fromstring(body).findtext(name) or "").strip()
    except ElementTree.ParseError:
        return ""
