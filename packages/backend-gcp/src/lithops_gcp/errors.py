"""What Cloud Storage's answers and the SDK's exceptions mean, as our errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import google.auth.exceptions as auth
import requests
import urllib3.exceptions

from lithops.errors import AccessDeniedError, LithopsError, StorageError, TransientError
from lithops.objects.answers import error_of

__all__ = ["Said", "failure", "is_success", "translate", "understand"]

_SLOWER = {"rateLimitExceeded", "userRateLimitExceeded", "slowDown"}
_LOG_IN = (
    "run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, or let 'credentials_path' name the"
    " key file of a service account"
)
_LONGEST_DETAIL = 300


class Said(NamedTuple):
    """What an answer that is an error says: Google's `reason` and message."""

    status: int
    reason: str
    message: str
    headers: Mapping[str, str]

    @property
    def is_about_bucket(self) -> bool:
        return self.status == 404 and self.message.startswith("The specified bucket does not exist")

    @property
    def is_about_object(self) -> bool:
        return self.status == 404 and self.message.startswith("No such object")


def is_success(answer: requests.Response) -> bool:
    """Tell whether an answer is the one that was hoped for; a redirect is not."""
    return 200 <= answer.status_code < 300


def understand(status: int, body: bytes, headers: Mapping[str, str]) -> Said:
    """Read an error: JSON, or plain text as answers about media are."""
    text = body.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        message = str(error["message"])
        reason = str((error.get("errors") or [{}])[0].get("reason", error.get("status", "")))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        message, reason = text.strip(), ""
    return Said(status, reason, message, headers)


def failure(said: Said, what: str) -> LithopsError:
    """Make the error of an answer that is not about a missing or an existing object."""
    return error_of(
        said.status, said.reason, said.message, what, throttled=said.reason in _SLOWER, headers=said.headers
    )


def translate(exc: BaseException) -> LithopsError | None:
    """Turn what google-auth, requests, urllib3 or Google's client raised into ours; None for what others raised."""
    if isinstance(exc, LithopsError):
        return exc
    if isinstance(exc, auth.GoogleAuthError):
        return _auth_error(exc)
    if isinstance(exc, (requests.exceptions.RequestException, urllib3.exceptions.HTTPError)):
        return _connection_error(exc)
    if type(exc).__module__.startswith("google.api_core."):
        return _client_error(exc)
    return None


def _auth_error(exc: auth.GoogleAuthError) -> LithopsError:
    detail = _first(exc)
    if isinstance(exc, auth.DefaultCredentialsError):
        return AccessDeniedError(f"cannot ask Cloud Storage: there are no credentials here ({detail}); {_LOG_IN}")
    if isinstance(exc, auth.TransportError) or exc.retryable:
        return TransientError(f"cannot get a token for Cloud Storage now: {detail}; try again later")
    if "short-lived token" in detail or "reasonable timeframe" in detail:
        return AccessDeniedError(
            f"cannot get a token for Cloud Storage: the clock of this machine is wrong ({detail}); set it, by NTP or by"
            " hand"
        )
    return AccessDeniedError(f"cannot get a token for Cloud Storage: the credentials are refused ({detail}); {_LOG_IN}")


def _connection_error(exc: BaseException) -> LithopsError:
    detail = _first(exc)
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return StorageError(
            f"cannot ask Cloud Storage: the server's certificate is not trusted here ({detail}); let REQUESTS_CA_BUNDLE"
            " name the certificates of your network"
        )
    if isinstance(exc, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return StorageError(f"cannot ask Cloud Storage: {detail}; check 'endpoint' in the configuration")
    return TransientError(f"cannot reach Cloud Storage now: {type(exc).__name__}, {detail}; try again later")


def _client_error(exc: BaseException) -> LithopsError | None:
    """Translate what `client()` raises for users who call it themselves."""
    from google.api_core.exceptions import GoogleAPICallError

    if not isinstance(exc, GoogleAPICallError):
        return TransientError(f"a call of Google's client failed: {_first(exc)}; try again later")
    headers = getattr(exc.response, "headers", {})
    said = Said(int(exc.code or 500), exc.reason or "", exc.message or "", headers)
    return failure(said, "do what Google's client was asked to")


def _first(exc: BaseException) -> str:
    """Give an exception's own words; what follows in its arguments may be a whole answer."""
    return str(exc.args[0] if exc.args else type(exc).__name__)[:_LONGEST_DETAIL]
