"""The storage kit: objects are written whole, described, read whole or in part, and deleted."""

from __future__ import annotations

import io
from array import array
from contextlib import closing
from datetime import timedelta

import pytest

from lithops.errors import NoSuchBucketError, ObjectExistsError, StorageNoSuchKeyError
from lithops.spi.storage import StorageBackend
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
        backend.put(bucket, "big", io.BufferedReader(_ShortStream(whole)))
        assert read(backend, bucket, "big") == whole

    @pytest.mark.parametrize("if_absent", [False, True])
    def test_a_stream_that_fails_writes_nothing(self, backend: StorageBackend, bucket: str, if_absent: bool) -> None:
        backend.put(bucket, "old", b"old")
        with pytest.raises(_BodyError):
            backend.put(bucket, "old", io.BufferedReader(_ShortStream(content(100_000), fails_at=70_000)))
        with pytest.raises(_BodyError):
            backend.put(
                bucket, "new", io.BufferedReader(_ShortStream(content(100_000), fails_at=70_000)), if_absent=if_absent
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

    @pytest.mark.parametrize(
        "span", [(0, 10), (0, 1), (9, 10), (3, 7), (0, 0), (5, 5), (10, 10), (8, 12), (10, 12), (50, 60), (0, 10**12)]
    )
    def test_a_span_gives_exactly_its_bytes(self, backend: StorageBackend, bucket: str, span: tuple[int, int]) -> None:
        backend.put(bucket, "key", _TEN)
        start, end = span
        assert read(backend, bucket, "key", Span(start, end)) == _TEN[start:end]

    def test_a_span_of_an_empty_object_is_empty(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "empty", b"")
        assert read(backend, bucket, "empty", Span(0, 1)) == b""

    @pytest.mark.parametrize("span", [None, Span(2, 8)])
    def test_a_stream_reads_in_pieces_to_its_end(self, backend: StorageBackend, bucket: str, span: Span | None) -> None:
        backend.put(bucket, "key", _TEN)
        wanted = _TEN if span is None else _TEN[2:8]
        with closing(backend.get(bucket, "key", span=span)) as stream:
            first = stream.read(4)
            assert 0 < len(first) <= 4
            assert first + b"".join(iter(lambda: stream.read(1), b"")) == wanted
            assert (stream.read(5), stream.read()) == (b"", b"")
        with closing(backend.get(bucket, "key", span=span)) as stream:
            assert stream.read() == wanted

    def test_a_stream_may_be_closed_early_and_twice(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "key", content(100_000))
        stream = backend.get(bucket, "key")
        stream.read(1)
        stream.close()
        stream.close()
        assert read(backend, bucket, "key") == content(100_000)

    def test_get_of_a_missing_key_fails_at_once(self, backend: StorageBackend, bucket: str) -> None:
        with pytest.raises(StorageNoSuchKeyError):
            backend.get(bucket, "missing")
        with pytest.raises(StorageNoSuchKeyError):
            backend.get(bucket, "missing", span=Span(0, 1))

    def test_head_of_a_missing_key_fails(self, backend: StorageBackend, bucket: str) -> None:
        with pytest.raises(StorageNoSuchKeyError):
            backend.head(bucket, "missing")

    def test_a_part_of_a_key_is_another_key(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "folder/key", b"")
        for key in ("folder", "folder/", "folder/ke", "folder/key/", "folder/key/x", "/folder/key"):
            with pytest.raises(StorageNoSuchKeyError):
                backend.get(bucket, key)
            with pytest.raises(StorageNoSuchKeyError):
                backend.head(bucket, key)

    def test_a_missing_bucket_is_said_to_be_missing(self, backend: StorageBackend, missing_bucket: str) -> None:
        for if_absent in (False, True):
            with pytest.raises(NoSuchBucketError):
                backend.put(missing_bucket, "key", b"x", if_absent=if_absent)
        with pytest.raises(NoSuchBucketError):
            next(backend.list(missing_bucket), None)
        with pytest.raises((NoSuchBucketError, StorageNoSuchKeyError)):
            backend.get(missing_bucket, "key")
        with pytest.raises((NoSuchBucketError, StorageNoSuchKeyError)):
            backend.head(missing_bucket, "key")
        assert not backend.has_bucket(missing_bucket)

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


class _BodyError(Exception):
    """What a body's own stream raises."""


class _ShortStream(io.RawIOBase):
    """Cannot seek, and reads less than it is asked for."""

    def __init__(self, data: bytes, fails_at: int | None = None) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._fails_at = fails_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        if self._fails_at is not None and self._at >= self._fails_at:
            raise _BodyError("the body's stream fails here")
        piece = self._data[self._at : self._at + min(len(buffer), 60_001)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
