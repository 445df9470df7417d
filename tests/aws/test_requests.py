"""What goes over the wire: at Amazon's own endpoint as its SDK likes it, elsewhere as older servers expect it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.contracts.storage.s3_contract import moto as moto
from tests.emulators.servers import Server

from lithops.config import Secret
from lithops.errors import NoSuchBucketError, ObjectExistsError, StorageError
from lithops.objects.s3_upload import PART_BYTES
from lithops.testing import FaultProxy
from lithops.testing.storage.fixtures import content, read
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage

KEYS = {"access_key_id": "AKIATEST", "secret_access_key": Secret("x")}


@pytest.fixture
def proxy(moto: Server) -> Iterator[FaultProxy]:
    with FaultProxy(moto.url) as proxy:
        yield proxy


@pytest.fixture
def elsewhere(proxy: FaultProxy) -> Iterator[AwsS3Storage]:
    with closing(AwsS3Storage(AwsS3Config(endpoint=proxy.url, **KEYS))) as store:  # type: ignore[arg-type]
        store.create_bucket("elsewhere")
        yield store


@pytest.fixture
def amazon(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsS3Storage]:
    """The store without an endpoint in its configuration; the SDK's own way leads it to the server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
    with closing(AwsS3Storage(AwsS3Config(region="eu-west-1", **KEYS))) as store:  # type: ignore[arg-type]
        store.create_bucket("amazon")
        yield store


def test_parts_at_amazon_have_checksums(amazon: AwsS3Storage, proxy: FaultProxy) -> None:
    whole = content(2 * PART_BYTES + 1)
    amazon.put("amazon", "big", whole, if_absent=True)
    with pytest.raises(ObjectExistsError):
        amazon.put("amazon", "big", whole, if_absent=True)
    assert read(amazon, "amazon", "big") == whole
    begun = next(one for one in proxy.requests if one.method == "POST" and "uploads" in one.path)
    assert begun.headers["x-amz-checksum-algorithm"] == "CRC32"
    parts = [one for one in proxy.requests if one.method == "PUT" and "partNumber" in one.path]
    assert len(parts) == 3
    assert all("x-amz-checksum-crc32" in one.headers for one in parts)


def test_a_bucket_at_amazon_is_made_in_its_region(amazon: AwsS3Storage) -> None:
    amazon.create_bucket("amazon")
    assert amazon.client().get_bucket_location(Bucket="amazon")["LocationConstraint"] == "eu-west-1"


def test_a_key_that_amazon_refuses_is_not_sent(amazon: AwsS3Storage, proxy: FaultProxy) -> None:
    before = len(proxy.requests)
    with pytest.raises(StorageError, match="climb above"):
        amazon.put("amazon", "../a", b"x")
    assert len(proxy.requests) == before


def test_requests_elsewhere_are_plain(elsewhere: AwsS3Storage, proxy: FaultProxy) -> None:
    elsewhere.put("elsewhere", "k", b"x")
    elsewhere.put("elsewhere", "big", content(PART_BYTES + 1))
    elsewhere.delete("elsewhere", ["k", "big", "more"])
    assert all(one.path.startswith("/elsewhere") for one in proxy.requests)
    assert [one for one in proxy.requests if "expect" in one.headers and one.body_bytes <= 1 << 20] == []
    written = [one for one in proxy.requests if one.method == "PUT"]
    assert [one for one in written if any(name.startswith("x-amz-checksum") for name in one.headers)] == []
    deletes = [one for one in proxy.requests if one.path.endswith("?delete")]
    assert [bool(one.headers.get("content-md5")) for one in deletes] == [True]


@pytest.mark.parametrize("key", ["\x01", "a\rb", "\uffff", "caf\u00e9 +%", "a/../b"])
def test_an_object_in_parts_may_have_any_key(elsewhere: AwsS3Storage, key: str) -> None:
    whole = content(PART_BYTES + 1)
    elsewhere.put("elsewhere", key, whole, if_absent=True)
    assert read(elsewhere, "elsewhere", key) == whole
    elsewhere.delete("elsewhere", [key])
    assert list(elsewhere.list("elsewhere")) == []


def test_a_name_that_is_no_bucket_s_is_refused(elsewhere: AwsS3Storage) -> None:
    assert not elsewhere.has_bucket("No Bucket!")
    with pytest.raises(NoSuchBucketError):
        elsewhere.head("No Bucket!", "k")
    with pytest.raises(StorageError, match="takes no such name"):
        elsewhere.create_bucket("No Bucket!")
