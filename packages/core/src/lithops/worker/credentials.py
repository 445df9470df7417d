"""The keys of stores and brokers that this process was entrusted with, since the client's configuration has them.

They are never in a message, a reference or the environment. On this machine an anonymous file, which the client's workers
inherit and nobody else can open, has one line of JSON for each store: lines are only added, so a reader sees whole ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from lithops.types import BrokerRef, StorageRef

__all__ = ["anonymous_file", "entrust", "entrusted", "take_from"]

_NOTHING: Mapping[str, str] = {}
_entrusted: dict[str, Mapping[str, str]] = {}
_source: int | None = None


def anonymous_file() -> int:
    """Make a file without a name, for this user only, and give its descriptor; a child inherits it only when told so."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("lithops-credentials", os.MFD_CLOEXEC)
    import tempfile

    with tempfile.TemporaryFile() as file:  # where memory has no files: one that is unlinked at once
        return os.dup(file.fileno())


def entrust(fd: int, ref: StorageRef, credentials: Mapping[str, str]) -> None:
    """Add the keys of a store to an anonymous file; its last line for a store counts."""
    line = json.dumps([_name(ref), dict(credentials)]).encode() + b"\n"
    os.pwrite(fd, line, os.fstat(fd).st_size)


def take_from(fd: int) -> None:
    """Look for keys in this file from now on. Programs that this process starts do not inherit it."""
    global _source
    os.set_inheritable(fd, False)
    _source = fd


def entrusted(ref: StorageRef | BrokerRef) -> Mapping[str, str]:
    """Give the keys of the store or broker that a reference names; empty when there are none."""
    name = _name(ref)
    if name not in _entrusted and _source is not None:
        whole = os.pread(_source, os.fstat(_source).st_size, 0)
        _entrusted.update(json.loads(line) for line in whole[: whole.rfind(b"\n") + 1].splitlines())
    return _entrusted.get(name, _NOTHING)


def _name(ref: StorageRef | BrokerRef) -> str:
    return json.dumps([ref.factory, dict(ref.options)], sort_keys=True)
