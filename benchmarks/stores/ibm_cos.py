"""IBM Cloud Object Storage by ibm-cos-sdk, over moto, with HMAC keys."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.stores.aws_s3 import S3Client
from benchmarks.stores.filling import fill_by_side_door
from benchmarks.stores.store import Client, Store
from tests.emulators.servers import HERE, running

__all__ = ["STORE"]

REGION = "us-east-1"  # the one in which moto makes buckets without a location
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "hmac-key", "secret"


def _settings(url: str) -> Mapping[str, Any]:
    return {
        "endpoint": url,
        "region": REGION,
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET_ACCESS_KEY,
    }


def _sdk(url: str) -> Client:
    import ibm_boto3

    return S3Client(
        ibm_boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )
    )


STORE = Store(
    name="ibm_cos",
    sdk_name="ibm-cos-sdk",
    packages=("ibm-cos-sdk", "moto"),
    serve=lambda: running([sys.executable, "-P", str(HERE / "moto_server.py"), "{port}"]),
    settings=_settings,
    sdk=_sdk,
    fill=fill_by_side_door,
)
