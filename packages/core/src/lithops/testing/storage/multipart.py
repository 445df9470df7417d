"""The storage kit: objects so big that they are written in parts, in bounded memory, whole or not at all."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from lithops.errors import ObjectExistsError
from lithops.spi.storage import StorageBackend, StorageFeature
from lithops.testing.storage.bodies import BodyError, big_stream, sha256_of
from lithops.testing.storage.fixtures import StorageFixtures, read
from lithops.types import Span

__all__ = ["MultipartTests"]

_MIB = 1 << 20


class MultipartTests(StorageFixtures):
    """Objects of `multipart_bytes`, or half of that."""

    def test_an_object_in_parts_is_written_and_read_in_bounded_memory(
        self, backend: StorageBackend, bucket: str
    ) -> None:
        size = self._size()
        with self._bounded():
            assert backend.put(bucket, "big", big_stream(size)).size_bytes == size
            digest = hashlib.sha256()
            for start in range(0, size, 24 * _MIB - 1):
                with closing(backend.get(bucket, "big", span=Span(start, start + 24 * _MIB - 1))) as stream:
                    while data := stream.read(_MIB):
                        digest.update(data)
        assert digest.hexdigest() == sha256_of(big_stream(size))
        info = backend.head(bucket, "big")
        (listed,) = backend.list(bucket)
        assert (info.size_bytes, listed.size_bytes, listed.etag) == (size, size, info.etag)
        with big_stream(size) as stream:
            edges = stream.read(16 * _MIB + 2)
        for at in (0, 5 * _MIB, 8 * _MIB, 16 * _MIB):
            span = Span(max(0, at - 2), at + 2)
            assert read(backend, bucket, "big", span) == edges[span.start : span.end]
        assert len(read(backend, bucket, "big", Span(size - 3, size + 3))) == 3
        assert read(backend, bucket, "big", Span(size, size + 3)) == b""

    def test_a_conditional_put_in_parts_creates_or_leaves_what_exists(
        self, backend: StorageBackend, bucket: str
    ) -> None:
        size = self._size() // 2
        if StorageFeature.CONDITIONAL_PUT not in backend.features:
            pytest.skip(f"{type(backend).__name__} does not have StorageFeature.CONDITIONAL_PUT")
        backend.put(bucket, "old", b"old")
        with pytest.raises(ObjectExistsError):
            backend.put(bucket, "old", big_stream(size), if_absent=True)
        backend.put(bucket, "new", big_stream(size), if_absent=True)
        assert read(backend, bucket, "old") == b"old"
        assert backend.head(bucket, "new").size_bytes == size
        assert [info.key for info in backend.list(bucket)] == ["new", "old"]

    def test_a_body_in_parts_that_fails_leaves_nothing(self, backend: StorageBackend, bucket: str) -> None:
        size = self._size() // 2
        backend.put(bucket, "old", b"old")
        for key in ("new", "old"):
            with pytest.raises(BodyError):
                backend.put(bucket, key, big_stream(size, fails_at=size - _MIB))
        assert read(backend, bucket, "old") == b"old"
        assert [info.key for info in backend.list(bucket)] == ["old"]

    def _size(self) -> int:
        if not self.multipart_bytes:
            pytest.skip("multipart_bytes is 0")
        return self.multipart_bytes

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Fail when Python holds more than `memory_bytes` at any time of the block."""
        if not self.memory_bytes:
            yield
            return
        tracemalloc.start()
        try:
            yield
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak <= self.memory_bytes, f"{peak >> 20} MiB were in memory for an object of {self._size() >> 20} MiB"
