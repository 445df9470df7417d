"""The part of the file system that moves data: reads, writes and copies; those of many files by many threads."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from fsspec.callbacks import DEFAULT_CALLBACK, NoOpCallback
from fsspec.utils import isfilelike

from lithops.errors import NotSupportedError, StorageNoSuchKeyError
from lithops.storage.fs_files import LithopsFile
from lithops.storage.fs_lookups import FileSystemLookups
from lithops.storage.fs_objects import CountedFile, download, read_into, read_part
from lithops.storage.parallel import in_threads
from lithops.storage.retrying import RetryingStorage
from lithops.types import Buffer

__all__ = ["FileSystemTransfers"]

Task: TypeAlias = Callable[[RetryingStorage], None]

_COPIED_WHOLE_BYTES = 8 << 20
_MODES = {"overwrite": "wb", "create": "xb"}


class FileSystemTransfers(FileSystemLookups):
    """What moves data. A verb on many files works in up to `threads` threads, unless a callback counts its steps."""

    threads: int

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """Read a file, or what the slice `[start:end]` of its bytes would give. Raises `FileNotFoundError`."""
        return read_part(self.store, *self._object(path), start, end)

    def cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """Read files: the bytes of one that is named, or a dict of them. `on_error` is `raise`, `omit` or `return`."""
        paths = self.expand_path(path)
        if recursive:
            paths = sorted({name for one in paths for name in self.find(one)})
            if not paths:
                raise FileNotFoundError(errno.ENOENT, "there is nothing to read: check the path", str(path))
        elif len(paths) == 1 and not isinstance(path, list) and paths[0] == self._strip_protocol(path):
            return self.cat_file(paths[0], **kwargs)
        parts = [(one, kwargs.get("start"), kwargs.get("end")) for one in paths]
        answers = zip(paths, self._read(parts, raises=on_error == "raise"), strict=True)
        return {name: got for name, got in answers if on_error == "return" or not isinstance(got, Exception)}

    def cat_ranges(
        self,
        paths: Sequence[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[Any]:
        """Read a range of each path; `on_error` is `return` (the exception, in its place) or `raise`."""
        if max_gap is not None:
            raise NotSupportedError(
                "cannot merge ranges by 'max_gap': leave it out; each range is a request of its own"
            )
        starts, ends = (one if isinstance(one, (list, tuple)) else [one] * len(paths) for one in (starts, ends))
        return self._read(list(zip(paths, starts, ends, strict=True)), raises=on_error == "raise")

    def get_file(
        self, rpath: str, lpath: Any = None, callback: Any = DEFAULT_CALLBACK, outfile: Any = None, **kwargs: Any
    ) -> None:
        """Write a file's content as a local file, whole or not at all; a folder makes a local folder.

        `outfile`, or an `lpath` that is an open file, gets the bytes instead.
        """
        if outfile is None and isfilelike(lpath):
            outfile = lpath
        if outfile is None and self._is_seen_folder(rpath):
            os.makedirs(lpath, exist_ok=True)
            return
        self._do(lambda store: self._download(store, rpath, lpath, callback, outfile))

    def get(
        self, rpath: Any, lpath: Any, recursive: bool = False, callback: Any = DEFAULT_CALLBACK, **kwargs: Any
    ) -> None:
        """Write files as local files: see fsspec."""
        with self._gathering(callback):
            super().get(rpath, lpath, recursive=recursive, callback=callback, **kwargs)

    def pipe_file(self, path: str, value: Buffer, mode: str = "overwrite", **kwargs: Any) -> None:
        """Write bytes as a file; with the mode `create` raises `FileExistsError` when it exists, also in a race."""
        self._do(lambda store: self._write(store, path, value, mode))

    def pipe(self, path: Any, value: Buffer | None = None, **kwargs: Any) -> None:
        """Write bytes as a file, or a dict of paths and bytes as files."""
        if isinstance(path, Mapping):
            with self._gathering(DEFAULT_CALLBACK):
                for name, data in path.items():
                    self.pipe_file(name, data, **kwargs)
        elif isinstance(path, (str, os.PathLike)) and value is not None:
            self.pipe_file(self._strip_protocol(path), value, **kwargs)
        else:
            raise ValueError(f"cannot write to {path!r}: give a path and bytes, or a dict of paths and bytes")

    def put_file(
        self, lpath: Any, rpath: str, callback: Any = DEFAULT_CALLBACK, mode: str = "overwrite", **kwargs: Any
    ) -> None:
        """Write a local file's content as a file; of a local folder there is nothing to write."""
        if not os.path.isdir(lpath):
            self._do(lambda store: self._upload(store, lpath, rpath, callback, mode))

    def put(
        self, lpath: Any, rpath: Any, recursive: bool = False, callback: Any = DEFAULT_CALLBACK, **kwargs: Any
    ) -> None:
        """Write local files as files: see fsspec."""
        with self._gathering(callback):
            super().put(lpath, rpath, recursive=recursive, callback=callback, **kwargs)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy a file, through this client, in bounded memory; of a folder there is nothing to copy."""
        if not self._is_seen_folder(path1):
            self._do(lambda store: self._copy(store, path1, path2))

    def copy(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        on_error: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Copy files: see fsspec. With `recursive` one that vanishes meanwhile is ignored, unless `on_error` is `raise`."""
        ignores = on_error == "ignore" or (on_error is None and recursive)
        with self._gathering(DEFAULT_CALLBACK, ignores_missing=ignores):
            super().copy(path1, path2, recursive=recursive, maxdepth=maxdepth, on_error=on_error, **kwargs)

    def _do(self, task: Task) -> None:
        """Do something with one object: now, or with all that this thread gathers."""
        tasks: list[Task] | None = getattr(self._gathered, "tasks", None)
        if tasks is None:
            task(self.store)
        else:
            tasks.append(task)

    @contextmanager
    def _gathering(self, callback: Any, *, ignores_missing: bool = False) -> Iterator[None]:
        """Let fsspec decide what is to be done for each file, then do all of it in threads."""
        if self._intrans or not isinstance(callback, NoOpCallback):
            yield
            return
        tasks: list[Task] = []
        self._gathered.tasks, self._gathered.seen = tasks, {}
        try:
            yield
        finally:
            self._gathered.tasks = self._gathered.seen = None

        def run(store: RetryingStorage, task: Task) -> None:
            try:
                task(store)
            except FileNotFoundError:
                if not ignores_missing:
                    raise

        in_threads(self.store, tasks, run, threads=self.threads)

    def _is_seen_folder(self, path: str) -> bool:
        seen = self._seen().get(self._strip_protocol(path))
        return seen is not None and seen["type"] == "directory"

    def _object(self, path: str) -> tuple[str, str]:
        bucket, key = self.split(path)
        if not key:
            raise IsADirectoryError(errno.EISDIR, "this is no file but a bucket: name an object in it", path)
        return bucket, key

    def _read(self, parts: Sequence[tuple[str, int | None, int | None]], *, raises: bool) -> list[Any]:
        def read(store: RetryingStorage, part: tuple[str, int | None, int | None]) -> Any:
            path, start, end = part
            try:
                return read_part(store, *self._object(path), start, end)
            except Exception as exc:  # of the store or its SDK
                if raises:
                    raise
                return exc

        return in_threads(self.store, parts, read, threads=self.threads)

    def _write(self, store: RetryingStorage, path: str, value: Buffer, mode: str) -> None:
        bucket, key = self._object(path)
        if self._intrans:
            with self.open(path, _MODES[mode]) as file:
                file.write(value)
        else:
            store.put(bucket, key, value, if_absent=_MODES[mode] == "xb")

    def _upload(self, store: RetryingStorage, lpath: Any, rpath: str, callback: Any, mode: str) -> None:
        bucket, key = self._object(rpath)
        with CountedFile(lpath, callback) as local:
            if self._intrans:
                with self.open(rpath, _MODES[mode]) as file:
                    shutil.copyfileobj(local, file, 1 << 20)
            else:
                store.put(bucket, key, local, if_absent=_MODES[mode] == "xb")

    def _download(self, store: RetryingStorage, rpath: str, lpath: Any, callback: Any, outfile: Any) -> None:
        bucket, key = self.split(rpath)
        try:
            if not key:
                raise StorageNoSuchKeyError(bucket, key)
            if not isinstance(callback, NoOpCallback):
                callback.set_size(store.head(bucket, key).size_bytes)
            if outfile is None:
                download(store, bucket, key, lpath, callback)
            else:
                read_into(store, bucket, key, outfile, callback)
        except StorageNoSuchKeyError:
            if outfile is not None or not self._has_folder(store, bucket, key):
                raise
            os.makedirs(lpath, exist_ok=True)

    def _copy(self, store: RetryingStorage, path1: str, path2: str) -> None:
        (bucket, key), target = self.split(path1), self._object(path2)
        try:
            if not key:
                raise StorageNoSuchKeyError(bucket, key)
            with store.get(bucket, key) as stream:
                whole = stream.read(_COPIED_WHOLE_BYTES)
                is_whole = not stream.read(1)
        except StorageNoSuchKeyError:
            if not self._has_folder(store, bucket, key):
                raise
            return
        if is_whole:
            store.put(*target, whole)
            return
        del whole
        with LithopsFile(self, path1, "rb", block_size=_COPIED_WHOLE_BYTES) as body:
            store.put(*target, body)  # it can seek: what fails is tried again

    def _has_folder(self, store: RetryingStorage, bucket: str, key: str) -> bool:
        if not key:
            return bool(bucket) and store.has_bucket(bucket)
        return next(store.list(bucket, f"{key}/"), None) is not None
