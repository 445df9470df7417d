"""What every part of the storage kit stands on: the two fixtures, the sizes, and ways to fill, to read and to race."""

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

__all__ = ["StorageFixtures", "content", "raised_by", "read", "spread", "together"]

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)
_WAIT_S = 60.0
_HANDS = 16


class StorageFixtures:
    """Override `backend`; override `bucket` where buckets are costly, and the sizes where objects are.

    `is_shared` is False for a store that only its own process can open, `streams_have_etags` for a wrapper whose
    streams are its own. `secrets` are texts that no reference and no
    error may hold: give the credentials that the backend under test was opened with. `multipart_bytes` is the size of
    an object that is written in parts, as is one of half its size; `memory_bytes` is what this process may hold while
    it writes or reads one (0 for a store that keeps its objects in this process). `very_many_keys` is more than ten
    pages of a listing, `page_keys` how many keys the store gives in one answer. A size of 0 leaves its tests out.
    """

    big_bytes: ClassVar[int] = 16 * 1024 * 1024 + 1
    multipart_bytes: ClassVar[int] = 64 * 1024 * 1024 + 1
    memory_bytes: ClassVar[int] = 100 * 1024 * 1024
    many_keys: ClassVar[int] = 1100
    very_many_keys: ClassVar[int] = 10_050
    page_keys: ClassVar[int] = 1000
    writers: ClassVar[int] = 8
    threads: ClassVar[int] = 16
    rounds: ClassVar[int] = 8
    is_shared: ClassVar[bool] = True
    streams_have_etags: ClassVar[bool] = True
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

    def takes(self, key: str) -> bool:
        """Tell whether the store can have this key; one that it cannot have is refused, never changed."""
        return True

    def fill(self, backend: StorageBackend, bucket: str, keys: Sequence[str]) -> None:
        """Write many objects whose content is their key; override it where the server has a faster way."""
        spread(lambda key: backend.put(bucket, key, key.encode()), keys)


def content(size_bytes: int, seed: int = 0) -> bytes:
    """Make bytes that repeat nowhere."""
    return random.Random(seed).randbytes(size_bytes)


def read(store: StorageBackend, bucket: str, key: str, span: Span | None = None) -> bytes:
    """Read an object to its end."""
    with closing(store.get(bucket, key, span=span)) as stream:
        return b"".join(iter(lambda: stream.read(1 << 20), b""))


def raised_by(action: Callable[[], object], kind: type[E], what: str) -> E:
    """Fail when something does not raise this kind of error; gives the error."""
    try:
        action()
    except kind as exc:
        return exc
    return pytest.fail(f"{what} does not raise {kind.__name__}", pytrace=False)


def spread(action: Callable[[str], T], keys: Sequence[str]) -> list[T]:
    """Do something with each key, in several threads; gives the answers in the order of the keys."""
    with ThreadPoolExecutor(_HANDS, thread_name_prefix="kit") as pool:
        return list(pool.map(action, keys, timeout=_WAIT_S))


def together(count: int, action: Callable[[int], T]) -> list[T]:
    """Run `action(0)`, `action(1)`, ... each in its own thread, all at the same moment."""
    barrier = Barrier(count, timeout=_WAIT_S)

    def run(number: int) -> T:
        barrier.wait()
        return action(number)

    with ThreadPoolExecutor(count, thread_name_prefix="kit") as pool:
        return list(pool.map(run, range(count), timeout=_WAIT_S))
