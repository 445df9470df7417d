"""IBM's SDK and its store keep the contract, against moto, and against a small IAM."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.contracts.storage.s3_contract import S3Fixtures, S3HttpAnswers
from tests.contracts.storage.s3_contract import moto as moto
from tests.emulators.servers import HERE, Server, running

from lithops.config import Secret
from lithops.errors import ObjectExistsError
from lithops.spi.storage import StorageBackend
from lithops.testing import HttpStorageContract, StorageContract
from lithops.testing.storage.fixtures import content, read
from lithops_ibm.config import CosConfig
from lithops_ibm.storage import CosStorage

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "cos-hmac-hunter2"
API_KEY = "ibm-api-key-hunter2"
INSTANCE = "crn:v1:bluemix:public:cloud-object-storage:global:a/1:2::"


@pytest.fixture(scope="session")
def iam() -> Iterator[Server]:
    with running([sys.executable, "-P", str(HERE / "ibm_iam_server.py"), "{port}", API_KEY]) as server:
        yield server


def opened(endpoint: str, secret: str = SECRET) -> CosStorage:
    return CosStorage(
        CosConfig(endpoint=endpoint, region="us-east-1", access_key_id=KEY, secret_access_key=Secret(secret))
    )


class TestCosByHmac(S3Fixtures, StorageContract):
    very_many_keys = 0  # the same code lists them for Amazon's SDK
    secrets = (KEY, SECRET)

    @pytest.fixture
    def backend(self, moto: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageBackend]:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)  # IBM's fork looks there too
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        with closing(opened(moto.url)) as backend:
            yield backend


class TestCosByApiKey(S3HttpAnswers, S3Fixtures, HttpStorageContract):
    """The same store by the other kind of key. Here a wrong one is really refused: IAM gives no token."""

    secrets = (API_KEY, "wrong-hunter2")

    @pytest.fixture(autouse=True)
    def _iam(self, iam: Server) -> None:
        self.iam_url = iam.url

    def connect(self, endpoint: str) -> StorageBackend:
        return self.connect_with(endpoint, API_KEY)

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return self.connect_with(endpoint, "wrong-hunter2")

    def test_a_big_object_is_whole_by_token(self, direct: StorageBackend, bucket: str) -> None:
        whole = content(self.big_bytes)
        direct.put(bucket, "big", whole, if_absent=True)
        with pytest.raises(ObjectExistsError):
            direct.put(bucket, "big", whole, if_absent=True)
        assert read(direct, bucket, "big") == whole

    def connect_with(self, endpoint: str, key: str) -> StorageBackend:
        return CosStorage(
            CosConfig(
                endpoint=endpoint,
                region="us-east-1",
                iam_api_key=Secret(key),
                service_instance_id=INSTANCE,
                ibm_auth_endpoint=f"{self.iam_url}/identity/token",
            )
        )

    @pytest.fixture
    def upstream(self, moto: Server) -> str:
        return moto.url
