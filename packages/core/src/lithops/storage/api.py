"""`Storage`: what users call. The verbs are the backend's, retried; the shapes of the answers are Lithops 3's."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, overload

from lithops.errors import NoSuchBucketError
from lithops.storage.cloudobject import CloudObject
from lithops.storage.listing import LazyList
from lithops.storage.ranges import span_of
from lithops.storage.retrying import RetryingStorage
from lithops.storage.verbs import delete_keys, write_object
from lithops.types import Buffer, ObjectInfo, Span, StorageRef

if TYPE_CHECKING:
    from lithops.spi.storage import StorageBackend
    from lithops.worker.stores import Stores

__all__ = ["Storage"]

_NOTHING: Mapping[str, Any] = {}


class Storage:
    """The objects of one store. Thread-safe; opening it sends no request.

    `bucket` is the bucket of jobs, or None: the first write makes it when it does not exist; `backend` is the store's
    name. Inside a call, without arguments, it is the store of the call's job. Every method that takes a bucket raises
    `NoSuchBucketError` when there is none of that name, every one that reads a key `StorageNoSuchKeyError`. A copy
    made by pickle carries no credentials: it takes those of the place where it is opened.
    `cloudobject_prefix`, when set, begins the keys that `put_cloudobject` chooses; `cloudobjects` are all it made.
    """

    bucket: str | None
    backend: str
    cloudobject_prefix: str | None
    cloudobjects: list[CloudObject]
    _store: RetryingStorage
    _session: str

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        backend: str | None = None,
        storage_config: Mapping[str, Any] | None = None,
    ) -> None:
        if (
            config is None
            and backend is None
            and storage_config is None
            and (found := _store_of_the_call()) is not None
        ):
            self._set(*found)
            return
        from lithops.config import resolve_storage
        from lithops.plugins import load_class

        info, options, bucket = resolve_storage(config=config, backend=backend, storage_config=storage_config)
        self._set(load_class(info.factory, install=info.extra or "")(options), bucket, info.name)

    @classmethod
    def over(cls, backend: StorageBackend, bucket: str | None = None, name: str = "") -> Storage:
        """Make one over an open backend, without reading any configuration. `name` is the store's, if known."""
        self = cls.__new__(cls)
        self._set(backend, bucket, name)
        return self

    def _set(self, store: StorageBackend, bucket: str | None, name: str) -> None:
        self._store = store if isinstance(store, RetryingStorage) else RetryingStorage(store)
        self.bucket = bucket or store.default_bucket()
        self.backend = name
        self.cloudobject_prefix = None
        self.cloudobjects = []
        self._session = os.urandom(6).hex()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._store.ref(self.bucket or ""), self.bucket, self.backend)

    def __repr__(self) -> str:
        return f"Storage(backend={self.backend!r}, bucket={self.bucket!r})"

    def get_client(self) -> Any:
        """Give the client of the store's own SDK, or the backend when there is none."""
        return self._store.client()

    def create_bucket(self, bucket: str) -> None:
        """Create a bucket; one of ours that exists is not an error."""
        self._store.create_bucket(_bucket(bucket))

    def put_object(self, bucket: str, key: str, body: str | Buffer | BinaryIO) -> None:
        """Write an object: text (in UTF-8), bytes, or a file from its position on; whole or not at all."""
        self._put(_bucket(bucket), _key(key), _body(body))

    def put_many(
        self,
        bucket: str,
        items: Mapping[str, str | Buffer | BinaryIO] | Iterable[tuple[str, str | Buffer | BinaryIO]],
        *,
        threads: int = 32,
    ) -> None:
        """Write objects, given as pairs of key and body, at once; the iterable is read as they are written.

        Raises the first failure, and begins no further write after it.
        """
        from lithops.storage.parallel import in_threads

        name, makes = _bucket(bucket), bucket == self.bucket

        def put(store: RetryingStorage, item: tuple[str, str | Buffer | BinaryIO]) -> None:
            write_object(store, name, _key(item[0]), _body(item[1]), makes_bucket=makes)

        in_threads(self._store, items.items() if isinstance(items, Mapping) else items, put, threads=threads)

    @overload
    def get_object(
        self, bucket: str, key: str, stream: Literal[False] = False, extra_get_args: Mapping[str, Any] = ...
    ) -> bytes: ...
    @overload
    def get_object(
        self, bucket: str, key: str, stream: Literal[True], extra_get_args: Mapping[str, Any] = ...
    ) -> BinaryIO: ...
    def get_object(
        self, bucket: str, key: str, stream: bool = False, extra_get_args: Mapping[str, Any] = _NOTHING
    ) -> bytes | BinaryIO:
        """Read an object: its bytes, or with `stream` a buffered binary file that reads it lazily.

        `extra_get_args={'Range': 'bytes=a-b'}` reads a part: both ends are included, and either may be left out.
        """
        opened = self._store.get(_bucket(bucket), _key(key), span=self._span(bucket, key, extra_get_args))
        if stream:
            return opened
        with opened:
            return opened.read()

    def get_many(self, bucket: str, keys: Iterable[str], *, threads: int = 32) -> list[bytes]:
        """Read objects at once: their bytes, in the order of the keys; all of them are in memory.

        Raises the first failure, such as a missing key, and begins no further read after it.
        """
        from lithops.storage.parallel import in_threads

        if isinstance(keys, str):
            raise TypeError(f"get_many takes a list of keys, not the text {keys!r}: call get_object")
        name = _bucket(bucket)

        def get(store: RetryingStorage, key: str) -> bytes:
            with store.get(name, _key(key)) as stream:
                return stream.read()

        return in_threads(self._store, keys, get, threads=threads)

    def upload_file(
        self,
        file_name: str | os.PathLike[str],
        bucket: str,
        key: str | None = None,
        extra_args: Mapping[str, Any] = _NOTHING,
        config: Any = None,
    ) -> bool:
        """Write a file's content as an object; the key is the file's name unless given. Returns True or raises.

        `extra_args` and `config` mean nothing here.
        """
        from lithops.storage.verbs import upload_file

        key = _key(key or os.path.basename(file_name))
        upload_file(self._store, file_name, _bucket(bucket), key, makes_bucket=bucket == self.bucket)
        return True

    def download_file(
        self,
        bucket: str,
        key: str,
        file_name: str | os.PathLike[str] | None = None,
        extra_args: Mapping[str, Any] = _NOTHING,
        config: Any = None,
    ) -> bool:
        """Write an object's content as a file, whole or not at all. Returns True or raises.

        Without `file_name` the file is named like the key, below the current folder; missing folders are made.
        `extra_args` and `config` mean nothing here.
        """
        from lithops.storage.downloads import download_file

        download_file(self._store, _bucket(bucket), _key(key), _file_named(key) if file_name is None else file_name)
        return True

    def upload_folder(
        self, folder: str | os.PathLike[str], bucket: str, prefix: str = "", *, threads: int = 16
    ) -> list[str]:
        """Write all files below a folder as objects, and give their keys: `prefix`, a slash, and the path in the folder.

        Links are followed.
        """
        from lithops.storage.folders import find_files, folder_prefix, write_folder

        files = find_files(folder, folder_prefix(prefix))
        makes_bucket = bucket == self.bucket
        return write_folder(self._store, _bucket(bucket), files, threads=threads, makes_bucket=makes_bucket)

    def download_folder(
        self, bucket: str, prefix: str, folder: str | os.PathLike[str], *, threads: int = 16
    ) -> list[str]:
        """Write all objects below a prefix as files in a folder, and give their paths. Each file appears whole.

        Raises `StorageNoSuchKeyError` when there is nothing, and `StorageError` for a key that would lead out of the
        folder or to no file of its own: then nothing is written.
        """
        from lithops.storage.folders import find_objects, folder_prefix, places_of, read_folder

        below = folder_prefix(prefix)
        keys = [info.key for info in find_objects(self._store, _bucket(bucket), below)]
        return read_folder(self._store, bucket, places_of(keys, below, folder), folder, threads=threads)

    def head_object(self, bucket: str, key: str) -> dict[str, str]:
        """Describe an object: `content-length`, and as far as the store tells `last-modified` and `etag`."""
        info = self._store.head(_bucket(bucket), _key(key))
        found = {"content-length": str(info.size_bytes)}
        if info.modified is not None:
            from email.utils import format_datetime

            found["last-modified"] = format_datetime(info.modified, usegmt=True)
        if info.etag is not None:
            found["etag"] = info.etag
        return found

    def head_bucket(self, bucket: str) -> dict[str, Any]:
        """Tell that a bucket exists and can be used, or raise `NoSuchBucketError`."""
        if not self._store.has_bucket(_bucket(bucket)):
            raise NoSuchBucketError(bucket)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def list_objects(
        self, bucket: str, prefix: str | None = None, match_pattern: str | None = None
    ) -> LazyList[dict[str, Any]]:
        """List objects as dicts with `Key`, `Size` and `LastModified`, in the order of their keys.

        `match_pattern` is a glob that the whole key matches: `*` and `?` within a name, `**` across slashes. The
        list is read from the store as it is iterated, and whole when asked for its length or its end.
        """
        infos = self._list(bucket, prefix, match_pattern)
        return LazyList({"Key": i.key, "Size": i.size_bytes, "LastModified": i.modified} for i in infos)

    def list_keys(self, bucket: str, prefix: str | None = None) -> list[str]:
        """List the keys of objects."""
        return [info.key for info in self._list(bucket, prefix, None)]

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object; one that does not exist is not an error."""
        self._store.delete(_bucket(bucket), [_key(key)])

    def delete_objects(self, bucket: str, key_list: Iterable[str]) -> None:
        """Delete objects, 1,000 by one request; those that do not exist are no error."""
        if isinstance(key_list, str):
            raise TypeError(f"delete_objects takes a list of keys, not the text {key_list!r}: call delete_object")
        delete_keys(self._store, _bucket(bucket), map(_key, key_list))

    def put_cloudobject(
        self, body: str | Buffer | BinaryIO, bucket: str | None = None, key: str | None = None
    ) -> CloudObject:
        """Write an object, under a key of its own unless given, and return what refers to it."""
        made = CloudObject(self.backend, _bucket(bucket or self.bucket), key or self._new_key())
        self.put_object(made.bucket, made.key, body)
        self.cloudobjects.append(made)
        return made

    @overload
    def get_cloudobject(self, cloudobject: CloudObject, stream: Literal[False] = False) -> bytes: ...
    @overload
    def get_cloudobject(self, cloudobject: CloudObject, stream: Literal[True]) -> BinaryIO: ...
    def get_cloudobject(self, cloudobject: CloudObject, stream: bool = False) -> bytes | BinaryIO:
        """Read the object that a reference names, as `get_object` does."""
        self._check(cloudobject)
        if stream:
            return self.get_object(cloudobject.bucket, cloudobject.key, stream=True)
        return self.get_object(cloudobject.bucket, cloudobject.key)

    def delete_cloudobject(self, cloudobject: CloudObject) -> None:
        """Delete the object that a reference names."""
        self.delete_cloudobjects([cloudobject])

    def delete_cloudobjects(self, cloudobjects: Iterable[CloudObject]) -> None:
        """Delete the objects that references name; those that do not exist are no error."""
        by_bucket: dict[str, list[str]] = {}
        for cloudobject in cloudobjects:
            self._check(cloudobject)
            by_bucket.setdefault(cloudobject.bucket, []).append(cloudobject.key)
        for bucket, keys in by_bucket.items():
            delete_keys(self._store, bucket, keys)

    def _put(self, bucket: str, key: str, body: Buffer | BinaryIO, *, if_absent: bool = False) -> ObjectInfo:
        return write_object(self._store, bucket, key, body, if_absent=if_absent, makes_bucket=bucket == self.bucket)

    def _list(self, bucket: str, prefix: str | None, pattern: str | None) -> Iterator[ObjectInfo]:
        below = prefix or ""
        if pattern is None:
            return self._store.list(_bucket(bucket), below)
        from lithops.jobs.partition_patterns import compile_pattern, literal_prefix

        literal, matches = literal_prefix(pattern), compile_pattern(pattern).fullmatch
        infos = self._store.list(_bucket(bucket), literal if literal.startswith(below) else below)
        return (info for info in infos if matches(info.key))

    def _span(self, bucket: str, key: str, arguments: Mapping[str, Any]) -> Span | None:
        unknown = [name for name in arguments if name.lower() != "range"]
        if unknown:
            raise ValueError(f"get_object does not know {unknown} in extra_get_args: 'Range' is what every store has")
        for text in arguments.values():
            return span_of(text, lambda: self._store.head(bucket, key).size_bytes)
        return None

    def _new_key(self) -> str:
        from lithops.wire.keys import JOBS_PREFIX, job_prefix
        from lithops.worker.context import current

        prefix, call = self.cloudobject_prefix, current()
        if prefix is None and call is not None:
            prefix = f"{job_prefix(call.job.executor_id, call.job.job_id)}cloudobjects/{call.call_id}/"
        if prefix is None:
            prefix = f"{JOBS_PREFIX}cloudobjects/{self._session}/"
        return prefix + os.urandom(12).hex()

    def _check(self, cloudobject: CloudObject) -> None:
        if not isinstance(cloudobject, CloudObject):
            raise TypeError(f"a CloudObject is needed, not {cloudobject!r}: take what put_cloudobject returned")
        if cloudobject.backend and self.backend and cloudobject.backend != self.backend:
            raise ValueError(
                f"{cloudobject} is not of the store '{self.backend}': use Storage(backend={cloudobject.backend!r})"
            )


def _reopen(ref: StorageRef, bucket: str | None, name: str) -> Storage:
    return Storage.over(_stores(os.getpid()).open(ref), bucket, name)


@lru_cache(maxsize=1)
def _stores(_process: int) -> Stores:  # the connections of a parent are not a fork's
    from lithops.worker.stores import Stores

    return Stores()


def _store_of_the_call() -> tuple[StorageBackend, str, str] | None:
    """Open the store of the job whose call runs here; None outside of a call."""
    from lithops.worker.context import current

    call = current()
    if call is None or call.job.store is None:
        return None
    ref = call.job.store
    return _stores(os.getpid()).open(ref), ref.bucket, ref.name


def _bucket(bucket: str | None) -> str:
    if not isinstance(bucket, str) or not bucket:
        raise ValueError(f"a bucket's name is needed, not {bucket!r}: pass one, such as the attribute storage.bucket")
    if bucket in (".", "..") or {"/", "\0"} & set(bucket):  # no store has such; one made of folders might follow it
        raise ValueError(f"'{bucket}' is no bucket's name: put what stands behind the first '/' into the key")
    return bucket


def _key(key: str) -> str:
    if not isinstance(key, str) or not key:
        raise ValueError(f"a key is needed, not {key!r}: pass the object's name as text")
    return key


def _body(body: object) -> Buffer | BinaryIO:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, io.TextIOBase):
        return body.read().encode()
    if isinstance(body, (bytes, bytearray, memoryview)):
        return body
    if hasattr(body, "read"):
        return body  # type: ignore[return-value]  # as far as can be told
    raise TypeError(f"cannot write a {type(body).__name__} as an object: give text, bytes or a file open for reading")


def _file_named(key: str) -> str:
    path = os.path.normpath(key)
    if os.path.isabs(path) or path.split(os.sep)[0] in ("..", "."):
        raise ValueError(f"cannot name a file like the key '{key}', which leads elsewhere: pass file_name")
    return path
