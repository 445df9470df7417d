"""What Lithops learns of this package before it needs it: names, modes, and where the classes are."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_compute_backends", "lithops_storage_backends"]

_CONFIG = "lithops_localhost.config:LocalhostConfig"  # one section serves both


@hookimpl
def lithops_compute_backends() -> list[BackendInfo]:
    """Describe the pool of worker processes of this machine."""
    return [
        BackendInfo(
            name="localhost",
            factory="lithops_localhost.compute:LocalhostCompute",
            config=_CONFIG,
            summary="worker processes on this machine",
            mode="localhost",
            default_storage="localhost",
            spi_version=1,
        )
    ]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    """Describe the store in local files."""
    return [
        BackendInfo(
            name="localhost",
            factory="lithops_localhost.storage:LocalhostStorage",
            config=_CONFIG,
            summary="files of this machine",
            mode="localhost",
            spi_version=1,
        )
    ]
