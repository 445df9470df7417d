"""The file system over S3, against moto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar

import pytest
from tests.contracts.fs.fs_contract import FileSystemContract
from tests.contracts.storage.s3_contract import moto as moto
from tests.emulators.servers import Server

from lithops.config import Secret
from lithops.spi.storage import StorageBackend
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage


@pytest.fixture(scope="module")
def store(moto: Server) -> Iterator[AwsS3Storage]:
    config = AwsS3Config(endpoint=moto.url, region="us-east-1", access_key_id="key", secret_access_key=Secret("secret"))
    with closing(AwsS3Storage(config)) as opened:
        opened.create_bucket(FileSystemContract.bucket)
        yield opened


class TestAws(FileSystemContract):
    pattern_step: ClassVar = 5

    @pytest.fixture
    def backend(self, store: AwsS3Storage) -> StorageBackend:
        return store
