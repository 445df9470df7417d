"""An object as a file to write: kept aside while it is written, and put whole when it is closed."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, BinaryIO, cast

__all__ = ["ObjectWriter", "TextWriter"]

_IN_MEMORY_BYTES = 8 << 20


class ObjectWriter(io.BufferedIOBase):
    """A binary file that `commit` gets, from its start, when it is closed.

    After an exception within its `with`, or when it is never closed, nothing is written. `old` is what it begins with.
    """

    def __init__(self, name: str, commit: Callable[[BinaryIO], object], old: BinaryIO | None = None) -> None:
        self.name = name
        self._commit = commit
        self._spool = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed with this
        self._appends = old is not None
        try:
            while old is not None and (chunk := old.read(1 << 20)):
                self._spool.write(chunk)
        except BaseException:  # of a store or a signal: there is no file then
            self.discard()
            raise

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._check_open()
        if self._appends:
            self._spool.seek(0, io.SEEK_END)
        return self._spool.write(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._check_open()
        return self._spool.seek(offset, whence)

    def tell(self) -> int:
        self._check_open()
        return self._spool.tell()

    def truncate(self, size: int | None = None, /) -> int:
        self._check_open()
        self._spool.truncate(self._spool.tell() if size is None else size)
        return self._spool.tell() if size is None else size

    def discard(self) -> None:
        """Close without writing anything. Idempotent."""
        self._spool.close()
        super().close()

    def close(self) -> None:
        """Write the object. Idempotent; a failure leaves nothing, and is not tried again."""
        if self.closed:
            return
        try:
            self._spool.seek(0)
            self._commit(cast("BinaryIO", self._spool))
        finally:
            self.discard()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        if not self.closed:
            self.discard()
            warnings.warn(f"'{self.name}' was never closed: it was not written", ResourceWarning, 2, source=self)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(f"cannot use '{self.name}': it is closed")


class TextWriter(io.TextIOWrapper):
    """Text above an `ObjectWriter`."""

    def __init__(self, binary: ObjectWriter, encoding: str, errors: str | None, newline: str | None) -> None:
        super().__init__(binary, encoding, errors, newline)
        self._binary = binary

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._binary.discard()
        self.close()

    def __del__(self) -> None:
        if not self._binary.closed:
            self._binary.__del__()
