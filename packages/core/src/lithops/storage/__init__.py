"""The user's storage: the same calls on every store. Imported when a name is first used, so that workers start fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops.storage.api import Storage
    from lithops.storage.cloudobject import CloudObject

__all__ = ["CloudObject", "Storage"]


def __getattr__(name: str) -> Any:
    if name == "Storage":
        from lithops.storage.api import Storage

        return Storage
    if name == "CloudObject":
        from lithops.storage.cloudobject import CloudObject

        return CloudObject
    raise AttributeError(f"module 'lithops.storage' has no attribute '{name}'")
