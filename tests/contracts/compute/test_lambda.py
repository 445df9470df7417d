"""The Lambda backend passes the compute kit on the local Lambda: by replies, and by events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_executors import home, local_lambda
from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda

from lithops.config import Secret
from lithops.spi.compute import ComputeBackend
from lithops.spi.storage import StorageBackend
from lithops.testing import ComputeContract, ComputeEventContract
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops_aws.compute import LambdaCompute
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage

__all__ = ["home", "local_lambda"]


@pytest.fixture(scope="module")
def keys(local_lambda: LocalLambda, home: Path) -> Iterator[dict[str, Any]]:  # noqa: ARG001 - it changes the environment
    secret = local_lambda.environment()["AWS_SECRET_ACCESS_KEY"]
    with pytest.MonkeyPatch.context() as patch:  # the kit opens the store by its reference, as workers do
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        yield {
            "region": REGION,
            "endpoint": local_lambda.url,
            "access_key_id": KEY,
            "secret_access_key": Secret(secret),
        }


@pytest.fixture(scope="module")
def opened(keys: dict[str, Any]) -> Iterator[AwsS3Storage]:
    store = AwsS3Storage(AwsS3Config(**keys))
    yield store
    store.close()


@pytest.fixture(scope="module")
def one_bucket(opened: AwsS3Storage) -> str:
    name = f"contract-{uuid4().hex[:12]}"
    opened.create_bucket(name)
    return name


class OnLocalLambda(ComputeFixtures):
    """Small enough for two processors: each sandbox is a process, and each test has a backend of its own."""

    threads: ClassVar[int] = 4
    keeps_memory: ClassVar[bool] = True
    is_stand_in_here: ClassVar[bool] = True
    big_bytes: ClassVar[int] = 1 << 19

    @pytest.fixture
    def backend(self, local_lambda: LocalLambda, keys: dict[str, Any]) -> ComputeBackend:
        local_lambda.wait_until_idle()
        return LambdaCompute(LambdaConfig(**keys, execution_role=local_lambda.role_arn, max_workers=6))

    @pytest.fixture
    def store(self, opened: AwsS3Storage) -> StorageBackend | None:
        return opened

    @pytest.fixture
    def bucket(self, store: StorageBackend | None, one_bucket: str) -> Iterator[str]:
        yield one_bucket  # noqa: PT022 - as the kit's own


class TestLambdaByReplies(OnLocalLambda, ComputeContract):
    pass


class TestLambdaByEvents(OnLocalLambda, ComputeEventContract):
    pass
