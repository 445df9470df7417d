"""The storage kit: objects are read whole, in part and in pieces; what is missing is said to be missing, by each verb."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing

import pytest

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError
from lithops.spi.storage import StorageBackend
from lithops.testing.storage.fixtures import StorageFixtures, content, raised_by, read
from lithops.types import Span

__all__ = ["ReadingTests"]

_TEN = b"0123456789"
_SPANS = [
    *[(0, 10), (0, 1), (9, 10), (3, 7), (1, 9), (0, 0), (5, 5), (10, 10), (9, 11), (8, 12), (0, 11), (10, 11)],
    *[(10, 12), (11, 11), (50, 60), (0, 10**12), (10**12, 10**12 + 1), (2**63 - 10, 2**63 - 1)],
]


class ReadingTests(StorageFixtures):
    """What get gives, and what it raises."""

    def test_a_span_gives_exactly_its_bytes(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "key", _TEN)
        for start, end in _SPANS:
            assert (start, end, read(backend, bucket, "key", Span(start, end))) == (start, end, _TEN[start:end])

    def test_a_span_of_an_empty_object_is_empty(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "empty", b"")
        for span in (Span(0, 0), Span(0, 1), Span(5, 9)):
            assert read(backend, bucket, "empty", span) == b""

    def test_a_stream_has_the_etag_of_its_object(self, backend: StorageBackend, bucket: str) -> None:
        if not self.streams_have_etags:
            pytest.skip("streams_have_etags is False")
        found = []
        for body in (b"first", b"the second"):
            backend.put(bucket, "key", body)
            etag = backend.head(bucket, "key").etag
            for span in (None, Span(1, 3), Span(20, 30), Span(2, 2)):
                with closing(backend.get(bucket, "key", span=span)) as stream:
                    if span is None or span.start < span.end <= len(body):  # where there is something to continue
                        assert getattr(stream, "etag", None) == etag
            found.append(etag)
        assert None in found or found[0] != found[1]

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
        for span in (None, Span(0, 1), Span(5, 5), Span(100, 200)):
            with pytest.raises(StorageNoSuchKeyError):
                backend.get(bucket, "missing", span=span)

    def test_head_of_a_missing_key_fails(self, backend: StorageBackend, bucket: str) -> None:
        with pytest.raises(StorageNoSuchKeyError):
            backend.head(bucket, "missing")

    def test_a_part_of_a_key_is_another_key(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "folder/key", b"")
        for key in filter(self.takes, ("folder", "folder/", "folder/ke", "folder/key/", "folder/key/x", "/folder/key")):
            with pytest.raises(StorageNoSuchKeyError):
                backend.get(bucket, key)
            with pytest.raises(StorageNoSuchKeyError):
                backend.head(bucket, key)

    def test_a_missing_bucket_is_said_to_be_missing(self, backend: StorageBackend, missing_bucket: str) -> None:
        verbs: dict[str, Callable[[], object]] = {
            "put": lambda: backend.put(missing_bucket, "key", b"x"),
            "put of a stream": lambda: backend.put(missing_bucket, "key", io.BytesIO(b"x")),
            "put if absent": lambda: backend.put(missing_bucket, "key", b"x", if_absent=True),
            "get": lambda: backend.get(missing_bucket, "key"),
            "get of a span": lambda: backend.get(missing_bucket, "key", span=Span(0, 1)),
            "get of nothing": lambda: backend.get(missing_bucket, "key", span=Span(1, 1)),
            "head": lambda: backend.head(missing_bucket, "key"),
            "list": lambda: next(backend.list(missing_bucket), None),
            "list below": lambda: next(backend.list(missing_bucket, "a/", after="a/b"), None),
            "delete": lambda: backend.delete(missing_bucket, ["key"]),
            "delete of many": lambda: backend.delete(missing_bucket, ["key", "other"]),
        }
        for verb, action in verbs.items():
            raised_by(action, NoSuchBucketError, verb)
        assert not backend.has_bucket(missing_bucket)
