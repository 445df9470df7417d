"""The check of OSS' two signatures of a request, V1 (HMAC-SHA1) and V4 (OSS4-HMAC-SHA256), made from its documents.

V1: alibabacloud.com/help/en/oss/developer-reference/include-signatures-in-the-authorization-header
V4: alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from tests.emulators.oss_store import RefusedError

__all__ = ["AccessKey", "Request", "check"]

_SKEW_S = 15 * 60
_SUBRESOURCES = frozenset(
    (
        *("acl", "append", "bucketInfo", "continuation-token", "delete", "encryption", "lifecycle", "location"),
        *("objectMeta", "partNumber", "policy", "position", "restore", "security-token", "stat", "symlink"),
        *("tagging", "uploadId", "uploads", "versionId", "versioning", "versions"),
    )
)
_V1 = re.compile(r"OSS ([^:]+):(\S+)")
_V4 = re.compile(
    r"OSS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/oss/aliyun_v4_request"
    r"(?:, ?AdditionalHeaders=([^,]*))?, ?Signature=([0-9a-f]+)(?:, ?AdditionalHeaders=([^,]*))?"
)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key that the server knows. `token` is that of STS."""

    secret: str
    token: str | None = None
    is_expired: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed. Names of headers are in lower case; `key` and `params` are decoded."""

    method: str
    bucket: str
    key: str
    params: Sequence[tuple[str, str]]
    headers: Mapping[str, str]


def check(request: Request, keys: Mapping[str, AccessKey], now_s: float) -> int:
    """Tell which version signed a request. Raises OSS' failure when the signature is not right."""
    said = request.headers.get("authorization", "")
    if found := _V4.fullmatch(said):
        name, date, region, _, signature, _ = found.groups()
        known = _known(name, keys)
        when = request.headers.get("x-oss-date", "")
        _check_clock(_v4_time(when), now_s)
        if when[:8] != date:
            raise RefusedError(403, "AccessDenied", "The date of the credential is not that of the request.")
        added = (found[4] or found[6] or "").split(";")
        right = _v4(request, known.secret, when, region, [name for name in added if name])
        version = 4
    elif found := _V1.fullmatch(said):
        name, signature = found.groups()
        known = _known(name, keys)
        _check_clock(_v1_time(request.headers.get("x-oss-date") or request.headers.get("date", "")), now_s)
        right = _v1(request, known.secret)
        version = 1
    else:
        raise RefusedError(403, "AccessDenied", "You have no right to access this object because of bucket acl.")
    if not hmac.compare_digest(signature, right):
        raise RefusedError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )
    _check_token(known, request.headers.get("x-oss-security-token"))
    return version


def _known(name: str, keys: Mapping[str, AccessKey]) -> AccessKey:
    if name not in keys:
        raise RefusedError(
            403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records."
        )
    return keys[name]


def _check_token(known: AccessKey, token: str | None) -> None:
    if token != known.token:
        raise RefusedError(403, "InvalidSecurityToken", "The security token you provided is invalid.")
    if known.is_expired:
        raise RefusedError(403, "SecurityTokenExpired", "The security token you provided has expired.")


def _check_clock(at_s: float | None, now_s: float) -> None:
    if at_s is None:
        raise RefusedError(403, "AccessDenied", "OSS authentication requires a valid Date.")
    if abs(at_s - now_s) > _SKEW_S:
        raise RefusedError(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )


def _v1_time(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return None


def _v4_time(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _v1(request: Request, secret: str) -> str:
    headers = request.headers
    own = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith("x-oss-"))
    resource = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    named = sorted((name, value) for name, value in request.params if name in _SUBRESOURCES)
    if named:
        resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in named)
    text = "\n".join(
        (
            request.method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            headers.get("x-oss-date") or headers.get("date", ""),
            own + resource,
        )
    )
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _v4(request: Request, secret: str, when: str, region: str, added: Sequence[str]) -> str:
    def is_signed(name: str) -> bool:
        return name.startswith("x-oss-") or name in ("content-type", "content-md5") or name in added

    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in request.params)
    canonical = "\n".join(
        (
            request.method,
            quote(f"/{request.bucket}/{request.key}" if request.bucket else "/", safe="/"),
            "&".join(f"{name}={value}" if value else name for name, value in pairs),
            "".join(f"{name}:{value}\n" for name, value in sorted(request.headers.items()) if is_signed(name)),
            ";".join(sorted(added)),
            request.headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )
    scope = f"{when[:8]}/{region}/oss/aliyun_v4_request"
    text = f"OSS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"aliyun_v4{secret}".encode()
    for step in (when[:8], region, "oss", "aliyun_v4_request"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
