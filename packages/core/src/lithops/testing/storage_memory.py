"""A store in the memory of this process: a whole backend that passes the kit, for tests and as a model to read."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import BinaryIO, ClassVar, cast
from weakref import WeakValueDictionary

from lithops.errors import NoSuchBucketError, ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.types import Buffer, ObjectInfo, Span, StorageRef

__all__ = ["MemoryStorage"]


class MemoryStorage(StorageBackend):
    """Objects in memory. A reference to it opens the same store, in this process only, while it lives."""

    features: ClassVar[StorageFeature] = StorageFeature.CONDITIONAL_PUT

    _living: ClassVar[WeakValueDictionary[str, MemoryStorage]] = WeakValueDictionary()

    def __init__(self, options: object = None) -> None:
        self._lock = Lock()
        self._buckets: dict[str, dict[str, tuple[ObjectInfo, bytes]]] = {}
        self._name = os.urandom(8).hex()
        self._living[self._name] = self

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        found = cls._living.get(ref.options["name"])
        if found is None:
            raise StorageError(f"cannot open the store '{ref.options['name']}': it lived in a process's memory")
        return found

    def ref(self, bucket: str) -> StorageRef:
        return StorageRef(f"{__name__}:MemoryStorage", bucket, {"name": self._name})

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        _check(key)
        data = _bytes_of(body)
        info = ObjectInfo(key, len(data), hashlib.sha256(data).hexdigest(), datetime.now(UTC))
        with self._lock:
            objects = self._objects(bucket)
            if if_absent and key in objects:
                raise ObjectExistsError(
                    f"cannot create object '{key}' in bucket '{bucket}': it exists; delete it first"
                )
            objects[key] = info, data
        return info

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        with self._lock:
            info, data = self._find(bucket, key)
        return _Stream(data if span is None else data[span.start : span.end], info.etag)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        with self._lock:
            return self._find(bucket, key)[0]

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        with self._lock:
            infos = [info for info, _ in self._objects(bucket).values() if info.key.startswith(prefix)]
        infos.sort(key=lambda info: info.key.encode())
        return iter([info for info in infos if after is None or info.key.encode() > after.encode()])

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        with self._lock:
            objects = self._objects(bucket)
            for key in keys:
                _check(key)
                objects.pop(key, None)

    def create_bucket(self, bucket: str) -> None:
        with self._lock:
            self._buckets.setdefault(bucket, {})

    def has_bucket(self, bucket: str) -> bool:
        with self._lock:
            return bucket in self._buckets

    def _objects(self, bucket: str) -> dict[str, tuple[ObjectInfo, bytes]]:
        try:
            return self._buckets[bucket]
        except KeyError:
            raise NoSuchBucketError(bucket) from None

    def _find(self, bucket: str, key: str) -> tuple[ObjectInfo, bytes]:
        _check(key)
        try:
            return self._objects(bucket)[key]
        except KeyError:
            raise StorageNoSuchKeyError(bucket, key) from None


class _Stream(io.BytesIO):
    def __init__(self, data: bytes, etag: str | None) -> None:
        super().__init__(data)
        self.etag = etag


def _check(key: str) -> None:
    try:
        is_key = len(key.encode()) <= 1024 and "\0" not in key
    except UnicodeEncodeError:
        is_key = False
    if not is_key:
        raise StorageError(f"cannot use key {key[:80]!r}: a key is at most 1024 bytes of text in UTF-8, without a NUL")


def _bytes_of(body: Buffer | Sequence[Buffer] | BinaryIO) -> bytes:
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if isinstance(body, Sequence):
        return b"".join(cast("Sequence[Buffer]", body))
    return body.read()
