"""The file system over Azure Blob Storage, against Azurite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar

import pytest
from tests.contracts.fs.fs_contract import FileSystemContract
from tests.emulators.azurite import ACCOUNT, KEY, azurite

from lithops.config import Secret
from lithops.spi.storage import StorageBackend
from lithops_azure.config import AzureStorageConfig
from lithops_azure.storage import AzureStorage


@pytest.fixture(scope="module")
def store() -> Iterator[AzureStorage]:
    with azurite() as server:
        config = AzureStorageConfig(
            storage_account_name=ACCOUNT, storage_account_key=Secret(KEY), endpoint=f"{server.url}/{ACCOUNT}"
        )
        with closing(AzureStorage(config)) as opened:
            opened.create_bucket(FileSystemContract.bucket)
            yield opened


class TestAzure(FileSystemContract):
    pattern_step: ClassVar = 5

    @pytest.fixture
    def backend(self, store: AzureStorage) -> StorageBackend:
        return store
