"""The bucket of jobs is made by the first write, whatever the body; no other bucket is."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

import pytest

from lithops.errors import NoSuchBucketError
from lithops.storage import Storage
from lithops.testing import FaultyStorage, MemoryStorage


class Pipe(io.RawIOBase):
    """A stream that can be read once."""

    def __init__(self, body: bytes) -> None:
        self.left = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        data, self.left = self.left[: len(buffer)], self.left[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class Reader:
    """Something with `read` and nothing else."""

    def __init__(self, body: bytes) -> None:
        self.file = io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)


@pytest.mark.parametrize("kind", [bytes, io.BytesIO, lambda body: io.BufferedReader(Pipe(body)), Reader])
def test_the_bucket_of_jobs_is_made_by_the_first_write(kind: Callable[[bytes], BinaryIO]) -> None:
    backend = FaultyStorage(MemoryStorage(), [])
    storage = Storage.over(backend, "jobs")
    storage.put_object("jobs", "a", kind(b"body"))
    assert storage.get_object("jobs", "a") == b"body"
    assert backend.requests["create_bucket"] == 1
    with pytest.raises(NoSuchBucketError, match="'other'"):
        storage.put_object("other", "a", kind(b"body"))


def test_a_bucket_that_exists_costs_no_request() -> None:
    faulty = FaultyStorage(MemoryStorage(), [])
    faulty.inner.create_bucket("b")
    Storage.over(faulty, "b").put_object("b", "key", io.BytesIO(b"x"))
    assert faulty.requests == {"put": 1}


def test_many_writers_at_once_make_the_bucket_once() -> None:
    backend = FaultyStorage(MemoryStorage(), [])
    Storage.over(backend, "jobs").put_many("jobs", dict.fromkeys(map(str, range(100)), b"x"))
    assert len(list(backend.list("jobs"))) == 100
    assert backend.requests["create_bucket"] == 1
