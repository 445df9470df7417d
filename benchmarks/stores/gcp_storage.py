"""Google Cloud Storage by google-cloud-storage, over the server of tests/emulators."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.stores.filling import fill_by_side_door
from benchmarks.stores.store import BUCKET, Client, Store
from tests.emulators.servers import HERE, running

__all__ = ["STORE"]


class _Gcs(Client):
    def __init__(self, url: str) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        self._client = storage.Client(
            project="bench",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": url},
        )
        self._bucket = self._client.bucket(BUCKET)

    def put(self, key: str, data: bytes) -> None:
        self._bucket.blob(key).upload_from_string(data)

    def get(self, key: str) -> bytes:
        data: bytes = self._bucket.blob(key).download_as_bytes()
        return data

    def upload(self, path: str, key: str) -> None:
        self._bucket.blob(key).upload_from_filename(path)

    def download(self, key: str, path: str) -> None:
        self._bucket.blob(key).download_to_filename(path)

    def count(self, prefix: str) -> int:
        return sum(1 for _ in self._client.list_blobs(BUCKET, prefix=prefix))


def _settings(url: str) -> Mapping[str, Any]:
    return {"endpoint": url, "project_name": "bench"}


STORE = Store(
    name="gcp_storage",
    sdk_name="google-cloud-storage",
    packages=("google-cloud-storage",),
    serve=lambda: running([sys.executable, str(HERE / "gcs_server.py"), "{port}"]),
    settings=_settings,
    sdk=_Gcs,
    fill=fill_by_side_door,
)
