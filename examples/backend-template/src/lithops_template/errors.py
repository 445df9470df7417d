"""The exceptions of the platform, as Lithops' own: the engine tries again what is `retryable`."""

import sqlite3

from lithops.errors import BackendError, ObjectExistsError, StorageError, StorageFullError, ThrottledError


def compute_error(exc: OSError) -> BackendError:
    kind = ThrottledError if isinstance(exc, BlockingIOError) else BackendError  # too many processes
    return kind(f"cannot start a process: {exc}; set a smaller 'max_workers', or free memory and disk")


def storage_error(exc: sqlite3.Error | UnicodeError, bucket: str) -> StorageError:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # without its details: sqlite.org/rescode.html
    kinds = {sqlite3.SQLITE_CONSTRAINT: ObjectExistsError, sqlite3.SQLITE_FULL: StorageFullError}
    return kinds.get(code, StorageError)(f"cannot use bucket '{bucket}': {exc}; check the key, the disk, and 'root'")
