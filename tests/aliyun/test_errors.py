"""What oss2 raises, as our errors."""

from __future__ import annotations

import pytest
import requests
import urllib3.exceptions

from lithops.errors import (
    AccessDeniedError,
    LithopsError,
    NoSuchBucketError,
    ObjectExistsError,
    StorageError,
    StorageNoSuchKeyError,
    ThrottledError,
    TransientError,
)
from lithops_aliyun.errors import explained, translated
from lithops_aliyun.sdk import ClientError, InconsistentError, RequestError, ServerError


def answered(status: int, code: str, message: str = "said", **headers: str) -> ServerError:
    return ServerError(status, headers, "", {"Code": code, "Message": message} if code else {})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchBucket", NoSuchBucketError),
        (404, "NoSuchKey", StorageNoSuchKeyError),
        (409, "FileAlreadyExists", ObjectExistsError),
        (400, "ObjectAlreadyExists", ObjectExistsError),
        (503, "QpsLimitExceeded", ThrottledError),
        (503, "DownloadTrafficRateLimitExceeded", ThrottledError),
        (429, "", ThrottledError),
        (400, "Throttling.User", ThrottledError),
        (403, "AccessDenied", AccessDeniedError),
        (403, "InvalidAccessKeyId", AccessDeniedError),
        (403, "SignatureDoesNotMatch", AccessDeniedError),
        (403, "SecurityTokenExpired", AccessDeniedError),
        (403, "RequestTimeTooSkewed", AccessDeniedError),
        (500, "InternalError", TransientError),
        (502, "", TransientError),
        (400, "RequestTimeout", TransientError),
        (400, "InvalidArgument", StorageError),
        (307, "TemporaryRedirect", StorageError),
    ],
)
def test_an_answer_becomes_our_error(status: int, code: str, kind: type[LithopsError]) -> None:
    error = translated(answered(status, code), "read object 'k' of bucket 'b'", "b", "k")
    assert type(error) is kind
    assert "'b'" in str(error) or "'k'" in str(error)


def test_a_wrong_clock_is_said_and_a_wish_to_wait_is_kept() -> None:
    assert "clock" in str(translated(answered(403, "RequestTimeTooSkewed")))
    throttled = translated(answered(503, "SlowDown", **{"Retry-After": "7"}))
    assert throttled is not None
    assert throttled.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (RequestError(requests.exceptions.ConnectionError("refused")), TransientError),
        (RequestError(requests.exceptions.ReadTimeout("slow")), TransientError),
        (RequestError(requests.exceptions.ChunkedEncodingError("cut")), TransientError),
        (RequestError(requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED")), StorageError),
        (RequestError(requests.exceptions.InvalidURL("no host")), StorageError),
        (urllib3.exceptions.ProtocolError("cut"), TransientError),
        (InconsistentError("crc"), StorageError),
        (ClientError("no region"), StorageError),
    ],
)
def test_what_is_no_answer_becomes_our_error(raised: Exception, kind: type[LithopsError]) -> None:
    assert type(translated(raised)) is kind


def test_a_stranger_comes_through() -> None:
    assert translated(ValueError("mine")) is None
    with pytest.raises(ValueError, match="mine"), explained("read", "b"):
        raise ValueError("mine")


def test_a_refusal_does_not_carry_what_was_signed() -> None:
    refused = ServerError(
        403, {}, "", {"Code": "SignatureDoesNotMatch", "StringToSign": "x-oss-security-token:hunter2"}
    )
    with pytest.raises(AccessDeniedError) as caught, explained("read", "b"):
        raise refused
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
