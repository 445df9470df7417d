"""Stores that write or delete one object wrongly."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from tests.contracts.storage.broken_base import Body, Broken

from lithops.errors import ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.objects.parts import cut
from lithops.spi.storage import StorageFeature
from lithops.testing import MemoryStorage
from lithops.types import ObjectInfo


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


class TestGivesLocalTimes(Broken):
    catches = "test_put_head_and_list_describe_an_object_alike"

    class store(MemoryStorage):  # noqa: N801
        def head(self, bucket: str, key: str) -> ObjectInfo:
            info = super().head(bucket, key)
            return ObjectInfo(info.key, info.size_bytes, info.etag, datetime.now(UTC).replace(tzinfo=None))


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


class TestRefusesToDeleteWhatIsMissing(Broken):
    catches = "test_deleting_what_is_missing_is_no_error"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            for key in keys:
                self.head(bucket, key)
            super().delete(bucket, keys)


class TestDeletesPrefixes(Broken):
    catches = "test_deleted_objects_are_gone_and_others_stay"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            super().delete(bucket, [info.key for key in keys for info in self.list(bucket, key)])


class TestHoldsABodyInMemory(Broken):
    catches = "test_an_object_in_parts_is_written_and_read_in_bounded_memory"
    memory_bytes = 2 << 20
    store = MemoryStorage


class TestLosesTheLastPart(Broken):
    catches = "test_an_object_in_parts_is_written_and_read_in_bounded_memory"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            *parts, _ = [bytes(part) for part in cut(body, 1 << 20)]
            info = super().put(bucket, key, parts, if_absent=if_absent)
            return info._replace(size_bytes=3 << 20)


class TestMixesTwoParts(Broken):
    catches = "test_an_object_in_parts_is_written_and_read_in_bounded_memory"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            first, second, *others = [bytes(part) for part in cut(body, 1 << 20)]
            return super().put(bucket, key, [second, first, *others], if_absent=if_absent)


class TestIgnoresIfAbsentOfAStream(Broken):
    catches = "test_a_conditional_put_in_parts_creates_or_leaves_what_exists"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if isinstance(body, io.BufferedReader):
                if_absent = False
            return super().put(bucket, key, body, if_absent=if_absent)


class TestCreatesNoStreamConditionally(Broken):
    catches = "test_a_conditional_put_in_parts_creates_or_leaves_what_exists"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if if_absent and isinstance(body, io.BufferedReader):
                raise ObjectExistsError("it exists")
            return super().put(bucket, key, body, if_absent=if_absent)


class TestKeepsThePartsOfABodyThatFailed(Broken):
    catches = "test_a_body_in_parts_that_fails_leaves_nothing"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            parts = []
            for part in cut(body, 1 << 18):
                parts.append(bytes(part))
                info = super().put(bucket, key, parts)
            return info


class TestSwallowsTheErrorOfABody(Broken):
    catches = "test_a_body_in_parts_that_fails_leaves_nothing"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            try:
                return super().put(bucket, key, body, if_absent=if_absent)
            except Exception as exc:
                raise StorageError("the body failed") from exc


class TestAddsALine(Broken):
    catches = "test_what_was_put_is_read"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key, body + b"\n" if isinstance(body, bytes) else body, if_absent=if_absent)


class TestCutsBigObjects(Broken):
    catches = "test_a_big_object_is_whole"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            return super().put(bucket, key, body[:200_000] if isinstance(body, bytes) else body, if_absent=if_absent)


class TestReadsABodyOnce(Broken):
    catches = "test_a_big_stream_that_cannot_seek_and_reads_short_is_whole"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            once = body.read1(1 << 20) if isinstance(body, io.BufferedReader) else body
            return super().put(bucket, key, once, if_absent=if_absent)


class TestCountsItemsForBytes(Broken):
    catches = "test_each_kind_of_buffer_is_written"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            cast = body.cast("B")[: len(body)] if isinstance(body, memoryview) else body
            return super().put(bucket, key, cast, if_absent=if_absent)


class TestKeepsTheFirstVersion(Broken):
    catches = "test_put_replaces_an_object"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            with suppress(StorageNoSuchKeyError):
                found = self.head(bucket, key)
                if not if_absent:
                    return found
            return super().put(bucket, key, body, if_absent=if_absent)


class TestRemembersWhatWasDeleted(Broken):
    catches = "test_a_key_can_be_written_again_after_a_delete"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            gone: set[str] = self.__dict__.setdefault("gone", set())
            if if_absent and key in gone:
                raise ObjectExistsError("it existed")
            return super().put(bucket, key, body, if_absent=if_absent)

        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            self.__dict__.setdefault("gone", set()).update(keys)
            super().delete(bucket, keys)
