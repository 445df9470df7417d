"""`os` and `open` over the objects of the configured storage: `from lithops.storage.cloud_proxy import os, open`.

Inside a call they work on the storage of its job. `bind` chooses another storage, in this process; `CloudFileProxy`
makes an `os`, with `open` in it, of a storage of its own.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from lithops.storage.proxy_os import CloudFileProxy
from lithops.storage.proxy_path import Pathlike

if TYPE_CHECKING:
    from lithops.storage.api import Storage

__all__ = ["CloudFileProxy", "bind", "open", "os", "remove"]

os = CloudFileProxy()
"""The functions of the standard `os` that make sense for objects."""


def open(  # noqa: A001 - it stands for the standard one
    path: Pathlike,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> IO[Any]:
    """Open an object as a file: see `CloudFileProxy.open`."""
    return os.open(path, mode, buffering, encoding, errors, newline)


def remove(path: Pathlike) -> None:
    """Delete an object: see `CloudFileProxy.remove`."""
    os.remove(path)


def bind(storage: Storage | None) -> None:
    """Let `os` and `open` of this module work on another storage, in this process; None is the configured one."""
    os.bind(storage)
