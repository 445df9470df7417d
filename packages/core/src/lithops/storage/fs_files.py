"""The open files of the file system: one object, read in blocks or written whole at the end.

reading:  read(n) -> cache of fsspec -> blocks by ranged gets, all of one version of the object
writing:  write(b) -> memory, then a temporary file -> close() or the transaction's end -> one put
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractBufferedFile

from lithops.errors import ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.types import Span

if TYPE_CHECKING:
    from lithops.spi.storage import StorageBackend
    from lithops.storage.fs import LithopsFileSystem

__all__ = ["LithopsFile", "layered"]

_IN_MEMORY_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20


class LithopsFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A binary file of modes `rb`, `wb`, `xb` or `ab`; not thread-safe.

    Reading raises `StorageError` once the object was overwritten. What was written becomes the object when the file is
    closed, or in a transaction at its end; nothing does after an exception within its `with`, or when it is never
    closed.
    """

    closed: bool  # a property of fsspec's class

    def __init__(
        self,
        fs: LithopsFileSystem,
        path: str,
        mode: str,
        *,
        block_size: int,
        autocommit: bool = True,
        cache_type: str = "readahead",
        cache_options: Mapping[str, Any] | None = None,
        size: int | None = None,
        etag: str | None = None,
    ) -> None:
        self._bucket, self._key = fs.split(path)
        self._etag = etag
        self._has_ended = False
        self._spool: tempfile.SpooledTemporaryFile[bytes] | None = None
        if mode not in ("rb", "wb", "xb", "ab"):
            raise ValueError(
                f"cannot open '{path}' in mode '{mode}': an object is read, or written anew; take r, w, x or a"
            )
        if not self._key:
            raise IsADirectoryError(f"cannot open '{path}': it is a bucket; name an object in it")
        if mode == "rb" and size is None:
            info = fs.info(path)
            if info["type"] == "directory":
                raise IsADirectoryError(f"cannot open '{path}': it is a folder; name an object in it")
            self._details, size, self._etag = info, info["size"], info["etag"]
        if mode == "xb" and _exists(fs.store, self._bucket, self._key):
            raise ObjectExistsError(f"cannot create '{path}': it exists; delete it first, or open it with mode 'w'")
        self._is_new = mode == "xb"
        mode = mode.replace("x", "w")  # which fsspec knew before 2024.12
        super().__init__(
            fs, path, mode, block_size, autocommit, cache_type=cache_type, cache_options=cache_options, size=size
        )
        if mode == "rb":
            self.kwargs = {"etag": self._etag}  # what a pickled copy is opened with
        else:
            self._spool = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  # lives as long as the file
        if mode == "ab":
            self.loc = self._read_old()

    def write(self, data: Any) -> int:
        """Append bytes."""
        if self.closed or self._spool is None:
            raise ValueError(f"cannot write to '{self.path}': it is closed, or open for reading")
        count = self._spool.write(data)
        self.loc += count
        return count

    def flush(self, force: bool = False) -> None:
        """Do nothing: an object has no parts that others could see."""
        if self.closed:
            raise ValueError(f"cannot flush '{self.path}': it is closed")

    def close(self) -> None:
        """Write the object, unless it is part of a transaction, which writes it later. Idempotent."""
        if self.closed:
            return
        if self._spool is None:
            super().close()
            return
        self.closed = True
        if self._has_ended:
            self._spool.close()
        elif self.autocommit:
            self.commit()

    def commit(self) -> None:
        """Write the object now; does nothing after `discard`."""
        self.closed = True
        if self._has_ended or self._spool is None:
            return
        self._has_ended = True
        with self._spool as spool:
            spool.seek(0)
            self.fs.store.put(self._bucket, self._key, spool, if_absent=self._is_new)
        self.fs.invalidate_cache(self.path)

    def discard(self) -> None:
        """Write no object, whatever comes. Idempotent."""
        self._has_ended = True
        if self.closed and self._spool is not None:
            self._spool.close()

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __hash__(self) -> int:
        return id(self) if self.mode != "rb" else int(super().__hash__())

    def abandon(self) -> None:
        """Discard, and warn about it, what nobody can close any more."""
        if not self.closed and self._spool is not None and not self._has_ended:
            self.discard()
            message = f"the file '{self.path}' was never closed: it is not written; close it, or use `with`"
            warnings.warn(message, ResourceWarning, stacklevel=2)

    def __del__(self) -> None:
        self.abandon()
        self.close()

    def _fetch_range(self, start: int, end: int) -> bytes:
        store = self.fs.store  # a block is read again as a whole: by the policy, and not by a stream that resumes
        data: bytes = store.policy.run(store.inner, lambda: self._read_block(store.inner, Span(start, end)))
        return data

    def _read_block(self, store: StorageBackend, span: Span) -> bytes:
        with closing(store.get(self._bucket, self._key, span=span)) as stream:
            etag = getattr(stream, "etag", None)
            data = b"".join(iter(lambda: stream.read(_CHUNK_BYTES), b""))
        if etag is None and self._etag is not None:
            etag = store.head(self._bucket, self._key).etag
        if self._etag is None:
            self._etag = self.kwargs["etag"] = etag
        if etag != self._etag:
            raise StorageError(
                f"cannot read on in '{self.path}': it was overwritten after it was opened; open it again"
            )
        return data

    def _read_old(self) -> int:
        """Take over what the object has."""
        assert self._spool is not None
        try:
            with self.fs.store.get(self._bucket, self._key) as old:
                while chunk := old.read(_CHUNK_BYTES):
                    self._spool.write(chunk)
        except StorageNoSuchKeyError:
            return 0
        except BaseException:
            self.discard()
            self.close()
            raise
        return self._spool.tell()


def layered(file: LithopsFile, *, compress: Any = None, text: Mapping[str, Any] | None = None) -> Any:
    """Put a compression, and then text, on a file for writing; what is on top closes and discards all of it."""
    top: Any = file
    if compress is not None:
        top = _Compressed(compress(file, mode="a" if file.mode == "ab" else "w"), file)
    return top if text is None else _Text(top, file, text)


class _Compressed(io.RawIOBase):
    def __init__(self, packer: Any, file: LithopsFile) -> None:
        self._packer = packer
        self._file = file

    def writable(self) -> bool:
        return not self.closed

    def write(self, data: Any, /) -> int:
        self._packer.write(data)
        return memoryview(data).nbytes

    def close(self) -> None:
        if self.closed:
            return
        try:
            self._packer.close()
        except BaseException:
            self._file.discard()
            raise
        finally:
            super().close()
            self._file.close()

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is not None:
            self._file.discard()
        self.close()

    def __del__(self) -> None:
        self._file.abandon()
        self.close()


class _Text(io.TextIOWrapper):
    def __init__(self, binary: Any, file: LithopsFile, options: Mapping[str, Any]) -> None:
        self._file = file
        super().__init__(binary, **options)

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is not None:
            self._file.discard()
        self.close()

    def __del__(self) -> None:
        self._file.abandon()
        self.close()


def _exists(store: StorageBackend, bucket: str, key: str) -> bool:
    try:
        store.head(bucket, key)
    except StorageNoSuchKeyError:
        return False
    return True
