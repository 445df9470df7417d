"""What Lithops learns of this package before it needs it: names, and where the classes are. Imports no more."""

from __future__ import annotations

from lithops.spi.hooks import BackendInfo, hookimpl

__all__ = ["lithops_compute_backends", "lithops_storage_backends"]

_CONFIG = "lithops_template.config:TemplateConfig"


@hookimpl
def lithops_compute_backends() -> list[BackendInfo]:
    """Describe the compute backend."""
    return [
        BackendInfo(
            name="template",
            factory="lithops_template.compute:TemplateCompute",
            config=_CONFIG,
            summary="a process for each call",
            default_storage="template",
        )
    ]


@hookimpl
def lithops_storage_backends() -> list[BackendInfo]:
    """Describe the storage backend."""
    factory = "lithops_template.storage:TemplateStorage"
    return [BackendInfo(name="template", factory=factory, config=_CONFIG, summary="files of SQLite")]
