"""The tiny store spoken to by HTTP passes both kits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar

import pytest
from tests.contracts.storage.http_store import SECRET, SKEWED, HttpStore, served

from lithops.spi.storage import StorageBackend
from lithops.testing import Answer, HttpStorageContract, StorageContract


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as url:
        yield url


class TestHttpStore(StorageContract):
    is_shared: ClassVar[bool] = False  # a worker would have to import the tests
    memory_bytes: ClassVar[int] = 0  # the server runs in this process
    secrets = (SECRET,)

    @pytest.fixture
    def backend(self, server: str) -> Iterator[StorageBackend]:
        with closing(HttpStore(server)) as store:
            yield store


class TestHttpStoreByHttp(HttpStorageContract):
    throttled = Answer(503, b"slow down")
    denied = Answer(403, b"denied")
    skewed = Answer(403, SKEWED)
    secrets = (SECRET, "of nobody")

    @pytest.fixture
    def upstream(self, server: str) -> str:
        return server

    def connect(self, endpoint: str) -> StorageBackend:
        return HttpStore(endpoint)

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return HttpStore(endpoint, "of nobody")


class TestHttpStoreThatDeniesNobody(TestHttpStoreByHttp):
    denies: ClassVar[bool] = False
    page_keys: ClassVar[int] = 0
    multipart_bytes: ClassVar[int] = 0

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return HttpStore(endpoint)
