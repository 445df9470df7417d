"""Stores that read wrongly, or say wrongly what is missing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress

from tests.contracts.storage.broken_base import Broken

from lithops.errors import NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.spi.storage import ByteStream
from lithops.testing import MemoryStorage
from lithops.types import ObjectInfo, Span


class TestListsNothingOfAMissingBucket(Broken):
    catches = "test_a_missing_bucket_is_said_to_be_missing"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            with suppress(NoSuchBucketError):
                return super().list(bucket, prefix, after=after)
            return iter(())


class TestIncludesTheEndOfASpan(Broken):
    catches = "test_a_span_gives_exactly_its_bytes"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            return super().get(bucket, key, span=span and Span(span.start, span.end + 1))


class TestTakesAnEmptySpanForNone(Broken):
    catches = "test_a_span_gives_exactly_its_bytes"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            return super().get(bucket, key, span=span if span and span.end > span.start else None)


class TestRefusesASpanPastTheEnd(Broken):
    catches = "test_a_span_of_an_empty_object_is_empty"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            if span and span.start >= self.head(bucket, key).size_bytes:
                raise StorageError("the range is not satisfiable")
            return super().get(bucket, key, span=span)


class TestFindsAMissingKeyLate(Broken):
    catches = "test_get_of_a_missing_key_fails_at_once"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            opened = super().get

            class Late(io.BytesIO):
                def read(self, size: int | None = -1, /) -> bytes:
                    return opened(bucket, key, span=span).read(size if size is not None else -1)

            return Late()


class TestSwallowsAMissingKey(Broken):
    catches = "test_get_of_a_missing_key_fails_at_once"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            with suppress(StorageNoSuchKeyError):
                return super().get(bucket, key, span=span)
            return io.BytesIO()


class TestRaisesKeyErrorForAMissingKey(Broken):
    catches = "test_head_of_a_missing_key_fails"

    class store(MemoryStorage):  # noqa: N801
        def head(self, bucket: str, key: str) -> ObjectInfo:
            try:
                return super().head(bucket, key)
            except StorageNoSuchKeyError:
                raise KeyError(key) from None


class TestHasEveryBucket(Broken):
    catches = "test_a_missing_bucket_is_said_to_be_missing"

    class store(MemoryStorage):  # noqa: N801
        def has_bucket(self, bucket: str) -> bool:
            return True


class TestForgetsTheEtagOfAStream(Broken):
    catches = "test_a_stream_has_the_etag_of_its_object"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            return io.BytesIO(super().get(bucket, key, span=span).read())


class TestGivesEachVersionTheSameEtag(Broken):
    catches = "test_a_stream_has_the_etag_of_its_object"

    class store(MemoryStorage):  # noqa: N801
        def head(self, bucket: str, key: str) -> ObjectInfo:
            return super().head(bucket, key)._replace(etag=key)

        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            stream = super().get(bucket, key, span=span)
            stream.etag = key  # type: ignore[attr-defined]
            return stream


class TestReadsNothingOfAMissingKey(Broken):
    catches = "test_get_of_a_missing_key_fails_at_once"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            return io.BytesIO() if span and span.start == span.end else super().get(bucket, key, span=span)


class TestMissesAKeyOfAMissingBucket(Broken):
    catches = "test_a_missing_bucket_is_said_to_be_missing"

    class store(MemoryStorage):  # noqa: N801
        def head(self, bucket: str, key: str) -> ObjectInfo:
            try:
                return super().head(bucket, key)
            except NoSuchBucketError:
                raise StorageNoSuchKeyError(bucket, key) from None


class TestMissesAKeyOfAMissingBucketWhenItReads(Broken):
    catches = "test_a_missing_bucket_is_said_to_be_missing"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            try:
                return super().get(bucket, key, span=span)
            except NoSuchBucketError:
                raise StorageNoSuchKeyError(bucket, key) from None


class TestDeletesInAMissingBucket(Broken):
    catches = "test_a_missing_bucket_is_said_to_be_missing"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            with suppress(NoSuchBucketError):
                super().delete(bucket, keys)


class TestOpensAFolderAsAnObject(Broken):
    catches = "test_a_part_of_a_key_is_another_key"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            return super().get(bucket, key.rstrip("/"), span=span)


class TestReadsOneByteTooMuch(Broken):
    catches = "test_a_stream_reads_in_pieces_to_its_end"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            whole = super().get(bucket, key, span=span)

            class Greedy(io.BytesIO):
                def read(self, size: int | None = -1, /) -> bytes:
                    return super().read(size + 1 if size and size > 0 else size)

            return Greedy(whole.read())


class TestClosesAStreamOnce(Broken):
    catches = "test_a_stream_may_be_closed_early_and_twice"

    class store(MemoryStorage):  # noqa: N801
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            stream = super().get(bucket, key, span=span)

            class Once:
                is_closed = False

                def read(self, size: int = -1, /) -> bytes:
                    return stream.read(size)

                def close(self) -> None:
                    if self.is_closed:
                        raise StorageError("closed already")
                    self.is_closed = True

            return Once()
