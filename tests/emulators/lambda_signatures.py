"""Who may ask Lambda: each request's signature is computed again, as AWS does, by botocore."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]  # moto exports it by its name alone
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends
from tests.emulators.lambda_pool import SANDBOX_KEY, SANDBOX_SECRET, SANDBOX_TOKEN

__all__ = ["CLIENT_KEY", "CLIENT_SECRET", "RefusedError", "verify"]

CLIENT_KEY = "AKIALITHOPSTESTS0000"
CLIENT_SECRET = "secret-of-the-tests"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d+)/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = timedelta(minutes=5)


class RefusedError(Exception):
    """AWS refuses the request: the status, its name for the error, and what it says."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


def verify(method: str, raw_path: str, headers: Message, body: bytes) -> None:
    """Raise `RefusedError` unless a request was signed with a key that is known, for what it is, a short while ago."""
    given = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    if given is None:
        raise RefusedError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    token = headers.get("X-Amz-Security-Token")
    secret = next((secret for known, secret in _secrets(given["key"]) if known == token), None)
    if secret is None:
        said = "The security token included in the request is invalid."
        raise RefusedError(403, "UnrecognizedClientException", said)
    signed_at = headers.get("X-Amz-Date", "")
    now = datetime.now(UTC)
    if abs(now - _moment(signed_at)) > _SKEW:
        oldest, today = (f"{moment:%Y%m%dT%H%M%SZ}" for moment in (now - _SKEW, now))
        said = f"Signature expired: {signed_at} is now earlier than {oldest} ({today} - 5 min.)"
        raise RefusedError(403, "InvalidSignatureException", said)
    request = AWSRequest(method, f"http://{headers['Host']}{raw_path}", data=body)
    for name in given["signed"].split(";"):
        request.headers[name] = headers.get(name, "")
    request.context["timestamp"] = signed_at
    signer = SigV4Auth(Credentials(given["key"], secret, token), given["service"], given["region"])
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not hmac.compare_digest(expected, given["signature"]):
        said = (
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access"
            " Key and signing method. Consult the service documentation for details."
        )
        raise RefusedError(403, "InvalidSignatureException", said)


def _secrets(key: str) -> Iterator[tuple[str | None, str]]:
    """Give the tokens and secrets of a key."""
    if key == CLIENT_KEY:
        yield None, CLIENT_SECRET
    elif key.startswith(SANDBOX_KEY):
        yield SANDBOX_TOKEN, SANDBOX_SECRET
    for kept in iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_all_access_keys_for_all_users():
        if kept.access_key_id == key:
            yield None, kept.secret_access_key
    for role in sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles:
        if role.access_key_id == key:
            yield role.session_token, role.secret_access_key


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC) + _SKEW
