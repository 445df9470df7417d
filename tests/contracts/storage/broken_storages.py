"""Stores with one planted fault each, and the test of the kit that must catch it. `test_kit` runs this file."""

from __future__ import annotations

import io
import posixpath
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import BinaryIO, ClassVar

import pytest

from lithops.errors import NoSuchBucketError, ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.testing import MemoryStorage, StorageContract
from lithops.types import Buffer, ObjectInfo, Span, StorageRef

Body = Buffer | Sequence[Buffer] | BinaryIO


class Broken(StorageContract):
    """`catches` names the test that must fail; each class names its store by `store`."""

    is_shared: ClassVar[bool] = False
    big_bytes: ClassVar[int] = 300_000
    many_keys: ClassVar[int] = 1010
    store: ClassVar[type[MemoryStorage]]
    catches: ClassVar[str]

    @pytest.fixture
    def backend(self) -> StorageBackend:
        return self.store()


class TestListsAsInserted(Broken):
    catches = "test_many_keys_are_listed_in_order"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            found = list(super().list(bucket, prefix, after=after))
            return iter(sorted(found, key=lambda info: info.key[::-1]))


class TestListsByUtf16(Broken):
    catches = "test_hostile_keys_are_names_like_any_other"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            found = list(super().list(bucket, prefix, after=after))
            return iter(sorted(found, key=lambda info: info.key.encode("utf-16-be")))


class TestListsOnePage(Broken):
    catches = "test_many_keys_are_listed_in_order"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            found = list(super().list(bucket, prefix, after=after))
            return iter(found[:1000])


class TestListsAList(Broken):
    catches = "test_a_listing_is_an_iterator"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            return list(super().list(bucket, prefix, after=after))  # type: ignore[return-value]


class TestListsFromAMark(Broken):
    catches = "test_only_keys_above_a_mark_are_listed"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            return (info for info in super(type(self), self).list(bucket, prefix) if after is None or info.key >= after)


class TestTakesPrefixesForFolders(Broken):
    catches = "test_a_prefix_is_no_folder"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            folder = prefix if not prefix or prefix.endswith("/") else prefix + "/"
            return super().list(bucket, folder, after=after)


class TestListsNothingOfAMissingBucket(Broken):
    catches = "test_a_missing_bucket_is_said_to_be_missing"

    class store(MemoryStorage):  # noqa: N801
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
            with suppress(NoSuchBucketError):
                return super().list(bucket, prefix, after=after)
            return iter(())


class TestLosesARaceOfConditionalPuts(Broken):
    catches = "test_one_of_many_conditional_writers_wins"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if if_absent:
                with suppress(StorageNoSuchKeyError):
                    self.head(bucket, key)
                    raise ObjectExistsError("it exists")
                time.sleep(0.001)
            return super().put(bucket, key, body)


class TestIgnoresIfAbsent(Broken):
    catches = "test_a_conditional_put_leaves_what_exists"

    class store(MemoryStorage):  # noqa: N801
        features = StorageFeature.NONE

        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key, body)


class TestForgetsEmptyObjectsWhenConditional(Broken):
    catches = "test_an_empty_object_counts_for_a_conditional_put"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            with suppress(StorageNoSuchKeyError):
                if_absent = if_absent and self.head(bucket, key).size_bytes > 0
            return super().put(bucket, key, body, if_absent=if_absent)


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


class TestGivesLocalTimes(Broken):
    catches = "test_put_head_and_list_describe_an_object_alike"

    class store(MemoryStorage):  # noqa: N801
        def head(self, bucket: str, key: str) -> ObjectInfo:
            info = super().head(bucket, key)
            return ObjectInfo(info.key, info.size_bytes, info.etag, datetime.now(UTC).replace(tzinfo=None))


class TestResolvesDots(Broken):
    catches = "test_a_key_leads_to_no_other_place"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            path = posixpath.normpath(posixpath.join("/root", bucket, key))
            return super().put(bucket, path.removeprefix(f"/root/{bucket}/"), body, if_absent=if_absent)


class TestFoldsCase(Broken):
    catches = "test_hostile_keys_are_names_like_any_other"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key.lower(), body, if_absent=if_absent)


class TestLosesEmptyObjects(Broken):
    catches = "test_an_empty_object_is_an_object"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            info = super().put(bucket, key, body, if_absent=if_absent)
            if not info.size_bytes:
                self.delete(bucket, [key])
            return info


class TestWritesTheFirstBuffersOnly(Broken):
    catches = "test_buffers_are_written_back_to_back"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if isinstance(body, list):
                body = body[:1024]
            return super().put(bucket, key, body, if_absent=if_absent)


class TestRewindsStreams(Broken):
    catches = "test_a_stream_is_written_from_its_position"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if isinstance(body, io.BytesIO):
                body.seek(0)
            return super().put(bucket, key, body, if_absent=if_absent)


class TestKeepsWhatAStreamGaveBeforeItFailed(Broken):
    catches = "test_a_stream_that_fails_writes_nothing"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if isinstance(body, io.BufferedReader):
                whole = b""
                try:
                    while piece := body.read1():
                        whole += piece
                finally:
                    info = super().put(bucket, key, whole, if_absent=if_absent)
                return info
            return super().put(bucket, key, body, if_absent=if_absent)


class TestWritesInTwoSteps(Broken):
    catches = "test_readers_see_an_object_whole_while_it_is_replaced"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if isinstance(body, bytes) and len(body) > 50_000 and not if_absent:
                super().put(bucket, key, body[:50_000])
                time.sleep(0.001)
            return super().put(bucket, key, body, if_absent=if_absent)


class TestRefusesToDeleteWhatIsMissing(Broken):
    catches = "test_deleting_what_is_missing_is_no_error"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            for key in keys:
                self.head(bucket, key)
            super().delete(bucket, keys)


class TestDeletesOnePage(Broken):
    catches = "test_many_objects_are_deleted_at_once"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            super().delete(bucket, keys[:1000])


class TestDeletesPrefixes(Broken):
    catches = "test_deleted_objects_are_gone_and_others_stay"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            super().delete(bucket, [info.key for key in keys for info in self.list(bucket, key)])


class TestEmptiesABucketThatIsCreatedAgain(Broken):
    catches = "test_a_bucket_can_be_created_twice"

    class store(MemoryStorage):  # noqa: N801
        def create_bucket(self, bucket: str) -> None:
            if self.has_bucket(bucket):
                self.delete(bucket, [info.key for info in self.list(bucket)])
            super().create_bucket(bucket)


class TestHasEveryBucket(Broken):
    catches = "test_a_missing_bucket_is_said_to_be_missing"

    class store(MemoryStorage):  # noqa: N801
        def has_bucket(self, bucket: str) -> bool:
            return True


class TestTellsSecrets(Broken):
    catches = "test_a_reference_is_json_without_secrets"
    secrets = ("hunter2",)

    class store(MemoryStorage):  # noqa: N801
        def ref(self, bucket: str) -> StorageRef:
            ref = super().ref(bucket)
            return StorageRef(ref.factory, bucket, {**ref.options, "password": "hunter2"})


class TestReferenceIsNoJson(Broken):
    catches = "test_a_reference_is_json_without_secrets"

    class store(MemoryStorage):  # noqa: N801
        def ref(self, bucket: str) -> StorageRef:
            ref = super().ref(bucket)
            return StorageRef(ref.factory, bucket, {**ref.options, "numbers": (1, 2)})


class TestReferenceOpensAnother(Broken):
    catches = "test_a_reference_opens_the_same_store"

    class store(MemoryStorage):  # noqa: N801
        def ref(self, bucket: str) -> StorageRef:
            self._other = MemoryStorage()
            self._other.create_bucket(bucket)
            return self._other.ref(bucket)


class TestSaysItIsShared(Broken):
    catches = "test_a_reference_opens_the_store_in_another_process"
    is_shared = True
    store = MemoryStorage


class TestSaysItHasLocalFiles(Broken):
    catches = "test_local_files_are_had_or_refused"

    class store(MemoryStorage):  # noqa: N801
        features = StorageFeature.CONDITIONAL_PUT | StorageFeature.LOCAL_PATHS

        def local_path(self, bucket: str, key: str) -> str:
            return f"/nowhere/{bucket}/{key}"


class TestClosesOnce(Broken):
    catches = "test_close_may_be_called_again"

    class store(MemoryStorage):  # noqa: N801
        is_closed = False

        def close(self) -> None:
            if self.is_closed:
                raise StorageError("closed already")
            self.is_closed = True


class TestClaimsEveryError(Broken):
    catches = "test_a_stranger_s_exception_is_not_translated"

    class store(MemoryStorage):  # noqa: N801
        def translate(self, exc: BaseException) -> StorageError | None:
            return StorageError(f"something failed: {exc}")


class TestSharesOneStateAmongThreads(Broken):
    catches = "test_threads_do_not_disturb_each_other"

    class store(MemoryStorage):  # noqa: N801
        last: Body = b""

        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            self.last = body
            time.sleep(0.0005)
            return super().put(bucket, key, self.last, if_absent=if_absent)
