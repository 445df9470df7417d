"""What an S3 SDK raises becomes one of our errors, by its attributes and names."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from lithops.errors import (
    AccessDeniedError,
    ConfigError,
    LithopsError,
    NoSuchBucketError,
    ObjectExistsError,
    StorageError,
    StorageFullError,
    StorageNoSuchKeyError,
    ThrottledError,
    TransientError,
)
from lithops.objects import s3_errors
from lithops.objects.s3_errors import PastEndError, error_in_answer, explain

SDKS = ("botocore", "ibm_botocore")


def client_error(sdk: str, status: int, code: str, headers: dict[str, str] | None = None) -> Exception:
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": "told by a test"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
    }
    made = import_module(f"{sdk}.exceptions").ClientError(response, "GetObject")
    assert isinstance(made, Exception)
    return made


def sdk_error(sdk: str, name: str, **arguments: Any) -> Exception:
    made = getattr(import_module(f"{sdk}.exceptions"), name)(**arguments)
    assert isinstance(made, Exception)
    return made


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", StorageNoSuchKeyError),
        (404, "404", StorageNoSuchKeyError),
        (404, "NoSuchBucket", NoSuchBucketError),
        (404, "NoSuchUpload", StorageError),
        (400, "InvalidBucketName", NoSuchBucketError),
        (403, "AccessDenied", AccessDeniedError),
        (403, "403", AccessDeniedError),
        (403, "InvalidAccessKeyId", AccessDeniedError),
        (400, "ExpiredToken", AccessDeniedError),
        (403, "RequestTimeTooSkewed", AccessDeniedError),
        (403, "QuotaExceeded", StorageFullError),
        (409, "ConditionalRequestConflict", TransientError),
        (409, "OperationAborted", TransientError),
        (400, "RequestTimeout", TransientError),
        (400, "BadDigest", TransientError),
        (400, "SlowDown", ThrottledError),
        (503, "SlowDown", ThrottledError),
        (503, "503", ThrottledError),
        (429, "TooManyRequestsException", ThrottledError),
        (412, "PreconditionFailed", ObjectExistsError),
        (416, "InvalidRange", PastEndError),
        (500, "InternalError", TransientError),
        (507, "XMinioStorageFull", StorageFullError),
        (301, "PermanentRedirect", StorageError),
        (400, "MalformedXML", StorageError),
    ],
)
def test_an_answer_becomes_an_error(sdk: str, status: int, code: str, kind: type[LithopsError]) -> None:
    error = explain(client_error(sdk, status, code), "read object 'k' of bucket 'b'", "b", "k")
    assert type(error) is kind


def test_a_missing_thing_without_a_key_is_the_bucket() -> None:
    assert type(explain(client_error("botocore", 404, "404"), "look at bucket 'b'", "b")) is NoSuchBucketError


def test_the_store_s_wish_for_a_pause_is_kept() -> None:
    error = explain(client_error("botocore", 503, "SlowDown", {"retry-after": "7"}), "read object 'k'", "b", "k")
    assert isinstance(error, ThrottledError)
    assert error.retry_after_s == 7


def test_a_wrong_clock_and_a_wrong_region_are_named() -> None:
    assert "clock" in str(explain(client_error("botocore", 403, "RequestTimeTooSkewed"), "read it", "b", "k"))
    assert "'region'" in str(explain(client_error("botocore", 301, "PermanentRedirect"), "read it", "b", "k"))


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("EndpointConnectionError", {"endpoint_url": "u", "error": "e"}, TransientError),
        ("ConnectTimeoutError", {"endpoint_url": "u", "error": "e"}, TransientError),
        ("ReadTimeoutError", {"endpoint_url": "u", "error": "e"}, TransientError),
        ("ConnectionClosedError", {"endpoint_url": "u", "error": "e"}, TransientError),
        ("ProxyConnectionError", {"proxy_url": "u", "error": "e"}, TransientError),
        ("HTTPClientError", {"error": "e"}, TransientError),
        ("IncompleteReadError", {"actual_bytes": 1, "expected_bytes": 2}, TransientError),
        ("ResponseStreamingError", {"error": "e"}, TransientError),
        ("FlexibleChecksumError", {"error_msg": "e"}, TransientError),
        ("SSLError", {"endpoint_url": "u", "error": "e"}, StorageError),
        ("NoCredentialsError", {}, AccessDeniedError),
        ("PartialCredentialsError", {"provider": "p", "cred_var": "v"}, AccessDeniedError),
        ("CredentialRetrievalError", {"provider": "p", "error_msg": "e"}, AccessDeniedError),
        ("UnauthorizedSSOTokenError", {}, AccessDeniedError),
        ("NoRegionError", {}, ConfigError),
        ("ProfileNotFound", {"profile": "p"}, ConfigError),
        ("ParamValidationError", {"report": "Invalid bucket name"}, NoSuchBucketError),
        ("OperationNotPageableError", {"operation_name": "o"}, StorageError),
    ],
)
def test_a_failure_of_the_sdk_becomes_an_error(
    sdk: str, name: str, arguments: dict[str, Any], kind: type[LithopsError]
) -> None:
    assert type(explain(sdk_error(sdk, name, **arguments), "read object 'k'", "b", "k")) is kind


@pytest.mark.parametrize("sdk", SDKS)
def test_the_names_that_are_looked_for_are_those_of_the_sdk(sdk: str) -> None:
    module = import_module(f"{sdk}.exceptions")
    wanted = s3_errors._BROKEN | s3_errors._NO_KEYS | s3_errors._NO_TOKEN | s3_errors._WRONG_SET_UP
    assert {name for name in wanted if not hasattr(module, name)} == set()


def test_a_stranger_is_not_explained_and_ours_stays() -> None:
    assert explain(KeyError("Error"), "read it", "b", "k") is None
    ours = TransientError("mine")
    assert explain(ours, "read it", "b", "k") is ours


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AccessDenied", AccessDeniedError), ("InternalError", TransientError), ("SlowDown", ThrottledError)],
)
def test_one_key_of_many_has_its_error(code: str, kind: type[LithopsError]) -> None:
    assert type(error_in_answer(code, "told", "delete object 'k'")) is kind
