"""Azure Blob Storage by azure-storage-blob, over Azurite: LITHOPS_TESTS_AZURITE names the folder that npm put it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.stores.filling import fill_by_threads
from benchmarks.stores.store import BUCKET, Client, Store
from tests.emulators.azurite import ACCOUNT, KEY, azurite

__all__ = ["STORE"]


class _Azure(Client):
    def __init__(self, url: str) -> None:
        from azure.storage.blob import BlobServiceClient

        service = BlobServiceClient(f"{url}/{ACCOUNT}", credential={"account_name": ACCOUNT, "account_key": KEY})
        self._container = service.get_container_client(BUCKET)

    def put(self, key: str, data: bytes) -> None:
        self._container.upload_blob(key, data, overwrite=True)

    def get(self, key: str) -> bytes:
        return self._container.download_blob(key).readall()

    def upload(self, path: str, key: str) -> None:
        with open(path, "rb") as file:
            self._container.upload_blob(key, file, overwrite=True, max_concurrency=4)

    def download(self, key: str, path: str) -> None:
        with open(path, "wb") as file:
            self._container.download_blob(key, max_concurrency=4).readinto(file)

    def count(self, prefix: str) -> int:
        return sum(1 for _ in self._container.list_blobs(name_starts_with=prefix))


def _settings(url: str) -> Mapping[str, Any]:
    return {"endpoint": f"{url}/{ACCOUNT}", "storage_account_name": ACCOUNT, "storage_account_key": KEY}


STORE = Store(
    name="azure_storage",
    sdk_name="azure-storage-blob",
    packages=("azure-storage-blob",),
    serve=azurite,
    settings=_settings,
    sdk=_Azure,
    fill=fill_by_threads(_Azure),
    page_keys=5000,
    listed_keys=6000,  # two pages: they are put one by one
)
