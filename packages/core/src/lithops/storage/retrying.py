"""Retry what may succeed later, on every verb of a store, with full jitter and a bound. Backends never retry.

What breaks in the middle resumes there: a stream at its next byte (`lithops.storage.resuming`), a listing after its
last key.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from lithops.engine.retry import Backoff
from lithops.errors import LithopsError
from lithops.spi.storage import StorageBackend
from lithops.types import Buffer, ObjectInfo, Span, StorageRef

__all__ = ["RetryPolicy", "RetryingStorage", "can_seek"]

T = TypeVar("T")
_BACKOFF = Backoff(base_s=0.1, cap_s=10.0)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after which delay. A store's own wish for a delay is honoured up to `longest_wait_s`."""

    attempts: int = 6
    backoff: Backoff = _BACKOFF
    longest_wait_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = random.uniform

    def run(self, store: StorageBackend, action: Callable[[], T]) -> T:
        """Do something until it succeeds; raises the last error when more attempts cannot help, or are used up."""
        attempt = 0
        while True:
            try:
                return action()
            except Exception as exc:  # a store's SDK may raise anything
                self.pause(store, exc, attempt)
                attempt += 1

    def pause(self, store: StorageBackend, exc: Exception, attempt: int) -> None:
        """Wait after a failure, or raise it (as ours) when there is no further attempt."""
        error = exc if isinstance(exc, LithopsError) else store.translate(exc)
        if error is None or not error.retryable or attempt + 1 >= self.attempts:
            if error is None or error is exc:
                raise exc
            raise error from exc
        delay_s = max(self.backoff.delay_s(attempt, self.draw), error.retry_after_s or 0.0)
        self.sleep(min(delay_s, self.longest_wait_s))


def can_seek(stream: BinaryIO) -> bool:
    """Tell whether a stream can be sent again; one that has `read` only cannot."""
    return hasattr(stream, "seekable") and stream.seekable()


class RetryingStorage(StorageBackend):
    """A store that tries again. `ref` gives the inner store's: a worker retries by its own means.

    A put with `if_absent` whose answer was lost may find its own object: `ObjectExistsError` then does not say whose
    it is. A stream that cannot seek is sent once only.
    """

    def __init__(self, inner: StorageBackend, policy: RetryPolicy | None = None) -> None:
        self.inner = inner
        self.policy = policy or RetryPolicy()
        self.features = inner.features  # type: ignore[misc]  # it can do what the inner store can

    @classmethod
    def from_ref(cls, ref: StorageRef) -> RetryingStorage:
        from lithops.worker.stores import Stores

        return cls(Stores().open(ref))

    def ref(self, bucket: str) -> StorageRef:
        return self.inner.ref(bucket)

    def credentials(self) -> Mapping[str, str]:
        return self.inner.credentials()

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        if isinstance(body, (bytes, bytearray, memoryview, Sequence)):
            return self._run(lambda: self.inner.put(bucket, key, body, if_absent=if_absent))
        if not can_seek(body):
            return self.inner.put(bucket, key, body, if_absent=if_absent)
        stream, start = body, body.tell()

        def put_from_start() -> ObjectInfo:
            stream.seek(start)
            return self.inner.put(bucket, key, stream, if_absent=if_absent)

        return self._run(put_from_start)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> BinaryIO:
        from lithops.storage.resuming import open_resuming

        return open_resuming(self.inner, bucket, key, span=span, policy=self.policy)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        return self._run(lambda: self.inner.head(bucket, key))

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        attempt = 0
        while True:
            try:
                for info in self.inner.list(bucket, prefix, after=after):
                    after, attempt = info.key, 0
                    yield info
                return
            except Exception as exc:  # a store's SDK may raise anything
                self.policy.pause(self.inner, exc, attempt)
                attempt += 1

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._run(lambda: self.inner.delete(bucket, keys))

    def create_bucket(self, bucket: str) -> None:
        self._run(lambda: self.inner.create_bucket(bucket))

    def has_bucket(self, bucket: str) -> bool:
        return self._run(lambda: self.inner.has_bucket(bucket))

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

    def _run(self, action: Callable[[], T]) -> T:
        return self.policy.run(self.inner, action)
