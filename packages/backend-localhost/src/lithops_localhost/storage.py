"""Storage in local files: a bucket is a folder, an object a file. `file_names` has the layout of the disk.

The folder of `storage_root` and each bucket's own may be symbolic links (to a larger disk); below a bucket, links
are no objects and are not followed. The default bucket always exists: its folder is made by the first write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import BinaryIO, ClassVar, Protocol

from lithops.errors import NoSuchBucketError, ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.types import Buffer, ObjectInfo, Span, StorageRef
from lithops_localhost.file_errors import explained
from lithops_localhost.file_listing import walk
from lithops_localhost.file_names import TEMP_FOLDER, bucket_name, encoded_key, folders_of, key_names
from lithops_localhost.file_spans import FileSpan, ObjectFile
from lithops_localhost.file_writes import make_folders, open_temporary, place, remove_empty, remove_stale, write_body
from lithops_localhost.places import DEFAULT_ROOT

__all__ = ["LocalhostStorage", "StorageOptions"]


class StorageOptions(Protocol):
    """The part of the configuration that is about storage."""

    @property
    def storage_root(self) -> str | None:
        """The folder of all buckets; None for the default."""

    @property
    def storage_bucket(self) -> str:
        """The bucket of jobs."""


class LocalhostStorage(StorageBackend):
    """Objects as files of this machine, for this user only; safe with any number of processes and threads."""

    features: ClassVar[StorageFeature] = StorageFeature.CONDITIONAL_PUT | StorageFeature.LOCAL_PATHS

    def __init__(self, options: StorageOptions) -> None:
        self._root = os.fsencode(os.path.abspath(os.path.expanduser(options.storage_root or DEFAULT_ROOT)))
        self._default_bucket = options.storage_bucket
        self._swept: set[str] = set()

    @classmethod
    def from_ref(cls, ref: StorageRef) -> LocalhostStorage:
        return cls(SimpleNamespace(**ref.options))

    def ref(self, bucket: str) -> StorageRef:
        options = {"storage_root": os.fsdecode(self._root), "storage_bucket": self._default_bucket}
        return StorageRef(f"{__name__}:{type(self).__name__}", bucket, options)

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        folder, name = self._locate(bucket, key)
        what = f"object '{key}' of bucket '{bucket}'"
        with explained("write", what):
            descriptor, temporary = self._open_temporary(bucket)
        try:
            try:
                write_body(descriptor, body, what)
                info = _info(key, os.fstat(descriptor))
            finally:
                with explained("write", what):
                    os.close(descriptor)
            with explained("write", what):
                if not place(temporary, folder, name, if_absent=if_absent):
                    raise ObjectExistsError(f"cannot create {what}: it exists; delete it first, or choose another key")
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        return info

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        path = b"/".join(self._locate(bucket, key))
        with explained("read", f"object '{key}' of bucket '{bucket}'"):
            try:
                descriptor, status = _open_file(path)
            except (FileNotFoundError, NotADirectoryError):
                raise self._missing(bucket, key) from None
            stream = ObjectFile(descriptor, _etag(status))
            return stream if span is None else FileSpan(stream, span, status.st_size)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        path = b"/".join(self._locate(bucket, key))
        with explained("read", f"object '{key}' of bucket '{bucket}'"):
            try:
                status = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                raise self._missing(bucket, key) from None
        if not stat.S_ISREG(status.st_mode):
            raise StorageNoSuchKeyError(bucket, key)
        return _info(key, status)

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        try:
            wanted, above = encoded_key(prefix), None if after is None else after.encode()
        except ValueError as exc:
            raise StorageError(f"cannot list bucket '{bucket}' below '{prefix}': {exc}") from None
        return self._listed(bucket, wanted, above)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        folders = set()
        for key in keys:
            folder, name = self._locate(bucket, key)
            with explained("delete", f"object '{key}' of bucket '{bucket}'"):
                try:
                    os.unlink(folder + b"/" + name)
                except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    if not self.has_bucket(bucket):
                        raise NoSuchBucketError(bucket) from None
            folders.add(folder)
        for folder in folders:
            remove_empty(folder, below=self._bucket(bucket))

    def create_bucket(self, bucket: str) -> None:
        try:
            name = bucket_name(bucket)
        except ValueError as exc:
            raise StorageError(f"cannot create bucket '{bucket}': {exc}") from None
        with explained("create", f"bucket '{bucket}'"):
            make_folders(self._root + b"/" + name)

    def has_bucket(self, bucket: str) -> bool:
        try:
            return bucket == self._default_bucket or os.path.isdir(self._bucket(bucket))
        except NoSuchBucketError:
            return False

    def default_bucket(self) -> str:
        return self._default_bucket

    def local_path(self, bucket: str, key: str) -> str:
        return os.fsdecode(b"/".join(self._locate(bucket, key)))

    def _bucket(self, bucket: str) -> bytes:
        try:
            return self._root + b"/" + bucket_name(bucket)
        except ValueError:
            raise NoSuchBucketError(bucket) from None

    def _locate(self, bucket: str, key: str) -> tuple[bytes, bytes]:
        """Name the folder and the file of an object. Raises `StorageError` for a key that none can have."""
        try:
            *folders, name = key_names(encoded_key(key))
        except ValueError as exc:
            raise StorageError(f"cannot use key '{key[:80]}' of bucket '{bucket}': {exc}") from None
        return self._below(bucket, folders), name

    def _below(self, bucket: str, folders: Sequence[bytes]) -> bytes:
        """Name a folder of a bucket; a link on the way is refused."""
        path = self._bucket(bucket)
        whole = b"/".join((path, *folders))
        with explained("use", f"bucket '{bucket}'"), suppress(FileNotFoundError, NotADirectoryError):
            for name in folders:
                path += b"/" + name
                if stat.S_ISLNK(os.lstat(path).st_mode):
                    raise StorageError(f"cannot use bucket '{bucket}': '{os.fsdecode(path)}' is a link; remove it")
        return whole

    def _missing(self, bucket: str, key: str) -> StorageError:
        return StorageNoSuchKeyError(bucket, key) if self.has_bucket(bucket) else NoSuchBucketError(bucket)

    def _open_temporary(self, bucket: str) -> tuple[int, bytes]:
        folder = self._bucket(bucket) + b"/" + TEMP_FOLDER
        if bucket not in self._swept:
            remove_stale(folder)
            self._swept.add(bucket)
        try:
            return open_temporary(folder)
        except (FileNotFoundError, NotADirectoryError):
            if not self.has_bucket(bucket):
                raise NoSuchBucketError(bucket) from None
        make_folders(folder)
        return open_temporary(folder)

    def _listed(self, bucket: str, prefix: bytes, after: bytes | None) -> Iterator[ObjectInfo]:
        head, slash, _ = prefix.rpartition(b"/")
        folder = self._below(bucket, folders_of(head) if slash else ())
        if not self.has_bucket(bucket):
            raise NoSuchBucketError(bucket)
        for key, status in walk(folder, head + slash, prefix, after):
            yield _info(key.decode(), status)


def _open_file(path: bytes) -> tuple[int, os.stat_result]:
    """Open a regular file; what else may have been planted there is no object (and a pipe would block)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise FileNotFoundError(path) from exc
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return descriptor, status


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, status.st_size, _etag(status), datetime.fromtimestamp(status.st_mtime, UTC))


def _etag(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"
