"""A store in memory that notes what it is asked, for the tests of the file system."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from lithops.errors import TransientError
from lithops.spi.storage import ByteStream
from lithops.testing.storage_memory import MemoryStorage
from lithops.types import Buffer, ObjectInfo, Span


class WatchedStorage(MemoryStorage):
    """Notes each request; with `barrier`, gets and puts wait for each other; the next `breaks` of the gets fail."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.spans: list[Span | None] = []
        self.barrier: threading.Barrier | None = None
        self.breaks = 0
        self.create_bucket("b")
        self.asked.clear()

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        self._note("put")
        return super().put(bucket, key, body, if_absent=if_absent)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        self._note("get")
        self.spans.append(span)
        if self.breaks:
            self.breaks -= 1
            raise TransientError("broken")
        return super().get(bucket, key, span=span)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        self.asked.append("head")
        return super().head(bucket, key)

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        self.asked.append("list")
        return super().list(bucket, prefix, after=after)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self.asked.append(f"delete {len(keys)}")
        super().delete(bucket, keys)

    def _note(self, verb: str) -> None:
        self.asked.append(verb)
        if self.barrier is not None:
            self.barrier.wait(20)


def fill(store: WatchedStorage, *keys: str) -> None:
    for key in keys:
        store.put("b", key, key.encode())
    store.asked.clear()
