"""What a storage backend is: a few verbs on objects. What can be written on these verbs is written once, in core."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from enum import Flag, auto
from typing import Any, BinaryIO, ClassVar, Protocol

from lithops.errors import LithopsError, NotSupportedError
from lithops.types import Buffer, ObjectInfo, Span, StorageRef

__all__ = ["ByteStream", "StorageBackend", "StorageFeature"]

_NOTHING: Mapping[str, str] = {}


class StorageFeature(Flag):
    """What a store can do beyond the verbs.

    CONDITIONAL_PUT: `put(if_absent=True)` is atomic under a race.
    LOCAL_PATHS: `local_path` gives a file that this machine's processes can open and memory-map.
    """

    NONE = 0
    CONDITIONAL_PUT = auto()
    SIGNED_URLS = auto()
    LOCAL_PATHS = auto()


class ByteStream(Protocol):
    """A readable, closable stream of an object's bytes.

    One with an attribute `etag` (that of the object it was opened on, a text or None) is never continued on another
    version of the object.
    """

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes, or all that is left; b"" at the end.

        A stream that ends before its object does raises a retryable error: it never gives b"" there.
        """
        ...

    def close(self) -> None:
        """Release the connection or file."""
        ...


class StorageBackend(ABC):
    """An object store. Synchronous, thread-safe; it never sleeps or retries: it translates errors.

    The constructor takes the backend's typed configuration and does no I/O: no request before the first verb. Keys are
    any text without a NUL, at most 1024 bytes in UTF-8; a key is a name, never a path: `..` and `//` have no meaning.
    A key that this store cannot have is refused by a `StorageError` before any request: it never becomes another one.
    Every verb that names a bucket raises `NoSuchBucketError` when there is none of that name.
    """

    features: ClassVar[StorageFeature] = StorageFeature.NONE

    @classmethod
    @abstractmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        """Open the store inside a worker, with the credentials that its platform gives it.

        A store whose `credentials` may be asked for looks first at `lithops.worker.credentials.entrusted(ref)`.
        """

    @abstractmethod
    def ref(self, bucket: str) -> StorageRef:
        """Describe how a worker opens this store; never with a secret."""

    def credentials(self) -> Mapping[str, str]:
        """Give the keys that the configuration has for this store; empty when the SDK finds its own.

        They are told to workers of this machine and user alone, by a way that leaves no trace; `from_ref` finds them.
        """
        return _NOTHING

    @abstractmethod
    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        """Write an object, whole or not at all. A sequence of buffers is written back to back.

        Raises `ObjectExistsError` when `if_absent` and the object exists, `NoSuchBucketError`, `StorageFullError`.
        """

    @abstractmethod
    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        """Open an object, or the part of it in `span`; a span past the end gives what there is, perhaps nothing.

        Raises `StorageNoSuchKeyError` now, not at the first read.
        """

    @abstractmethod
    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Describe an object without reading it. Raises `StorageNoSuchKeyError`."""

    @abstractmethod
    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        """List objects in the order of their keys' UTF-8 bytes, lazily, without a limit; only keys above `after`.

        Raises `NoSuchBucketError` at the call or at the first item.
        """

    @abstractmethod
    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects; keys that do not exist are not an error. Safe to call again after a failure."""

    @abstractmethod
    def create_bucket(self, bucket: str) -> None:
        """Create a bucket, private to its owner; one of ours that exists is not an error."""

    @abstractmethod
    def has_bucket(self, bucket: str) -> bool:
        """Tell whether the bucket exists and can be used."""

    def default_bucket(self) -> str | None:
        """Name the bucket that jobs use when the user names none; None when the user must name one."""
        return None

    def local_path(self, bucket: str, key: str) -> str:
        """Name the file of an object. Needs `StorageFeature.LOCAL_PATHS`."""
        raise NotSupportedError(f"{type(self).__name__} has no local files: read the object with get()")

    def client(self) -> Any:
        """Give the SDK's own client, or this backend when there is none."""
        return self

    def translate(self, exc: BaseException) -> LithopsError | None:
        """Turn an SDK's exception into ours, or return None when it is not the store's."""
        return None

    def close(self) -> None:
        """Release connections. Idempotent."""
        return
