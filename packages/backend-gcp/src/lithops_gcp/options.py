"""What the store asks of its configuration: it comes from a section, or from a reference in a worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Protocol

from lithops.types import StorageRef

__all__ = ["StorageOptions", "options_of"]

_NAMES = ("storage_bucket", "region", "project_name", "project", "credentials_path", "endpoint")


class StorageOptions(Protocol):
    """The keys that are about storage; `lithops_gcp.config` says what None means."""

    @property
    def storage_bucket(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...
    @property
    def project_name(self) -> str | None: ...
    @property
    def project(self) -> str | None: ...
    @property
    def credentials_path(self) -> str | None: ...
    @property
    def endpoint(self) -> str | None: ...


def options_of(ref: StorageRef) -> StorageOptions:
    """Read the options of a reference; a worker may have no msgspec, which the configuration's struct needs."""
    return SimpleNamespace(**{**dict.fromkeys(_NAMES), **ref.options})
