"""What the errors of an S3 SDK mean, as ours. botocore's and its forks' are known by their attributes and names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lithops.errors import (
    AccessDeniedError,
    ConfigError,
    LithopsError,
    NoSuchBucketError,
    ObjectExistsError,
    StorageError,
    StorageFullError,
    StorageNoSuchKeyError,
    TransientError,
)
from lithops.objects.answers import error_of

__all__ = ["PastEndError", "error_in_answer", "explain", "has_no_body"]

_SDKS = {"boto3", "botocore", "ibm_boto3", "ibm_botocore"}
_STATUS = {  # of codes that come without a status: in the answer of a delete of many
    "AccessDenied": 403,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
}
_THROTTLED = {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired"}
_DENIED = {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"}
_PASSING = {
    "BadDigest",  # the body was changed on its way
    "ConditionalRequestConflict",
    "IncompleteBody",
    "OperationAborted",
    "RequestTimeout",
    "XAmzContentSHA256Mismatch",
}
_FULL = {"QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"}
_NO_KEYS = {"NoCredentialsError", "PartialCredentialsError"}
_NO_TOKEN = {"CredentialRetrievalError", "TokenRetrievalError", "SSOError", "UnauthorizedSSOTokenError"}
_WRONG_SET_UP = {"NoRegionError", "ProfileNotFound", "InvalidRegionError", "InvalidConfigError", "ConfigParseError"}
_BROKEN = {
    "ConnectionError",  # botocore's own, of which the time-outs are
    "FlexibleChecksumError",
    "HTTPClientError",
    "IncompleteReadError",
    "ResponseStreamingError",
}


class PastEndError(StorageError):
    """The store says that a range begins where the object has ended."""


def explain(exc: BaseException, what: str, bucket: str = "", key: str | None = None) -> LithopsError | None:
    """Turn what an S3 SDK raised into ours; None for an exception that is not its own.

    `what` says what failed on what ("write object 'k' of bucket 'b'").
    """
    if isinstance(exc, LithopsError):
        return exc
    if type(exc).__module__.partition(".")[0] not in _SDKS:
        return None
    response = getattr(exc, "response", None)
    if isinstance(response, dict) and "Error" in response:
        return _of_answer(response, what, bucket, key)
    names = {one.__name__ for one in type(exc).__mro__}
    if names & _NO_KEYS:
        return AccessDeniedError(
            f"cannot {what}: there are no credentials, or not all of them; write the keys into the configuration, or let"
            " the SDK find them (its environment variables, its files, the platform's role)"
        )
    if names & _NO_TOKEN:
        return AccessDeniedError(f"cannot {what}: the credentials cannot be had ({exc}); check where they come from")
    if "NoRegionError" in names:
        return ConfigError(f"cannot {what}: no region is known; set 'region' in the configuration")
    if names & _WRONG_SET_UP:
        return ConfigError(f"cannot {what}: {exc}; correct the configuration")
    if "SSLError" in names:
        return StorageError(f"cannot {what}: {exc}; check the endpoint and its certificate")
    if "ParamValidationError" in names and bucket:
        return NoSuchBucketError(bucket)
    if names & _BROKEN:
        return TransientError(f"cannot {what} now: {exc}; try again, or check the network and the endpoint")
    return StorageError(f"cannot {what}: {type(exc).__name__}: {exc}; check the configuration")


def error_in_answer(code: str, message: str, what: str) -> LithopsError:
    """Make the error of one key of many, which an answer of success tells."""
    return error_of(_STATUS.get(code, 400), code, message, what, throttled=code in _THROTTLED)


def has_no_body(exc: BaseException) -> bool:
    """Tell an answer 404 that does not say what is missing: that of a HEAD, or one that is no XML."""
    return _code_of(getattr(exc, "response", None) or {}) == "404"


def _code_of(response: Mapping[str, Any]) -> str:
    return str(response.get("Error", {}).get("Code", ""))


def _of_answer(response: Mapping[str, Any], what: str, bucket: str, key: str | None) -> LithopsError:
    code = _code_of(response)
    told = response.get("ResponseMetadata", {})
    status = int(told.get("HTTPStatusCode", 0)) or _STATUS.get(code, 400)
    detail = str(response["Error"].get("Message") or "")
    if code == "NoSuchBucket" or (code == "404" and key is None):
        return NoSuchBucketError(bucket)
    if code in {"InvalidBucketName", "InvalidBucketNameException"}:
        return NoSuchBucketError(bucket)
    if key is not None and code in {"NoSuchKey", "404"}:
        return StorageNoSuchKeyError(bucket, key)
    if status == 412:
        return ObjectExistsError(f"cannot {what}: it exists; delete it first, or choose another key")
    if status == 416:
        return PastEndError(f"cannot {what}: the range begins past its end; ask for less")
    if code in _FULL:
        return StorageFullError(
            f"cannot {what}: the store has no room left ({code}); delete something, or raise its quota"
        )
    if code in _DENIED:
        status = 403
    elif code in _PASSING:
        status = 500
    elif status in {301, 307}:
        detail = f"{detail} the bucket is in another region: set its 'region' in the configuration".strip()
    is_skewed, is_throttled = code in _SKEWED, code in _THROTTLED
    headers = told.get("HTTPHeaders") or {}
    return error_of(status, code, detail, what, skewed=is_skewed, throttled=is_throttled, headers=headers)
