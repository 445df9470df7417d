"""The verbs of S3 on a client that does what a test tells: what no server here does."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lithops.errors import (
    AccessDeniedError,
    NoSuchBucketError,
    ObjectExistsError,
    StorageError,
    StorageNoSuchKeyError,
    TransientError,
)
from lithops.objects.s3 import S3Dialect, S3Storage
from lithops.objects.s3_upload import PART_BYTES
from lithops.spi.storage import StorageFeature
from lithops.testing.storage.fixtures import together
from lithops.types import Span, StorageRef


class Store(S3Storage):
    @classmethod
    def from_ref(cls, ref: StorageRef) -> Store:
        raise NotImplementedError

    def ref(self, bucket: str) -> StorageRef:
        return StorageRef("x:Store", bucket)


class Client:
    """Answers each operation by what it is told, and keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.closed = 0
        self.meta = self.events = self

    def register(self, *_: Any) -> None:
        return

    def close(self) -> None:
        self.closed += 1

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def ask(**arguments: Any) -> Any:
            self.asked.append((operation, arguments))
            answer = self.answers.get(operation, {})
            answer = answer(**arguments) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]


def refusal(status: int, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")


def store_of(client: Client, **dialect: Any) -> Store:
    return Store(lambda: client, S3Dialect(**dialect))


def test_many_threads_get_one_client() -> None:
    made: list[Client] = []

    def connect() -> Client:
        made.append(Client())
        return made[-1]

    store = Store(connect, S3Dialect())
    assert made == []
    together(16, lambda _: store.has_bucket("b"))
    assert len(made) == 1
    store.close()
    store.close()
    assert made[0].closed == 1
    assert store.has_bucket("b")
    assert len(made) == 2


def test_a_connection_that_fails_is_explained_and_tried_again() -> None:
    tries: list[int] = []

    def connect() -> Client:
        tries.append(1)
        raise refusal(403, "AccessDenied")

    store = Store(connect, S3Dialect())
    for _ in range(2):
        with pytest.raises(AccessDeniedError, match="open the store"):
            store.head("b", "k")
    assert len(tries) == 2


def test_a_key_that_cannot_be_is_refused_before_any_request() -> None:
    client = Client()
    store = store_of(client)
    for action in (
        lambda: store.put("b", "a\0", b""),
        lambda: store.get("b", "a\0"),
        lambda: store.get("b", "a\0", span=Span(1, 1)),
        lambda: store.head("b", "a\0"),
        lambda: store.delete("b", ["good", "a\0"]),
        lambda: store.list("b", "\ud800"),
    ):
        with pytest.raises(StorageError):
            action()
    assert client.asked == []


def test_keys_that_xml_cannot_carry_are_deleted_one_by_one() -> None:
    client = Client()
    store_of(client, keys_at_once=2).delete("b", ["a", "b\n", "c", " d", "e", "\uffff"])
    assert [asked["Key"] for operation, asked in client.asked if operation == "delete_object"] == [
        "b\n",
        " d",
        "\uffff",
    ]
    bulks = [asked["Delete"]["Objects"] for operation, asked in client.asked if operation == "delete_objects"]
    assert bulks == [[{"Key": "a"}, {"Key": "c"}], [{"Key": "e"}]]


def test_one_key_is_deleted_by_its_own_request() -> None:
    client = Client()
    store_of(client).delete("b", ["a"])
    store_of(client).delete("b", [])
    assert client.operations == ["delete_object"]


def test_a_key_that_was_not_deleted_is_an_error() -> None:
    errors = [{"Key": "gone", "Code": "NoSuchKey"}, {"Key": "kept", "Code": "AccessDenied", "Message": "no"}]
    store = store_of(Client(delete_objects={"Errors": errors}))
    with pytest.raises(AccessDeniedError, match="object 'kept' of bucket 'b'"):
        store.delete("b", ["gone", "kept"])
    store_of(Client(delete_objects={"Errors": errors[:1]})).delete("b", ["gone", "kept"])


@pytest.mark.parametrize(
    ("bucket_answer", "kind"),
    [
        ({}, StorageNoSuchKeyError),
        (refusal(404, "404"), NoSuchBucketError),
        (refusal(403, "403"), StorageNoSuchKeyError),
    ],
)
def test_a_missing_answer_without_a_body_is_asked_about(bucket_answer: Any, kind: type[Exception]) -> None:
    client = Client(head_object=refusal(404, "404"), head_bucket=bucket_answer)
    with pytest.raises(StorageError) as caught:
        store_of(client).head("b", "k")
    assert type(caught.value) is kind
    assert client.operations == ["head_object", "head_bucket"]


def test_a_store_that_ignores_ranges_gives_no_wrong_bytes() -> None:
    def whole(**_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(b"0123456789"), "ContentLength": 10}

    store = store_of(Client(get_object=whole))
    assert store.get("b", "k", span=Span(0, 3)).read() == b"012"
    with pytest.raises(StorageError, match="ignores ranges"):
        store.get("b", "k", span=Span(2, 3))


def test_without_conditional_puts_an_object_that_exists_is_still_refused() -> None:
    client = Client(head_object=refusal(404, "NoSuchKey"), put_object={"ETag": '"1"'})
    store = store_of(client, has_conditional_put=False)
    assert StorageFeature.CONDITIONAL_PUT not in store.features
    assert store.put("b", "k", b"x", if_absent=True).etag == "1"
    assert "IfNoneMatch" not in client.asked[-1][1]
    client.answers["head_object"] = {"ContentLength": 1}
    with pytest.raises(ObjectExistsError):
        store.put("b", "k", b"x", if_absent=True)
    client.answers["head_object"] = refusal(403, "403")
    with pytest.raises(AccessDeniedError):
        store.put("b", "k", b"x", if_absent=True)


def test_parts_are_told_with_their_checksums_and_ended_after_a_failure() -> None:
    client = Client(
        create_multipart_upload={"UploadId": "u"},
        upload_part=lambda **asked: {"ETag": f'"{asked["PartNumber"]}"', "ChecksumCRC32": "c"},
        complete_multipart_upload={"ETag": '"whole-2"'},
        head_object=refusal(404, "NoSuchKey"),
    )
    info = store_of(client, checksum="CRC32").put("b", "k", b"x" * (PART_BYTES + 1), if_absent=True)
    assert (info.size_bytes, info.etag) == (PART_BYTES + 1, "whole-2")
    asked = dict(client.asked)
    assert asked["create_multipart_upload"]["ChecksumAlgorithm"] == "CRC32"
    assert asked["complete_multipart_upload"]["IfNoneMatch"] == "*"
    assert asked["complete_multipart_upload"]["MultipartUpload"]["Parts"] == [
        {"PartNumber": 1, "ETag": '"1"', "ChecksumCRC32": "c"},
        {"PartNumber": 2, "ETag": '"2"', "ChecksumCRC32": "c"},
    ]

    client.answers["complete_multipart_upload"] = refusal(409, "ConditionalRequestConflict")
    client.answers["abort_multipart_upload"] = refusal(500, "InternalError")
    with pytest.raises(TransientError, match="write object 'k' of bucket 'b'"):
        store_of(client).put("b", "k", b"x" * (PART_BYTES + 1))
    assert client.operations[-1] == "abort_multipart_upload"


@pytest.mark.parametrize(("is_amazon", "is_taken"), [(True, True), (False, False)])
def test_a_bucket_of_another_account_is_not_ours(is_amazon: bool, is_taken: bool) -> None:
    store = store_of(Client(create_bucket=refusal(409, "BucketAlreadyExists")), is_amazon=is_amazon)
    if is_taken:
        with pytest.raises(StorageError, match="another account"):
            store.create_bucket("b")
    else:
        store.create_bucket("b")
    store_of(Client(create_bucket=refusal(409, "BucketAlreadyOwnedByYou")), is_amazon=True).create_bucket("b")


def test_a_refused_look_at_a_bucket_is_no_answer() -> None:
    with pytest.raises(AccessDeniedError):
        store_of(Client(head_bucket=refusal(403, "403"))).has_bucket("b")
