"""The exceptions of the platform, as Lithops' own: the engine tries again what is `retryable`."""

from __future__ import annotations

import errno
import sqlite3

from lithops.errors import (
    BackendError,
    LithopsError,
    ObjectExistsError,
    StorageError,
    StorageFullError,
    ThrottledError,
    TransientError,
)

__all__ = ["compute_error", "storage_error"]


def compute_error(exc: OSError) -> BackendError:
    """Translate what the system says when it cannot start a process."""
    if exc.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return ThrottledError(f"cannot start a worker now: {exc}; set a smaller 'max_workers' in section 'template'")
    return BackendError(f"cannot start a worker: {exc}; check the temporary folder and the permissions")


def storage_error(exc: sqlite3.Error, bucket: str) -> LithopsError:
    """Translate what SQLite says."""
    match getattr(exc, "sqlite_errorcode", 0) & 0xFF:  # the primary code: sqlite.org/rescode.html
        case sqlite3.SQLITE_CONSTRAINT:
            return ObjectExistsError(f"cannot create an object in bucket '{bucket}': it exists")
        case sqlite3.SQLITE_FULL:
            return StorageFullError(f"cannot write to bucket '{bucket}': {exc}; free some room on its disk")
        case sqlite3.SQLITE_BUSY:
            return TransientError(f"cannot use bucket '{bucket}': {exc}; others use it, try again")
    return StorageError(f"cannot use bucket '{bucket}': {exc}; check 'root' in section 'template'")
