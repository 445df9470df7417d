"""Amazon's SDK and its store keep the contract, against moto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.contracts.storage.s3_contract import S3Fixtures, S3HttpAnswers
from tests.contracts.storage.s3_contract import moto as moto
from tests.emulators.servers import Server

from lithops.config import Secret
from lithops.spi.storage import StorageBackend
from lithops.testing import HttpStorageContract, StorageContract
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage

KEY = "AKIATESTTESTTESTTEST"
SECRET = "wJalrXUtnFEMI-hunter2"


def opened(endpoint: str, secret: str = SECRET) -> AwsS3Storage:
    return AwsS3Storage(
        AwsS3Config(endpoint=endpoint, region="us-east-1", access_key_id=KEY, secret_access_key=Secret(secret))
    )


class TestAwsS3(S3Fixtures, StorageContract):
    secrets = (KEY, SECRET)

    @pytest.fixture
    def backend(self, moto: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageBackend]:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)  # as a platform gives it to its workers
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        with closing(opened(moto.url)) as backend:
            yield backend


class TestAwsS3ByHttp(S3HttpAnswers, S3Fixtures, HttpStorageContract):
    denies = False
    secrets = (KEY, SECRET, "wrong-hunter2")

    @pytest.fixture
    def upstream(self, moto: Server) -> str:
        return moto.url

    def connect(self, endpoint: str) -> StorageBackend:
        return opened(endpoint)

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return opened(endpoint, "wrong-hunter2")
