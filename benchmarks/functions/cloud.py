"""The local Lambda as the benchmark uses it, and the configuration of an executor that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda

from lithops.config import Secret
from lithops.spi.compute import RuntimeSpec
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.deploy_zip import zip_of
from lithops_aws.config import AwsS3Config
from lithops_aws.storage import AwsS3Storage

__all__ = ["BUCKET", "keys_of", "lambda_config", "opened_store", "runtime_zip", "settings", "small_function"]

BUCKET = "lithops-bench"
WORKERS = 16


def keys_of(cloud: LocalLambda, endpoint: str | None = None) -> dict[str, str]:
    """Give what the section `aws` needs. `endpoint`: another server in front of the local Lambda."""
    return {
        "region": REGION,
        "endpoint": endpoint or cloud.url,
        "access_key_id": KEY,
        "secret_access_key": cloud.environment()["AWS_SECRET_ACCESS_KEY"],
    }


def settings(cloud: LocalLambda, *, endpoint: str | None = None, **keys: Any) -> dict[str, Any]:
    """Give the configuration of an executor. `keys` are those of the section `aws_lambda`."""
    return {
        "lithops": {"backend": "aws_lambda", "storage": "aws_s3"},
        "aws": keys_of(cloud),
        "aws_s3": {"storage_bucket": BUCKET},
        "aws_lambda": {
            "execution_role": cloud.role_arn,
            "max_workers": WORKERS,
            **({"endpoint": endpoint} if endpoint else {}),
            **keys,
        },
    }


def opened_store(cloud: LocalLambda) -> closing[AwsS3Storage]:
    """Open the store of the configuration, as the executor does."""
    return closing(AwsS3Storage(AwsS3Config(**_typed(keys_of(cloud)))))


def lambda_config(cloud: LocalLambda, endpoint: str | None = None) -> LambdaConfig:
    """Give the checked section `aws_lambda`."""
    return LambdaConfig(**_typed(keys_of(cloud, endpoint)), execution_role=cloud.role_arn)


def runtime_zip(cloud: LocalLambda) -> Path:
    """Build the default runtime, unless the home folder has it."""
    return zip_of(RuntimeSpec("default", LambdaConfig().runtime_memory), lambda_config(cloud))


def small_function() -> Callable[[int], int]:
    """Make a function as a user's program has it, which travels by value and needs no modules."""

    def add_one(number: int) -> int:
        return number + 1

    add_one.__module__ = "__main__"
    return add_one


def _typed(keys: Mapping[str, str]) -> dict[str, Any]:
    return {**keys, "secret_access_key": Secret(keys["secret_access_key"])}
