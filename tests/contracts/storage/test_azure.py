"""Azure Blob Storage passes the storage kit, against Azurite."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import ClassVar

import pytest
from tests.emulators.azurite import ACCOUNT, KEY, azurite

from lithops.config import Secret
from lithops.spi.storage import StorageBackend
from lithops.testing import Answer, HttpStorageContract, StorageContract
from lithops_azure.config import AzureStorageConfig
from lithops_azure.storage import AzureStorage

WRONG_KEY = b64encode(b"a wrong key" * 4).decode()
_REFUSED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\\\\ufffe\uffff]|\\.(/|\\Z)")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with azurite() as running:
        yield running.url


def opened(url: str, key: str = KEY) -> AzureStorage:
    return AzureStorage(
        AzureStorageConfig(storage_account_name=ACCOUNT, storage_account_key=Secret(key), endpoint=f"{url}/{ACCOUNT}")
    )


class TestAzureStorage(StorageContract):
    secrets: ClassVar = (KEY,)
    many_keys: ClassVar = 520
    very_many_keys: ClassVar = 0  # Azurite sorts all blobs for each page
    page_keys: ClassVar = 200

    @pytest.fixture
    def backend(self, server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageBackend]:
        monkeypatch.setattr(AzureStorage, "_page_keys", self.page_keys)
        store = opened(server)
        yield store
        store.close()

    def takes(self, key: str) -> bool:
        return _REFUSED.search(key) is None and key.count("/") < 254


def refusal(status: int, code: str, detail: str = "") -> Answer:
    body = f"<Error><Code>{code}</Code><Message>No.\nRequestId:1</Message>{detail}</Error>"
    return Answer(status, body.encode(), {"x-ms-error-code": code, "Content-Type": "application/xml"})


class TestAzureStorageByHttp(HttpStorageContract):
    secrets: ClassVar = (KEY, WRONG_KEY)
    throttled: ClassVar = refusal(503, "ServerBusy")
    denied: ClassVar = refusal(403, "AuthenticationFailed")
    failed: ClassVar = refusal(500, "InternalError")
    skewed: ClassVar = refusal(
        403,
        "AuthenticationFailed",
        "<AuthenticationErrorDetail>Request date header too old: 'Mon, 01 Jan 2024 00:00:00 GMT'"
        "</AuthenticationErrorDetail>",
    )
    page_keys: ClassVar = 0  # Azurite cannot start a listing at a name; tests/azure counts pages

    @pytest.fixture
    def upstream(self, server: str) -> str:
        return server

    def connect(self, endpoint: str) -> StorageBackend:
        return opened(endpoint)

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return opened(endpoint, WRONG_KEY)
