"""The Lambda backend passes the compute kit on the local Lambda: by replies, and by events.

Lambda cannot cancel: calls that a test leaves behind run on. Tests that do so have a server of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_executors import home, local_lambda
from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda, running_lambda

from lithops.config import Secret
from lithops.spi.compute import ComputeBackend
from lithops.spi.storage import StorageBackend
from lithops.testing import ComputeContract, ComputeEventContract
from lithops.testing.compute.closing import ClosingTests
from lithops.testing.compute.fixtures import ComputeFixtures
from lithops_aws.compute import LambdaCompute
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage

__all__ = ["home", "local_lambda"]

LEAVES_CALLS = {
    one.__name__
    for one in (
        ClosingTests.test_closing_in_the_middle_of_calls_is_bounded_and_leaves_nothing,
        ClosingTests.test_starts_that_race_with_the_end_are_refused_or_end,
    )
}


@dataclass(frozen=True, slots=True)
class Place:
    """A server, its store, and a bucket there."""

    cloud: LocalLambda
    store: AwsS3Storage
    bucket: str


def keys(cloud: LocalLambda) -> dict[str, Any]:
    secret = Secret(cloud.environment()["AWS_SECRET_ACCESS_KEY"])
    return {"region": REGION, "endpoint": cloud.url, "access_key_id": KEY, "secret_access_key": secret}


@contextmanager
def opened(cloud: LocalLambda) -> Iterator[Place]:
    with closing(AwsS3Storage(AwsS3Config(**keys(cloud)))) as store:
        name = f"contract-{uuid4().hex[:12]}"
        store.create_bucket(name)
        yield Place(cloud, store, name)


@pytest.fixture(scope="module")
def shared_place(local_lambda: LocalLambda, home: Path) -> Iterator[Place]:  # noqa: ARG001 - it changes the environment
    with pytest.MonkeyPatch.context() as patch:  # the kit opens the store by its reference, as workers do
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", local_lambda.environment()["AWS_SECRET_ACCESS_KEY"])
        with opened(local_lambda) as place:
            yield place


class OnLocalLambda(ComputeFixtures):
    """Small enough for two processors: each sandbox is a process, and each test has a backend of its own."""

    threads: ClassVar[int] = 4
    keeps_memory: ClassVar[bool] = True
    is_stand_in_here: ClassVar[bool] = True
    big_bytes: ClassVar[int] = 1 << 19

    @pytest.fixture
    def place(self, request: pytest.FixtureRequest, shared_place: Place) -> Iterator[Place]:
        if request.function.__name__ in LEAVES_CALLS:
            with running_lambda() as cloud, opened(cloud) as place:
                yield place
        else:
            shared_place.cloud.end()  # what a test that failed has left
            yield shared_place

    @pytest.fixture
    def backend(self, place: Place) -> ComputeBackend:
        role = place.cloud.role_arn
        return LambdaCompute(LambdaConfig(**keys(place.cloud), execution_role=role, max_workers=6))

    @pytest.fixture
    def store(self, place: Place) -> StorageBackend | None:
        return place.store

    @pytest.fixture
    def bucket(self, place: Place) -> Iterator[str]:
        yield place.bucket  # noqa: PT022 - as the kit's own


class TestLambdaByReplies(OnLocalLambda, ComputeContract):
    pass


class TestLambdaByEvents(OnLocalLambda, ComputeEventContract):
    pass
