"""A reference to an object that travels between calls."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CloudObject"]


@dataclass(frozen=True, slots=True)
class CloudObject:
    """An object of a store, by name. `backend` is the store's name; "" is the configured one."""

    backend: str
    bucket: str
    key: str
