"""What oss2 and the HTTP client under it raise, as our errors.

The codes are at alibabacloud.com/help/en/oss/user-guide/http-status-code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3.exceptions

from lithops.errors import (
    AccessDeniedError,
    LithopsError,
    NoSuchBucketError,
    ObjectExistsError,
    StorageError,
    StorageNoSuchKeyError,
    TransientError,
)
from lithops.objects.answers import error_of
from lithops_aliyun.sdk import OssError, RequestError, ServerError

__all__ = ["explained", "is_bare_404", "translated"]

_EXISTS = ("FileAlreadyExists", "ObjectAlreadyExists")
_TRANSIENT = ("OperationAborted", "RequestTimeout")
_THROTTLED = (
    "QpsLimitExceeded",
    "ServiceBusy",
    "SlowDown",
    "Throttling",
    "TooManyRequests",
    "TrafficRateLimitExceeded",
)
_NEVER_SENT = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)


@contextmanager
def explained(what: str, bucket: str, key: str = "") -> Iterator[None]:
    """Raise our errors in the place of the SDK's. `what` is the verb and its object: "read object 'k' of bucket 'b'"."""
    try:
        yield
    except (OssError, requests.RequestException, urllib3.exceptions.HTTPError) as exc:
        ours = translated(exc, what, bucket, key)
        if ours is None:
            raise
        # OSS repeats what was signed when it refuses a signature, and the SDK keeps that in its exception.
        raise ours from (None if isinstance(ours, AccessDeniedError) else exc)


def translated(
    exc: BaseException, what: str = "use Alibaba Cloud OSS", bucket: str = "", key: str = ""
) -> LithopsError | None:
    """Give ours for an exception of oss2 or its HTTP client; None for a stranger's."""
    if isinstance(exc, ServerError):
        return _of_answer(exc, what, bucket, key)
    if isinstance(exc, RequestError):
        return _of_connection(exc.exception, what)
    if isinstance(exc, (requests.RequestException, urllib3.exceptions.HTTPError)):
        return _of_connection(exc, what)
    if isinstance(exc, OssError):
        return StorageError(f"cannot {what}: {str(exc.body)[:300]}; check the configuration of section 'aliyun_oss'")
    return None


def is_bare_404(exc: ServerError) -> bool:
    """Tell an answer that does not say what is missing, as those to a HEAD: they have no body."""
    return exc.status == 404 and not exc.code


def _of_answer(exc: ServerError, what: str, bucket: str, key: str) -> LithopsError:
    code = exc.code or ""
    if code == "NoSuchBucket":
        return NoSuchBucketError(bucket or exc.details.get("BucketName", ""))
    if code == "NoSuchKey":
        return StorageNoSuchKeyError(bucket, key or exc.details.get("Key", ""))
    if code in _EXISTS:
        return ObjectExistsError(f"cannot {what}: it exists; delete it first, or choose another key")
    if code in _TRANSIENT:
        return TransientError(f"cannot {what} now: the store failed ({exc.status} {code}); try again later")
    return error_of(
        exc.status,
        code,
        exc.message or "",
        what,
        skewed=code == "RequestTimeTooSkewed",
        throttled=any(name in code for name in _THROTTLED),
        headers=exc.headers,
    )


def _of_connection(exc: Exception, what: str) -> LithopsError:
    said = f"{type(exc).__name__}: {exc}"[:300]
    if isinstance(exc, _NEVER_SENT):
        return StorageError(f"cannot {what}: no request can be made ({said}); check the endpoint and the proxies")
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return StorageError(
            f"cannot {what}: the certificate of the endpoint is not trusted ({said}); check the endpoint"
        )
    return TransientError(f"cannot {what} now: the connection failed ({said}); check the endpoint, or try again later")
