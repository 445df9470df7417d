"""Alibaba Cloud OSS by oss2, over the server of tests/emulators."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.stores.filling import fill_by_side_door
from benchmarks.stores.store import BUCKET, Client, Store
from tests.emulators.servers import running

__all__ = ["STORE"]

ACCESS_KEY_ID, ACCESS_KEY_SECRET = "LTAItests", "secret-of-LTAItests"
THREADS = 4


class _Oss(Client):
    def __init__(self, url: str) -> None:
        import oss2

        self._oss2 = oss2
        self._bucket = oss2.Bucket(oss2.Auth(ACCESS_KEY_ID, ACCESS_KEY_SECRET), url, BUCKET)

    def put(self, key: str, data: bytes) -> None:
        self._bucket.put_object(key, data)

    def get(self, key: str) -> bytes:
        data: bytes = self._bucket.get_object(key).read()
        return data

    def upload(self, path: str, key: str) -> None:
        self._oss2.resumable_upload(self._bucket, key, path, num_threads=THREADS)

    def download(self, key: str, path: str) -> None:
        self._oss2.resumable_download(self._bucket, key, path, num_threads=THREADS)

    def count(self, prefix: str) -> int:
        return sum(1 for _ in self._oss2.ObjectIteratorV2(self._bucket, prefix=prefix))


def _settings(url: str) -> Mapping[str, Any]:
    return {"public_endpoint": url, "access_key_id": ACCESS_KEY_ID, "access_key_secret": ACCESS_KEY_SECRET}


STORE = Store(
    name="aliyun_oss",
    sdk_name="oss2",
    packages=("oss2",),
    serve=lambda: running([sys.executable, "-P", str(Path(__file__).with_name("oss_server_of_parts.py")), "{port}"]),
    settings=_settings,
    sdk=_Oss,
    fill=fill_by_side_door,
)
