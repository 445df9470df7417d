"""The exceptions of the platform, as Lithops' own: the engine tries again what is `retryable`."""

from __future__ import annotations

from errno import EAGAIN, EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC

from lithops.errors import AccessDeniedError, BackendError, StorageError, StorageFullError, ThrottledError

__all__ = ["compute_error", "storage_error"]


def compute_error(exc: OSError) -> BackendError:
    """Translate what the system says when it cannot start a process."""
    if exc.errno in (EAGAIN, ENOMEM, EMFILE, ENFILE):
        return ThrottledError(f"cannot start a worker now: {exc}; set a smaller 'max_workers' in section 'template'")
    return BackendError(f"cannot start a worker: {exc}; check that '{exc.filename}' can be run and written")


def storage_error(exc: OSError, what: str) -> StorageError | AccessDeniedError:
    """Translate what the system says of a file; `what` was tried."""
    if exc.errno in (ENOSPC, EDQUOT):
        return StorageFullError(f"cannot {what}: {exc}; free some room, or set 'root' in section 'template'")
    if isinstance(exc, PermissionError):
        return AccessDeniedError(f"cannot {what}: {exc}; set 'root' in section 'template' to a folder of your own")
    return StorageError(f"cannot {what}: {exc}; check the folder that 'root' names in section 'template'")
