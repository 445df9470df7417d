"""The store in Alibaba Cloud OSS passes both storage kits, with oss2, against the server of `tests/emulators`."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from tests.emulators.servers import HERE, Server, running

from lithops.config import Secret
from lithops.spi.storage import StorageBackend
from lithops.testing import Answer, HttpStorageContract, StorageContract
from lithops_aliyun.config import OssConfig
from lithops_aliyun.storage import OssStorage

_KEY_ID, _SECRET = "LTAItests", "secret-of-LTAItests"

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:oss2")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running([sys.executable, "-P", str(HERE / "oss_server.py"), "{port}"]) as server:
        yield server


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give workers their key as the platform would: a reference has none."""
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", _KEY_ID)
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", _SECRET)


def opened(endpoint: str, region: str | None = "cn-hangzhou", secret: str = _SECRET) -> OssStorage:
    return OssStorage(
        OssConfig(endpoint=endpoint, region=region, access_key_id=_KEY_ID, access_key_secret=Secret(secret))
    )


def failure(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>of the test</Message></Error>'
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


class TestOss(StorageContract):
    secrets = (_KEY_ID, _SECRET)
    region: ClassVar[str | None] = "cn-hangzhou"  # signs by V4

    @pytest.fixture
    def backend(self, server: Server) -> Iterator[StorageBackend]:
        store = opened(server.url, self.region)
        yield store
        store.close()

    def takes(self, key: str) -> bool:
        return key not in (".", "..") and key[0] not in "/\\" and len(key.encode()) <= 1023

    def fill(self, backend: StorageBackend, bucket: str, keys: Sequence[str]) -> None:
        place = urlsplit(str(backend.ref(bucket).options["endpoint"]))
        connection = http.client.HTTPConnection(place.netloc, timeout=30)
        connection.request("POST", "/lithops-tests/fill", json.dumps({"bucket": bucket, "keys": list(keys)}))
        assert connection.getresponse().status == 200
        connection.close()


class TestOssByHttp(HttpStorageContract):
    secrets = (_SECRET, "not-the-secret")
    throttled = failure(503, "QpsLimitExceeded")
    denied = failure(403, "AccessDenied")
    failed = failure(500, "InternalError")
    skewed = failure(403, "RequestTimeTooSkewed")

    @pytest.fixture
    def upstream(self, server: Server) -> str:
        return server.url

    def connect(self, endpoint: str) -> StorageBackend:
        return opened(endpoint)

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return opened(endpoint, secret="not-the-secret")
