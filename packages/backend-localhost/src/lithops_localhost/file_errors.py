"""Turn what the operating system says of a file into our errors."""

from __future__ import annotations

import errno
import os
from types import TracebackType

from lithops.errors import AccessDeniedError, LithopsError, StorageError, StorageFullError, TransientError

__all__ = ["explained"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM}
_MAY_PASS = {errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.EAGAIN, errno.ENOMEM}


class explained:  # noqa: N801 - reads as a statement: `with explained("write", what):`
    """Raise ours for an `OSError` of the block. `action` and `what` go into the message."""

    __slots__ = ("action", "what")

    def __init__(self, action: str, what: str) -> None:
        self.action = action
        self.what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, exc: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(exc, OSError) and not isinstance(exc, LithopsError):
            place = f" ('{os.fsdecode(exc.filename)}')" if isinstance(exc.filename, (str, bytes)) else ""
            raise _translated(exc, f"cannot {self.action} {self.what}: {exc.strerror or exc}{place}") from exc


def _translated(exc: OSError, said: str) -> LithopsError:
    if exc.errno in _FULL:
        return StorageFullError(f"{said}: free some space, or set 'storage_root' to a folder on a larger disk")
    if exc.errno in _DENIED:
        return AccessDeniedError(f"{said}: check who owns the folder of 'storage_root', and its permissions")
    if exc.errno in _MAY_PASS:
        return TransientError(f"{said}: try again, with fewer files open at once")
    return StorageError(f"{said}: check the folder of 'storage_root'")
