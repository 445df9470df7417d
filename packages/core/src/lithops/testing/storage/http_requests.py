"""The kit for HTTP: how many requests a verb costs."""

from __future__ import annotations

from contextlib import closing

import pytest

from lithops.spi.storage import StorageBackend, StorageFeature
from lithops.testing.storage.fault_proxy import FaultProxy
from lithops.testing.storage.fixtures import read
from lithops.testing.storage.http_fixtures import KEY, HttpFixtures
from lithops.types import Span

__all__ = ["HttpRequestTests"]


class HttpRequestTests(HttpFixtures):
    """Requests are what a user waits for and pays."""

    def test_opening_sends_no_request(self, proxy: FaultProxy) -> None:
        with closing(self.connect(proxy.url)) as opened:
            opened.ref("bucket")
            opened.default_bucket()
        assert proxy.requests == []

    def test_a_small_put_and_a_small_get_send_one_request_each(
        self, warm: StorageBackend, bucket: str, proxy: FaultProxy
    ) -> None:
        with self.asks(proxy, 1, "a small put"):
            warm.put(bucket, KEY, b"first")
        with self.asks(proxy, 1, "a small put of buffers"):
            warm.put(bucket, KEY, [b"sec", b"ond"])
        if StorageFeature.CONDITIONAL_PUT in warm.features:
            with self.asks(proxy, 1, "a conditional put"):
                warm.put(bucket, "another-key", b"new", if_absent=True)
        with self.asks(proxy, 1, "a small get"):
            assert read(warm, bucket, KEY) == b"second"
        with self.asks(proxy, 1, "a get of a span"):
            assert read(warm, bucket, KEY, Span(1, 4)) == b"eco"
        with self.asks(proxy, 1, "a get of a span that goes past the end"):
            assert read(warm, bucket, KEY, Span(4, 100)) == b"nd"
        with self.asks(proxy, 1, "a head"):
            warm.head(bucket, KEY)

    def test_a_listing_takes_as_few_requests_as_its_pages(
        self, warm: StorageBackend, direct: StorageBackend, bucket: str, proxy: FaultProxy
    ) -> None:
        if not self.page_keys:
            pytest.skip("page_keys is 0")
        keys = [f"page/{number:05d}" for number in range(self.page_keys + 10)]
        self.fill(direct, bucket, keys)
        with self.asks(proxy, 2, f"a listing of {len(keys)} keys"):
            assert [info.key for info in warm.list(bucket, "page/")] == keys
        with self.asks(proxy, 1, "the first item of a listing"):
            assert next(warm.list(bucket, "page/")).key == keys[0]
        with self.asks(proxy, 1, "the end of a listing"):
            assert [info.key for info in warm.list(bucket, "page/", after=keys[-3])] == keys[-2:]
