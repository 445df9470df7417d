"""A store that fails by plan: another store with errors, delays and lost answers put in.

store = FaultyStorage(inner, [Fault("put", throttled, times=3), Fault("read", transient, after_bytes=1000)])
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from threading import Lock
from typing import Any, BinaryIO, TypeVar

from lithops.errors import LithopsError, StorageError, StorageFullError, ThrottledError, TransientError
from lithops.spi.storage import ByteStream, StorageBackend
from lithops.types import Buffer, ObjectInfo, Span, StorageRef

__all__ = ["Fault", "FaultyStorage", "full", "throttled", "transient"]

T = TypeVar("T")


def throttled(retry_after_s: float | None = None) -> LithopsError:
    """Make the error of a store that asks for fewer requests."""
    return ThrottledError("the store was told to throttle: a test put this error in", retry_after_s)


def transient() -> LithopsError:
    """Make the error of a lost connection."""
    return TransientError("the store was told to break the connection: a test put this error in")


def full() -> LithopsError:
    """Make the error of a store without room."""
    return StorageFullError("the store was told to be full: a test put this error in")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, in which requests.

    `verb` is a method's name ("put", "get", "list", ...), "read" for what happens while a stream is read, or "*".
    `error` makes the exception; None only delays. `key` is a glob of keys (of prefixes for "list"; `create_bucket`
    and `has_bucket` have the bucket's name). Of the requests that match, `skip` are spared, then `times` are hit
    (None: all that follow), each with the given `chance`. `answer_lost` does the request before it fails.
    `after_bytes` is for "read": the stream breaks there, counted from where it begins. `after_items` is for "list".
    """

    verb: str
    error: Callable[[], BaseException] | None = None
    key: str = "*"
    skip: int = 0
    times: int | None = 1
    chance: float = 1.0
    delay_s: float = 0.0
    answer_lost: bool = False
    after_bytes: int = 0
    after_items: int = 0


class FaultyStorage(StorageBackend):
    """Another store with faults. Thread-safe; `seed` makes chances repeatable, `requests` counts them by verb.

    `ref` is the inner store's: what a worker opens has no faults.
    """

    def __init__(
        self,
        inner: StorageBackend,
        plan: Sequence[Fault],
        *,
        seed: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.inner = inner
        self.features = inner.features  # type: ignore[misc]  # it can do what the inner store can
        self.requests: dict[str, int] = {}
        self._plan = [_Planned(fault, fault.skip, fault.times) for fault in plan]
        self._lock = Lock()
        self._random = random.Random(seed)
        self._sleep = sleep

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        raise StorageError(f"FaultyStorage is not opened by reference: open the inner store's, '{ref.factory}'")

    def ref(self, bucket: str) -> StorageRef:
        return self.inner.ref(bucket)

    def credentials(self) -> Mapping[str, str]:
        return self.inner.credentials()

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        return self._run("put", key, lambda: self.inner.put(bucket, key, body, if_absent=if_absent))

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        stream = self._run("get", key, lambda: self.inner.get(bucket, key, span=span))
        fault = self._next("read", key)
        return stream if fault is None else _BreakingStream(stream, fault, self._sleep)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        return self._run("head", key, lambda: self.inner.head(bucket, key))

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        fault = self._next("list", prefix)
        infos = self.inner.list(bucket, prefix, after=after)
        if fault is not None:
            yield from islice(infos, fault.after_items)
            self._strike(fault)
        yield from infos

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._run("delete", keys[0] if keys else "", lambda: self.inner.delete(bucket, keys))

    def create_bucket(self, bucket: str) -> None:
        self._run("create_bucket", bucket, lambda: self.inner.create_bucket(bucket))

    def has_bucket(self, bucket: str) -> bool:
        return self._run("has_bucket", bucket, lambda: self.inner.has_bucket(bucket))

    def default_bucket(self) -> str | None:
        return self.inner.default_bucket()

    def local_path(self, bucket: str, key: str) -> str:
        return self.inner.local_path(bucket, key)

    def client(self) -> Any:
        return self.inner.client()

    def translate(self, exc: BaseException) -> LithopsError | None:
        return self.inner.translate(exc)

    def close(self) -> None:
        self.inner.close()

    def _run(self, verb: str, key: str, action: Callable[[], T]) -> T:
        fault = self._next(verb, key)
        if fault is None:
            return action()
        if not fault.answer_lost:
            self._strike(fault)
            return action()
        answer = action()
        self._strike(fault)
        return answer

    def _strike(self, fault: Fault) -> None:
        if fault.delay_s:
            self._sleep(fault.delay_s)
        if fault.error is not None:
            raise fault.error()

    def _next(self, verb: str, key: str) -> Fault | None:
        """Count a request, and find the fault that hits it."""
        with self._lock:
            self.requests[verb] = self.requests.get(verb, 0) + 1
            for planned in self._plan:
                fault = planned.fault
                if fault.verb not in (verb, "*") or not fnmatchcase(key, fault.key) or planned.times == 0:
                    continue
                if planned.skip:
                    planned.skip -= 1
                elif self._random.random() < fault.chance:
                    if planned.times is not None:
                        planned.times -= 1
                    return fault
        return None


@dataclass(slots=True)
class _Planned:
    fault: Fault
    skip: int
    times: int | None


class _BreakingStream:
    def __init__(self, stream: ByteStream, fault: Fault, sleep: Callable[[float], None]) -> None:
        self.etag: str | None = getattr(stream, "etag", None)
        self._stream = stream
        self._fault = fault
        self._left = fault.after_bytes
        self._sleep = sleep

    def read(self, size: int = -1, /) -> bytes:
        if self._fault.delay_s:
            self._sleep(self._fault.delay_s)
        if self._fault.error is None or size == 0:
            return self._stream.read(size)
        if self._left == 0:
            raise self._fault.error()
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        if size < 0 and self._left == 0:
            raise self._fault.error()  # the rest of what was asked for does not come
        return data

    def close(self) -> None:
        self._stream.close()
