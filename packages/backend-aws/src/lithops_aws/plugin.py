"""What Lithops learns of this package before it needs it: names and where the classes are. No SDK is imported."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_compute_backends", "lithops_storage_backends"]


@hookimpl
def lithops_compute_backends() -> list[BackendInfo]:
    """Describe the functions."""
    return [
        BackendInfo(
            name="aws_lambda",
            factory="lithops_aws.compute:LambdaCompute",
            config="lithops_aws.compute.config:LambdaConfig",
            summary="functions on AWS Lambda",
            mode="serverless",
            default_storage="aws_s3",
            provider="aws",
            extra="lithops-backend-aws",
            spi_version=1,
        )
    ]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    """Describe the store."""
    return [
        BackendInfo(
            name="aws_s3",
            factory="lithops_aws.storage:AwsS3Storage",
            config="lithops_aws.config:AwsS3Config",
            summary="objects in Amazon S3, or in MinIO, Ceph and others of its dialect by endpoint",
            scheme="s3",
            aliases=("minio", "ceph"),
            provider="aws",
            extra="lithops-backend-aws",
            spi_version=1,
        )
    ]
