"""The server that stands in for OSS checks what OSS checks: the plain SDK is let in, a stranger is not."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.emulators.servers import Server

from lithops_aliyun.sdk import Request, ServerError, StaticCredentialsProvider, oss2

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:oss2")
_both_versions = pytest.mark.parametrize("version", ["v1", "v4"])
_WAIT_S = 30.0


def bare(server: Server, bucket: str, version: str, name: str = "LTAItests", secret: str = "", token: str = "") -> Any:
    """Open a bucket by the plain SDK."""
    provider = StaticCredentialsProvider(name, secret or f"secret-of-{name}", token)
    auth = oss2.ProviderAuthV4(provider) if version == "v4" else oss2.ProviderAuth(provider)
    return oss2.Bucket(auth, server.url, bucket, region="cn-hangzhou")


def code_of(action: Any) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        action()
    return caught.value.status, caught.value.code


@_both_versions
def test_the_plain_sdk_writes_reads_lists_and_deletes(server: Server, bucket: str, version: str) -> None:
    there = bare(server, bucket, version)
    there.create_bucket()
    keys = ["a b", "a//b/../c", "\u6587?x=1#y", "a+%2F&='"]
    for key in keys:
        there.put_object(key, key.encode())
        assert there.get_object(key).read() == key.encode()
        assert there.head_object(key).content_length == len(key.encode())
    assert [found.key for found in there.list_objects_v2(max_keys=3).object_list] == sorted(keys, key=str.encode)[:3]
    assert sorted(there.batch_delete_objects([*keys, "missing"]).deleted_keys) == sorted([*keys, "missing"])
    assert there.list_objects_v2().object_list == []


@_both_versions
def test_the_plain_sdk_writes_in_parts(server: Server, bucket: str, version: str) -> None:
    there = bare(server, bucket, version)
    there.create_bucket()
    started = there.init_multipart_upload("big").upload_id
    sizes = (102_400, 102_400, 5)
    sent = [
        oss2.models.PartInfo(number, there.upload_part("big", started, number, bytes([number]) * size).etag)
        for number, size in enumerate(sizes, 1)
    ]
    assert code_of(lambda: there.get_object("big"))[1] == "NoSuchKey"
    made = there.complete_multipart_upload("big", started, sent)
    assert made.etag.endswith("-3")
    made.resp.read()
    assert there.get_object("big").read() == b"".join(bytes([n]) * size for n, size in enumerate(sizes, 1))
    assert code_of(lambda: there.abort_multipart_upload("big", started)) == (404, "NoSuchUpload")


@_both_versions
@pytest.mark.parametrize(
    ("name", "secret", "token", "code"),
    [
        ("LTAItests", "wrong", "", "SignatureDoesNotMatch"),
        ("LTAIunknown", "wrong", "", "InvalidAccessKeyId"),
        ("LTAItests", "", "a token that it has not", "InvalidSecurityToken"),
        ("STS.tests", "", "", "InvalidSecurityToken"),
        ("STS.tests", "", "wrong", "InvalidSecurityToken"),
        ("STS.expired", "", "token-of-STS.expired", "SecurityTokenExpired"),
    ],
)
def test_a_stranger_is_refused(
    server: Server, bucket: str, version: str, name: str, secret: str, token: str, code: str
) -> None:
    there = bare(server, bucket, version, name, secret, token)
    assert code_of(there.create_bucket) == (403, code)
    assert code_of(lambda: there.put_object("key", b"x")) == (403, code)


@_both_versions
def test_a_key_of_sts_is_let_in_with_its_token(server: Server, bucket: str, version: str) -> None:
    there = bare(server, bucket, version, "STS.tests", token="token-of-STS.tests")
    there.create_bucket()
    there.put_object("key", b"x")
    assert there.get_object("key").read() == b"x"


def test_who_does_not_sign_is_refused(server: Server, bucket: str) -> None:
    there = oss2.Bucket(oss2.AnonymousAuth(), server.url, bucket)
    assert code_of(lambda: there.get_object("key")) == (403, "AccessDenied")


@_both_versions
@pytest.mark.parametrize("change", ["key", "query", "header", "method"])
def test_a_signature_is_of_one_request(server: Server, bucket: str, version: str, change: str) -> None:
    there = bare(server, bucket, version)
    there.create_bucket()
    asked = Request(
        "PUT",
        f"{server.url}/{bucket}/a",
        headers={"x-oss-forbid-overwrite": "true"},
        region="cn-hangzhou",
        product="oss",
    )
    there.auth._sign_request(asked, bucket, "a")
    path, method = f"/{bucket}/a", "PUT"
    if change == "key":
        path = f"/{bucket}/b"
    elif change == "query":
        path += "?uploads"
    elif change == "header":
        asked.headers["x-oss-forbid-overwrite"] = "false"
    else:
        method = "DELETE"
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=_WAIT_S)
    headers = {name: value for name, value in asked.headers.items() if value}
    connection.request(method, path, b"", headers)
    answer = connection.getresponse()
    assert (answer.status, b"<Code>SignatureDoesNotMatch</Code>" in answer.read()) == (403, True)
    connection.close()


@_both_versions
@pytest.mark.parametrize(("minutes", "is_refused"), [(-16, True), (16, True), (-14, False)])
def test_a_clock_may_be_wrong_by_fifteen_minutes(
    server: Server, bucket: str, version: str, minutes: int, is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = datetime.now(UTC) + timedelta(minutes=minutes)

    class Clock:
        @staticmethod
        def utcnow() -> datetime:
            return wrong

    monkeypatch.setattr("oss2.auth.datetime", Clock)
    monkeypatch.setattr("oss2.utils.http_date", lambda: wrong.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    there = bare(server, bucket, version)
    if is_refused:
        assert code_of(there.create_bucket) == (403, "RequestTimeTooSkewed")
    else:
        there.create_bucket()


def test_one_of_many_writers_that_forbid_to_overwrite_wins(server: Server, bucket: str) -> None:
    there = bare(server, bucket, "v4")
    there.create_bucket()
    barrier = Barrier(8, timeout=_WAIT_S)

    def write(number: int) -> tuple[int, str]:
        barrier.wait()
        try:
            there.put_object("key", b"%d" % number, headers={"x-oss-forbid-overwrite": "true"})
        except ServerError as exc:
            return exc.status, exc.code
        return 200, ""

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(write, range(8), timeout=_WAIT_S))
    assert answers == [(200, ""), *[(409, "FileAlreadyExists")] * 7]


def test_a_range_that_is_out_of_the_object_is_refused_when_told_to_be_standard(server: Server, bucket: str) -> None:
    there = bare(server, bucket, "v4")
    there.create_bucket()
    there.put_object("key", b"0123456789")
    assert there.get_object("key", byte_range=(8, 20)).read() == b"0123456789"  # as OSS does
    standard = {"x-oss-range-behavior": "standard"}
    assert there.get_object("key", byte_range=(8, 20), headers=standard).read() == b"89"
    assert code_of(lambda: there.get_object("key", byte_range=(10, 20), headers=standard)) == (416, "InvalidRange")


def test_names_that_oss_refuses_are_refused(server: Server, bucket: str) -> None:
    there = bare(server, bucket, "v4")
    there.create_bucket()
    for key in ("/a", "\\a", "a" * 1024):
        assert code_of(lambda key=key: there.put_object(key, b"")) == (400, "InvalidObjectName")
    assert code_of(there.create_bucket) == (409, "BucketAlreadyExists")
