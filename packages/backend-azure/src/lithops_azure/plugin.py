"""What Lithops learns of this package before it needs it: names and where the classes are. No SDK is imported."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_storage_backends"]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    """Describe the store."""
    return [
        BackendInfo(
            name="azure_storage",
            factory="lithops_azure.storage:AzureStorage",
            config="lithops_azure.config:AzureStorageConfig",
            summary="objects in Azure Blob Storage",
            scheme="az",
            provider="azure",
            extra="lithops-backend-azure",
            spi_version=1,
        )
    ]
