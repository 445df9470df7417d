"""What Lithops learns of this package before it needs it: names and where the classes are. No SDK is imported."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_storage_backends"]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    """Describe the store."""
    return [
        BackendInfo(
            name="aliyun_oss",
            factory="lithops_aliyun.storage:OssStorage",
            config="lithops_aliyun.config:OssConfig",
            summary="objects in Alibaba Cloud OSS",
            scheme="oss",
            provider="aliyun",
            extra="lithops-backend-aliyun",
            spi_version=1,
        )
    ]
