"""What is particular to the store in OSS: signatures, keys, buckets, what a broken write leaves, and logs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from tests.emulators.servers import Server

from lithops.config import Secret
from lithops.errors import AccessDeniedError, NoSuchBucketError, ObjectExistsError, StorageError
from lithops.testing import Answer, FaultProxy, HttpFault
from lithops_aliyun.config import OssConfig
from lithops_aliyun.storage import OssStorage
from lithops_aliyun.uploads import PART_BYTES

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:oss2")
_KEY = {"access_key_id": "LTAItests", "access_key_secret": "secret-of-LTAItests"}
_STS = {
    "access_key_id": "STS.tests",
    "access_key_secret": "secret-of-STS.tests",
    "security_token": "token-of-STS.tests",
}


@contextmanager
def opened(endpoint: str, region: str | None = "cn-hangzhou", key: dict[str, str] = _KEY) -> Iterator[OssStorage]:
    told = {name: value if name == "access_key_id" else Secret(value) for name, value in key.items()}
    with closing(OssStorage(OssConfig(endpoint=endpoint, region=region, **told))) as store:  # type: ignore[arg-type]
        yield store


def read(store: OssStorage, bucket: str, key: str) -> bytes:
    with closing(store.get(bucket, key)) as stream:
        return stream.read()


@pytest.mark.parametrize("key", [_KEY, _STS], ids=["key", "sts"])
@pytest.mark.parametrize(("region", "scheme"), [("cn-hangzhou", "OSS4-HMAC-SHA256 "), (None, "OSS ")], ids=["v4", "v1"])
def test_each_verb_is_signed_by_both_versions(
    server: Server, bucket: str, region: str | None, scheme: str, key: dict[str, str]
) -> None:
    names = ["a b", "a//b/../c", "\u6587?x=1#y", "\x01", "+%2F&='\"<"]
    with FaultProxy(server.url) as proxy, opened(proxy.url, region, key) as store:
        store.create_bucket(bucket)
        for name in names:
            store.put(bucket, name, name.encode(), if_absent=True)
            assert read(store, bucket, name) == name.encode()
            assert store.head(bucket, name).size_bytes == len(name.encode())
        store.put(bucket, "big", io.BytesIO(bytes(PART_BYTES + 1)), if_absent=True)
        assert [info.key for info in store.list(bucket)] == sorted([*names, "big"], key=str.encode)
        store.delete(bucket, [*names, "big"])
        assert list(store.list(bucket)) == []
        assert {asked.headers["authorization"].partition("Credential")[0][:4] for asked in proxy.requests} == {
            scheme[:4]
        }
        assert all(asked.headers["authorization"].startswith(scheme) for asked in proxy.requests)


def test_a_key_that_oss_cannot_have_is_refused_before_any_request(server: Server, bucket: str) -> None:
    with FaultProxy(server.url) as proxy, opened(proxy.url) as store:
        for key in ("", ".", "..", "/a", "\\a", "a\0b", "a" * 1024, "\u6587" * 342, "\ud800"):
            for action in (
                lambda key=key: store.put(bucket, key, b""),
                lambda key=key: store.get(bucket, key),
                lambda key=key: store.head(bucket, key),
                lambda key=key: store.delete(bucket, ["fine", key]),
            ):
                with pytest.raises(StorageError, match="cannot use key"):
                    action()
        assert proxy.requests == []


def test_a_name_that_is_no_bucket_s_is_no_bucket(server: Server) -> None:
    with opened(server.url) as store:
        for name in ("", "A", "ab", "a_b", "../x", "a" * 64, "bucket-"):
            assert not store.has_bucket(name)
            with pytest.raises(NoSuchBucketError):
                store.put(name, "key", b"")
            with pytest.raises(StorageError, match="choose another name"):
                store.create_bucket(name)


def test_a_bucket_of_another_account_is_said_to_be_taken(server: Server, bucket: str) -> None:
    denied = Answer(403, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"})
    with FaultProxy(server.url) as proxy, opened(proxy.url) as store:
        store.create_bucket(bucket)
        proxy.plan(HttpFault(answer=denied, method="GET"))
        with pytest.raises(StorageError, match="the name is taken"):
            store.create_bucket(bucket)


def test_objects_that_are_deleted_together_take_one_request_for_each_thousand(server: Server, bucket: str) -> None:
    with FaultProxy(server.url) as proxy, opened(proxy.url) as store:
        store.create_bucket(bucket)
        store.put(bucket, "a\x01", b"")  # XML cannot hold it
        before = len(proxy.requests)
        store.delete(bucket, [*(f"{number:04d}" for number in range(1001)), "a\x01", "0000"])
        assert [asked.method for asked in proxy.requests[before:]] == ["POST", "POST", "DELETE"]
        assert list(store.list(bucket)) == []


@pytest.mark.parametrize("fails_at", ["?uploads", "partNumber=2", "complete"])
def test_a_write_in_parts_that_fails_leaves_no_upload(server: Server, bucket: str, fails_at: str) -> None:
    body = io.BytesIO(bytes(3 * PART_BYTES))
    refused = Answer(400, b"<Error><Code>InvalidArgument</Code></Error>", {"Content-Type": "application/xml"})
    fault = (
        HttpFault(answer=refused, method="POST", skip=1)
        if fails_at == "complete"
        else HttpFault(answer=refused, path=fails_at)
    )
    with FaultProxy(server.url) as proxy, opened(proxy.url) as store:
        store.create_bucket(bucket)
        proxy.plan(fault)
        with pytest.raises(StorageError, match="InvalidArgument"):
            store.put(bucket, "big", body)
        assert left_over(store, bucket) == []
        assert list(store.list(bucket)) == []


def test_a_conditional_write_in_parts_that_comes_too_late_leaves_no_upload(server: Server, bucket: str) -> None:
    with opened(server.url) as store:

        class Slow(io.BytesIO):
            """Another writer comes when its last byte is read."""

            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                if not data:
                    store.put(bucket, "key", b"first")
                return data

        store.create_bucket(bucket)
        with pytest.raises(ObjectExistsError):
            store.put(bucket, "key", Slow(bytes(2 * PART_BYTES)), if_absent=True)
        assert read(store, bucket, "key") == b"first"
        assert left_over(store, bucket) == []


def left_over(store: OssStorage, bucket: str) -> list[str]:
    uploads = store._bucket(bucket).list_multipart_uploads()
    return [upload.key for upload in uploads.upload_list]


def test_no_key_is_said_at_the_first_request(server: Server) -> None:
    with closing(OssStorage(OssConfig(endpoint=server.url, region="cn-hangzhou"))) as store:
        assert store.credentials() == {}
        with pytest.raises(AccessDeniedError, match="OSS_ACCESS_KEY_ID"):
            store.has_bucket("bucket")


def test_an_expired_token_is_refused(server: Server) -> None:
    key = {"access_key_id": "STS.expired", "access_key_secret": "secret-of-STS.expired"}
    key["security_token"] = "token-of-STS.expired"
    with opened(server.url, key=key) as store, pytest.raises(AccessDeniedError, match="SecurityTokenExpired"):
        store.put("bucket", "key", b"")


def test_a_worker_opens_the_store_with_what_it_was_entrusted_with(
    server: Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(server.url, key=_STS) as store:
        ref = store.ref(bucket)
        assert not [secret for secret in _STS.values() if secret in json.dumps([*ref])]
        told = dict(store.credentials())
    assert told == _STS
    monkeypatch.setattr("lithops_aliyun.storage.entrusted", lambda asked: told if asked == ref else {})
    with closing(OssStorage.from_ref(ref)) as worker:
        worker.create_bucket(bucket)
        assert worker.credentials() == _STS
        assert worker.ref(bucket) == ref


def test_no_secret_is_in_a_log(server: Server, bucket: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), opened(server.url, key=_STS) as store:
        store.create_bucket(bucket)
        store.put(bucket, "key", b"x")
        with pytest.raises(NoSuchBucketError):
            store.head(f"{bucket}-missing", "key")
    assert caplog.text
    assert not [name for name in ("access_key_secret", "security_token") if _STS[name] in caplog.text]


def test_a_password_of_netrc_does_not_take_the_signature_s_place(
    server: Server, bucket: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:
        file.write("default login somebody password hunter2\n")
    monkeypatch.setenv("NETRC", netrc)
    with opened(server.url) as store:
        store.create_bucket(bucket)
        assert store.has_bucket(bucket)


def test_an_object_with_an_encoding_is_given_as_it_is(server: Server, bucket: str) -> None:
    with FaultProxy(server.url) as proxy, opened(proxy.url) as store:
        proxy.plan(HttpFault(answer=Answer(200, b"1234", {"Content-Encoding": "gzip"})))
        assert read(store, bucket, "key") == b"1234"


def test_the_client_is_the_sdk_s(server: Server) -> None:
    with opened(server.url) as store:
        client = store.client()
        assert type(client).__module__ == "oss2.api"
        assert client.session is not None
