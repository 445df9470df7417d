"""What Lithops learns of this package before it needs it: names and where the classes are. No SDK is imported."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_storage_backends"]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    """Describe the store."""
    return [
        BackendInfo(
            name="gcp_storage",
            factory="lithops_gcp.storage:GcpStorage",
            config="lithops_gcp.config:GcpStorageConfig",
            summary="objects in Google Cloud Storage",
            scheme="gs",
            provider="gcp",
            extra="lithops-backend-gcp",
            spi_version=1,
        )
    ]
