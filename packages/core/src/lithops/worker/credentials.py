"""The keys of stores that this process was entrusted with, since the client's configuration has them.

They are never in a message or a reference: the platform's own way brings them (on this machine, an anonymous file).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from lithops.types import StorageRef

__all__ = ["entrust", "entrusted"]

_NOTHING: Mapping[str, str] = {}
_entrusted: dict[str, Mapping[str, str]] = {}


def entrust(ref: StorageRef, credentials: Mapping[str, str]) -> None:
    """Keep the keys of a store for `entrusted`, in this process only."""
    _entrusted[_name(ref)] = dict(credentials)


def entrusted(ref: StorageRef) -> Mapping[str, str]:
    """Give the keys of the store that a reference names; empty when there are none, and the SDK looks for itself."""
    return _entrusted.get(_name(ref), _NOTHING)


def _name(ref: StorageRef) -> str:
    return json.dumps([ref.factory, dict(ref.options)], sort_keys=True)
