"""Amazon S3 by boto3, over moto."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.stores.filling import fill_by_side_door
from benchmarks.stores.store import BUCKET, Client, Store
from tests.emulators.servers import HERE, running

__all__ = ["STORE", "S3Client"]

REGION = "us-east-1"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE", "secret"


class S3Client(Client):
    """boto3, or an SDK that has its shape."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        data: bytes = self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data

    def upload(self, path: str, key: str) -> None:
        self._client.upload_file(path, BUCKET, key)

    def download(self, key: str, path: str) -> None:
        self._client.download_file(BUCKET, key, path)

    def count(self, prefix: str) -> int:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return sum(len(page.get("Contents", ())) for page in pages)


def _settings(url: str) -> Mapping[str, Any]:
    return {
        "endpoint": url,
        "region": REGION,
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET_ACCESS_KEY,
    }


def _sdk(url: str) -> Client:
    import boto3

    return S3Client(
        boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )
    )


STORE = Store(
    name="aws_s3",
    sdk_name="boto3",
    packages=("boto3", "moto"),
    serve=lambda: running([sys.executable, "-P", str(HERE / "moto_server.py"), "{port}"]),
    settings=_settings,
    sdk=_sdk,
    fill=fill_by_side_door,
)
