"""What Lithops learns of this package before it needs it: names and where the classes are. No SDK is imported."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_storage_backends"]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    """Describe the store."""
    return [
        BackendInfo(
            name="ibm_cos",
            factory="lithops_ibm.storage:CosStorage",
            config="lithops_ibm.config:CosConfig",
            summary="objects in IBM Cloud Object Storage",
            scheme="cos",
            provider="ibm",
            extra="lithops-backend-ibm",
            spi_version=1,
        )
    ]
