"""What every part of the storage kit stands on: the two fixtures, the sizes, and ways to read and to race."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import ClassVar, TypeVar
from uuid import uuid4

import pytest

from lithops.spi.storage import StorageBackend
from lithops.types import Span

__all__ = ["StorageFixtures", "content", "read", "together"]

T = TypeVar("T")
_WAIT_S = 60.0


class StorageFixtures:
    """Override `backend`; override `bucket` where buckets are costly, and the sizes where objects are.

    `is_shared` is False for a store that only its own process can open. `secrets` are texts that no reference may
    hold: give the credentials that the backend under test was opened with.
    """

    big_bytes: ClassVar[int] = 16 * 1024 * 1024 + 1
    many_keys: ClassVar[int] = 1100
    writers: ClassVar[int] = 8
    threads: ClassVar[int] = 16
    rounds: ClassVar[int] = 20
    is_shared: ClassVar[bool] = True
    secrets: ClassVar[Sequence[str]] = ()

    @pytest.fixture
    def backend(self) -> StorageBackend:
        """The store under test, opened anew for each test."""
        raise NotImplementedError("override the fixture 'backend' so that it gives your StorageBackend")

    @pytest.fixture
    def bucket(self, backend: StorageBackend) -> Iterator[str]:
        """A bucket that is empty before and after each test."""
        name = f"lithops-contract-{uuid4().hex[:12]}"
        backend.create_bucket(name)
        yield name
        backend.delete(name, [info.key for info in backend.list(name)])

    @pytest.fixture
    def missing_bucket(self) -> str:
        """The name of a bucket that does not exist."""
        return f"lithops-missing-{uuid4().hex[:12]}"


def content(size_bytes: int, seed: int = 0) -> bytes:
    """Make bytes that repeat nowhere."""
    return random.Random(seed).randbytes(size_bytes)


def read(store: StorageBackend, bucket: str, key: str, span: Span | None = None) -> bytes:
    """Read an object to its end."""
    with closing(store.get(bucket, key, span=span)) as stream:
        return b"".join(iter(lambda: stream.read(1 << 20), b""))


def together(count: int, action: Callable[[int], T]) -> list[T]:
    """Run `action(0)`, `action(1)`, ... each in its own thread, all at the same moment."""
    barrier = Barrier(count, timeout=_WAIT_S)

    def run(number: int) -> T:
        barrier.wait()
        return action(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count), timeout=_WAIT_S))
