"""The storage kit: objects are written whole or not at all, described, replaced and deleted."""

from __future__ import annotations

import io
from array import array
from datetime import timedelta

import pytest

from lithops.errors import ObjectExistsError, StorageNoSuchKeyError
from lithops.spi.storage import StorageBackend
from lithops.testing.storage.bodies import BodyError, ShortStream
from lithops.testing.storage.fixtures import StorageFixtures, content, read
from lithops.types import Buffer, Span

__all__ = ["ObjectTests"]

_TEN = b"0123456789"


class ObjectTests(StorageFixtures):
    """One object at a time."""

    @pytest.mark.parametrize("size_bytes", [1, 4096, 65_537])
    def test_what_was_put_is_read(self, backend: StorageBackend, bucket: str, size_bytes: int) -> None:
        backend.put(bucket, "key", content(size_bytes))
        assert read(backend, bucket, "key") == content(size_bytes)

    def test_an_empty_object_is_an_object(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "empty", b"")
        assert read(backend, bucket, "empty") == b""
        assert backend.head(bucket, "empty").size_bytes == 0
        assert [(info.key, info.size_bytes) for info in backend.list(bucket)] == [("empty", 0)]

    def test_a_big_object_is_whole(self, backend: StorageBackend, bucket: str) -> None:
        whole = content(self.big_bytes)
        backend.put(bucket, "big", whole)
        assert backend.head(bucket, "big").size_bytes == len(whole)
        assert read(backend, bucket, "big") == whole
        assert read(backend, bucket, "big", Span(len(whole) - 5, len(whole))) == whole[-5:]

    @pytest.mark.parametrize(
        "body",
        [bytearray(_TEN), memoryview(_TEN)[2:7], memoryview(array("d", [1.5, 2.5]))],
        ids=lambda b: type(b).__name__,
    )
    def test_each_kind_of_buffer_is_written(
        self, backend: StorageBackend, bucket: str, body: bytearray | memoryview
    ) -> None:
        backend.put(bucket, "key", body)
        assert read(backend, bucket, "key") == bytes(body)

    def test_buffers_are_written_back_to_back(self, backend: StorageBackend, bucket: str) -> None:
        parts: list[Buffer] = [b"", b"ab", memoryview(array("d", [1.5])), bytearray(b"c"), b""]
        parts += [content(7, seed) for seed in range(3000)]
        backend.put(bucket, "parts", parts)
        backend.put(bucket, "none", [])
        assert read(backend, bucket, "parts") == b"".join(parts)
        assert read(backend, bucket, "none") == b""

    def test_a_stream_is_written_from_its_position(self, backend: StorageBackend, bucket: str) -> None:
        stream = io.BytesIO(_TEN)
        stream.seek(3)
        backend.put(bucket, "key", stream)
        assert read(backend, bucket, "key") == _TEN[3:]

    def test_a_big_stream_that_cannot_seek_and_reads_short_is_whole(self, backend: StorageBackend, bucket: str) -> None:
        whole = content(self.big_bytes)
        backend.put(bucket, "big", io.BufferedReader(ShortStream(whole)))
        assert read(backend, bucket, "big") == whole

    @pytest.mark.parametrize("if_absent", [False, True])
    def test_a_stream_that_fails_writes_nothing(self, backend: StorageBackend, bucket: str, if_absent: bool) -> None:
        backend.put(bucket, "old", b"old")
        with pytest.raises(BodyError):
            backend.put(bucket, "old", io.BufferedReader(ShortStream(content(100_000), fails_at=70_000)))
        with pytest.raises(BodyError):
            backend.put(
                bucket, "new", io.BufferedReader(ShortStream(content(100_000), fails_at=70_000)), if_absent=if_absent
            )
        assert read(backend, bucket, "old") == b"old"
        assert [info.key for info in backend.list(bucket)] == ["old"]

    def test_put_replaces_an_object(self, backend: StorageBackend, bucket: str) -> None:
        first = backend.put(bucket, "key", b"the first and longer one")
        second = backend.put(bucket, "key", b"second")
        assert read(backend, bucket, "key") == b"second"
        assert backend.head(bucket, "key").size_bytes == 6
        assert first.etag is None or first.etag != second.etag

    def test_put_head_and_list_describe_an_object_alike(self, backend: StorageBackend, bucket: str) -> None:
        put = backend.put(bucket, "key", _TEN)
        head = backend.head(bucket, "key")
        (listed,) = backend.list(bucket)
        assert (
            (head.key, head.size_bytes) == (put.key, put.size_bytes) == (listed.key, listed.size_bytes) == ("key", 10)
        )
        assert {info.etag for info in (put, head, listed)} - {None} in ({head.etag}, set())
        for info in (put, head, listed):
            assert info.modified is None or info.modified.utcoffset() == timedelta(0)

    def test_deleted_objects_are_gone_and_others_stay(self, backend: StorageBackend, bucket: str) -> None:
        for key in ("a", "a/b", "ab", "b"):
            backend.put(bucket, key, key.encode())
        backend.delete(bucket, ["a", "b"])
        assert [info.key for info in backend.list(bucket)] == ["a/b", "ab"]
        with pytest.raises(StorageNoSuchKeyError):
            backend.get(bucket, "a")
        assert read(backend, bucket, "a/b") == b"a/b"

    def test_deleting_what_is_missing_is_no_error(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "key", b"")
        backend.delete(bucket, [])
        backend.delete(bucket, ["missing", "key", "missing/too", "key/below"])
        backend.delete(bucket, ["key"])
        assert list(backend.list(bucket)) == []

    def test_a_key_can_be_written_again_after_a_delete(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "folder/key", b"old")
        backend.delete(bucket, ["folder/key"])
        backend.put(bucket, "folder/key", b"new", if_absent=True)
        assert read(backend, bucket, "folder/key") == b"new"

    @pytest.mark.parametrize(
        "body", [b"second", [b"sec", b"ond"], io.BytesIO(b"second")], ids=["bytes", "list", "file"]
    )
    def test_a_conditional_put_leaves_what_exists(
        self, backend: StorageBackend, bucket: str, body: bytes | list[bytes] | io.BytesIO
    ) -> None:
        backend.put(bucket, "key", b"first", if_absent=True)
        with pytest.raises(ObjectExistsError):
            backend.put(bucket, "key", body, if_absent=True)
        assert read(backend, bucket, "key") == b"first"
        assert [info.key for info in backend.list(bucket)] == ["key"]

    def test_an_empty_object_counts_for_a_conditional_put(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "key", b"")
        with pytest.raises(ObjectExistsError):
            backend.put(bucket, "key", b"x", if_absent=True)
