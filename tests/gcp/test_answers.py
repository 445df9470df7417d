"""What answers and exceptions mean, and which names are refused before anything is asked."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
import urllib3.exceptions
from google.api_core.exceptions import from_http_status
from tests.emulators.servers import Server

from lithops.errors import (
    AccessDeniedError,
    LithopsError,
    NoSuchBucketError,
    StorageError,
    StorageNoSuchKeyError,
    ThrottledError,
    TransientError,
)
from lithops.testing import Answer, FaultProxy, HttpFault
from lithops.types import Span
from lithops_gcp.config import GcpStorageConfig
from lithops_gcp.errors import failure, translate, understand
from lithops_gcp.storage import GcpStorage


def google(status: int, reason: str, message: str = "of the test") -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "errors": [{"reason": reason}]}}).encode()


def google_error(status: int, message: str) -> Exception:
    made: Exception = from_http_status(status, message)  # type: ignore[no-untyped-call]
    return made


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy: FaultProxy) -> Iterator[GcpStorage]:
    with closing(GcpStorage(GcpStorageConfig(endpoint=proxy.url))) as store:
        yield store


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "invalid", StorageError),
        (401, "authError", AccessDeniedError),
        (403, "forbidden", AccessDeniedError),
        (403, "rateLimitExceeded", ThrottledError),
        (403, "userRateLimitExceeded", ThrottledError),
        (408, "uploadBrokenConnection", TransientError),
        (429, "rateLimitExceeded", ThrottledError),
        (500, "backendError", TransientError),
        (502, "", TransientError),
        (503, "backendError", ThrottledError),
        (504, "", TransientError),
    ],
)
def test_an_answer_is_one_kind_of_error(status: int, reason: str, kind: type[LithopsError]) -> None:
    error = failure(understand(status, google(status, reason), {"Retry-After": "3"}), "read object 'k' of bucket 'b'")
    assert type(error) is kind
    assert "cannot read object 'k' of bucket 'b'" in str(error)
    assert error.retry_after_s == (3.0 if kind is ThrottledError else None)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"error": 3}', b'{"error": {"message": "m", "errors": "x"}}', b"<html>", b"\xff\xfe"],
)
def test_an_answer_of_any_form_is_understood(body: bytes) -> None:
    assert understand(500, body, {}).status == 500


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (requests.exceptions.ConnectTimeout("slow"), TransientError),
        (requests.exceptions.ChunkedEncodingError("broken"), TransientError),
        (urllib3.exceptions.IncompleteRead(3, 4), TransientError),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), StorageError),
        (requests.exceptions.InvalidURL("no host"), StorageError),
        (google_error(429, "slower"), ThrottledError),
        (google_error(403, "no"), AccessDeniedError),
        (google_error(500, "broke"), TransientError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_an_exception_of_the_sdk_is_one_of_ours(exc: Exception, kind: type[LithopsError]) -> None:
    assert type(translate(exc)) is kind


def test_a_stranger_s_exception_stays_what_it_is() -> None:
    assert translate(OSError("of the disk")) is None
    assert translate(ValueError("mine")) is None


def test_an_answer_that_does_not_tell_bucket_from_object_costs_a_question(
    proxied: GcpStorage, proxy: FaultProxy, bucket: str
) -> None:
    proxy.plan(HttpFault(answer=Answer(404, b"Not Found"), path="key", times=None))
    with pytest.raises(StorageNoSuchKeyError):
        proxied.head(bucket, "key")
    with pytest.raises(NoSuchBucketError):
        proxied.head("lithops-gcp-missing", "key")
    proxied.delete(bucket, ["key"])
    with pytest.raises(NoSuchBucketError):
        proxied.delete("lithops-gcp-missing", ["key"])
    assert len(proxy.requests) == 8


def test_a_key_that_speaks_of_buckets_is_a_key(store: GcpStorage, bucket: str) -> None:
    with pytest.raises(StorageNoSuchKeyError):
        store.get(bucket, "The specified bucket does not exist.")


def test_a_call_of_a_batch_that_fails_is_raised(proxied: GcpStorage, proxy: FaultProxy, bucket: str) -> None:
    part = b"--x\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 %s\r\nRetry-After: 5\r\n\r\n%s\r\n"
    gone = part % (b"404 Not Found", google(404, "notFound", f"No such object: {bucket}/a"))
    for status, kind in ((b"429 Too Many Requests", ThrottledError), (b"403 Forbidden", AccessDeniedError)):
        body = gone + part % (status, google(int(status[:3]), "of the test")) + b"--x--\r\n"
        proxy.plan(HttpFault(answer=Answer(200, body, {"Content-Type": "multipart/mixed; boundary=x"})))
        with pytest.raises(kind):
            proxied.delete(bucket, ["a", "b"])
    proxy.plan(HttpFault(answer=Answer(200, gone + b"--x--\r\n", {"Content-Type": "multipart/mixed; boundary=x"})))
    with pytest.raises(TransientError, match="1 of 2 answers"):
        proxied.delete(bucket, ["a", "b"])


def test_a_bucket_of_somebody_else_is_not_ours(proxied: GcpStorage, proxy: FaultProxy) -> None:
    taken = Answer(409, google(409, "conflict", "The requested bucket name is not available."))
    proxy.plan(HttpFault(answer=taken, method="POST", times=None))
    store = GcpStorage(GcpStorageConfig(endpoint=proxy.url, project="lithops-tests"))
    with closing(store), pytest.raises(StorageError, match="the name is taken"):
        store.create_bucket("lithops-gcp-taken")
    with pytest.raises(StorageError, match="project_name"):
        proxied.create_bucket("lithops-gcp-taken")


def test_a_bucket_is_made_private_and_where_it_should_be(server: Server) -> None:
    config = GcpStorageConfig(endpoint=server.url, project_name="lithops-tests", region="europe-west1")
    with closing(GcpStorage(config)) as store:
        store.create_bucket("lithops-gcp-private")
    with urllib.request.urlopen(f"{server.url}/storage/v1/b/lithops-gcp-private", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    assert found["location"] == "EUROPE-WEST1"
    assert found["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert found["iamConfiguration"]["uniformBucketLevelAccess"] == {"enabled": True}


@pytest.mark.parametrize("name", ["", "..", "a", "A-b-c", "a/b/c", "a b c", "-abc", "a" * 223, "a\nbc", "é-é-é"])
def test_a_name_that_no_bucket_has_is_refused_without_a_request(
    proxied: GcpStorage, proxy: FaultProxy, name: str
) -> None:
    for action in (
        lambda: proxied.put(name, "key", b""),
        lambda: proxied.get(name, "key"),
        lambda: proxied.head(name, "key"),
        lambda: next(proxied.list(name), None),
        lambda: proxied.delete(name, ["key"]),
    ):
        with pytest.raises(NoSuchBucketError):
            action()
    with pytest.raises(StorageError):
        proxied.create_bucket(name)
    assert not proxied.has_bucket(name)
    assert proxy.requests == []


@pytest.mark.parametrize(
    "key", [".", "..", "a\nb", "a\rb", ".well-known/acme-challenge/x", "x" * 1025, "", "\0", "\udc80"]
)
def test_a_key_that_cannot_be_is_refused_without_a_request(proxied: GcpStorage, proxy: FaultProxy, key: str) -> None:
    for action in (
        lambda: proxied.put("lithops-gcp-x", key, io.BytesIO(b"")),
        lambda: proxied.get("lithops-gcp-x", key, span=Span(1, 1)),
        lambda: proxied.head("lithops-gcp-x", key),
        lambda: proxied.delete("lithops-gcp-x", ["good", key]),
    ):
        with pytest.raises(StorageError, match="choose another key"):
            action()
    assert proxy.requests == []


def test_what_was_packed_before_is_read_as_it_is_stored(store: GcpStorage, google_bucket: Any) -> None:
    import gzip

    packed = gzip.compress(b"0123456789" * 100)
    blob = google_bucket.blob("packed")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed)
    with closing(store.get(google_bucket.name, "packed")) as stream:
        assert stream.read() == packed
    assert store.head(google_bucket.name, "packed").size_bytes == len(packed)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"storage_bucket": "No_Bucket"}, "'storage_bucket' is 'No_Bucket'"),
        ({"region": ""}, "'region' is empty"),
        ({"endpoint": "127.0.0.1:9023"}, "write its scheme too"),
        ({"project": "a", "project_name": "b"}, "leave 'project' out"),
    ],
)
def test_a_wrong_configuration_says_what_to_write(options: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GcpStorageConfig(**options)
