"""Azure Blob Storage beyond the kit: pages, blocks, answers that tell little, and names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from azure.core.exceptions import AzureError
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import NoSuchBucketError, StorageError, StorageNoSuchKeyError, ThrottledError, TransientError
from lithops.testing import Answer, HttpFault
from lithops.testing.storage.fault_proxy import FaultProxy
from lithops.testing.storage.fixtures import content, read, together
from lithops_azure.blocks import PART_BYTES, block_id, block_sizes
from lithops_azure.names import is_bucket_name
from lithops_azure.storage import AzureStorage

Open = Callable[..., AzureStorage]


@pytest.fixture
def proxy(url: str) -> Iterator[FaultProxy]:
    with FaultProxy(url) as proxy:
        yield proxy


def test_a_listing_takes_one_request_a_page(
    open_store: Open, bucket: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AzureStorage, "_page_keys", 40)
    store = open_store(proxy.url)
    keys = [f"page/{number:03d}" for number in range(100)]
    for key in keys:
        store.put(bucket, key, b"")
    before = len(proxy.requests)
    listing = store.list(bucket, "page/")
    assert [next(listing).key for _ in range(40)] == keys[:40]
    assert len(proxy.requests) - before == 1
    assert [info.key for info in listing] == keys[40:]
    assert len(proxy.requests) - before == 3


def test_a_listing_starts_at_its_mark(open_store: Open, bucket: str, proxy: FaultProxy) -> None:
    store = open_store(proxy.url)
    for key in ("a/1", "a/2", "b"):
        store.put(bucket, key, b"")
    assert [info.key for info in store.list(bucket, "a/", after="a/1")] == ["a/2"]
    assert "startFrom=a%2F1" in proxy.requests[-1].path
    assert [info.key for info in store.list(bucket, "a/", after="A")] == ["a/1", "a/2"]
    assert "startFrom" not in proxy.requests[-1].path


def test_a_404_of_somebody_else_is_looked_into(open_store: Open, bucket: str, proxy: FaultProxy) -> None:
    store = open_store(proxy.url)
    proxy.plan(HttpFault(answer=Answer(404, b"<html>Not Found"), method="GET", path="/key"))
    with pytest.raises(StorageNoSuchKeyError):
        store.get(bucket, "key")
    proxy.plan(HttpFault(answer=Answer(404), times=None))
    with pytest.raises(NoSuchBucketError):
        store.head(bucket, "key")


def test_a_page_of_somebody_else_is_no_empty_listing(open_store: Open, bucket: str, proxy: FaultProxy) -> None:
    store = open_store(proxy.url)
    proxy.plan(HttpFault(answer=Answer(200, b"<html><p>Sign in to the Wi-Fi</html>")))
    with pytest.raises(StorageError, match="check 'endpoint'"):
        list(store.list(bucket))


def test_a_batch_that_is_refused_is_translated(open_store: Open, bucket: str, proxy: FaultProxy) -> None:
    store = open_store(proxy.url)
    busy = Answer(503, b"", {"x-ms-error-code": "ServerBusy", "Retry-After": "3"})
    proxy.plan(HttpFault(answer=busy, path="comp=batch"))
    with pytest.raises(ThrottledError) as caught:
        store.delete(bucket, ["a", "b"])
    assert caught.value.retry_after_s == 3.0
    with pytest.raises(NoSuchBucketError):
        store.delete("lithops-missing", ["a", "b"])


def test_a_bucket_that_is_being_deleted_is_worth_another_try(open_store: Open, proxy: FaultProxy) -> None:
    store = open_store(proxy.url)
    proxy.plan(HttpFault(answer=Answer(409, b"", {"x-ms-error-code": "ContainerBeingDeleted"}), times=None))
    for action in (lambda: store.create_bucket("bucket"), lambda: store.put("bucket", "key", b"x")):
        with pytest.raises(TransientError):
            action()


def test_where_batches_cannot_be_sent_objects_are_deleted_one_by_one(
    store: AzureStorage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AzureStorage, "_takes_batches", lambda _: False)
    for key in ("a", "b", "c"):
        store.put(bucket, key, b"")
    store.delete(bucket, ["a", "missing", "b"])
    assert [info.key for info in store.list(bucket)] == ["c"]
    with pytest.raises(NoSuchBucketError):
        store.delete("lithops-missing", ["a", "b"])


def test_writers_of_one_blob_do_not_mix_their_blocks(store: AzureStorage, bucket: str) -> None:
    bodies = [content(2 * PART_BYTES + 1, seed) for seed in range(3)]

    def write(writer: int) -> bool:
        try:
            store.put(bucket, "key", bodies[writer])
        except TransientError:  # another's commit dropped the blocks of this one
            return False
        return True

    assert any(together(3, write))
    assert read(store, bucket, "key") in bodies


def test_blocks_that_another_writer_dropped_are_worth_another_try(
    open_store: Open, bucket: str, proxy: FaultProxy
) -> None:
    store = open_store(proxy.url)
    proxy.plan(HttpFault(answer=Answer(400, b"", {"x-ms-error-code": "InvalidBlockList"}), path="comp=blocklist"))
    with pytest.raises(TransientError):
        store.put(bucket, "key", bytes(PART_BYTES + 1))
    assert list(store.list(bucket)) == []


def test_exceptions_of_the_sdk_s_own_client_are_translated(store: AzureStorage, bucket: str) -> None:
    service = store.client()
    found = []
    for name, key in ((bucket, "missing"), ("lithops-missing", "key")):
        with pytest.raises(AzureError) as caught:
            service.get_blob_client(name, key).download_blob()
        found.append(type(store.translate(caught.value)))
    assert found == [StorageNoSuchKeyError, NoSuchBucketError]


@given(st.one_of(st.integers(0, 190 << 40), st.integers(0, 1 << 30)))
def test_no_blob_has_more_than_50_000_blocks(size_bytes: int) -> None:
    size = block_sizes(size_bytes)(0)
    assert PART_BYTES <= size <= 4000 << 20
    assert size * 50_000 >= size_bytes


def test_a_stream_of_unknown_length_may_be_long() -> None:
    sizes = block_sizes(None)
    assert sum(sizes(number) for number in range(50_000)) > 2 << 40
    assert sizes(999) == PART_BYTES
    assert sizes(49_999) <= 4000 << 20
    assert len({len(block_id("0" * 32, number)) for number in (1, 9_999, 50_000)}) == 1


@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "Upper", "under_score", "a--b", "-a1", "a1-", "dots.in.it", "", "../x"]
)
def test_a_name_that_no_container_has_is_said_to_have_none(store: AzureStorage, name: str) -> None:
    assert not is_bucket_name(name)
    assert not store.has_bucket(name)
    with pytest.raises(NoSuchBucketError):
        store.get(name, "key")
    with pytest.raises(StorageError, match="3 to 63 lower-case"):
        store.create_bucket(name)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "empty"),
        ("a\\b", "backslash"),
        ("a\0", "control"),
        ("\ud800", "surrogate"),
        ("a/../b", "dot"),
        ("a.", "dot"),
        ("/" * 254, "254"),
        ("a" * 1025, "1024"),
    ],
)
def test_a_key_that_no_blob_has_is_refused_without_a_request(
    open_store: Open, bucket: str, proxy: FaultProxy, key: str, said: str
) -> None:
    store = open_store(proxy.url)
    actions: list[Callable[[], object]] = [
        lambda: store.put(bucket, key, b""),
        lambda: store.get(bucket, key),
        lambda: store.head(bucket, key),
        lambda: store.delete(bucket, [key]),
        lambda: store.delete(bucket, ["fine", key]),
    ]
    for action in actions:
        with pytest.raises(StorageError, match=said):
            action()
    assert proxy.requests == []
