"""Stores that break under threads, and stores whose buckets, references or ends are wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event

from tests.contracts.storage.broken_base import Body, Broken

from lithops.errors import ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.spi.storage import ByteStream, StorageFeature
from lithops.testing import MemoryStorage
from lithops.types import ObjectInfo, Span, StorageRef

WAIT_S = 10.0


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


class TestWritesInTwoSteps(Broken):
    catches = "test_readers_see_an_object_whole_while_it_is_replaced"

    class store(MemoryStorage):  # noqa: N801
        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if isinstance(body, bytes) and len(body) > 50_000 and not if_absent:
                super().put(bucket, key, body[:50_000])
                time.sleep(0.001)
            return super().put(bucket, key, body, if_absent=if_absent)


class TestEmptiesABucketThatIsCreatedAgain(Broken):
    catches = "test_a_bucket_can_be_created_twice"

    class store(MemoryStorage):  # noqa: N801
        def create_bucket(self, bucket: str) -> None:
            if self.has_bucket(bucket):
                self.delete(bucket, [info.key for info in self.list(bucket)])
            super().create_bucket(bucket)


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


class TestWritesTwoHalves(Broken):
    catches = "test_a_key_that_comes_and_goes_is_whole_or_missing"

    class store(MemoryStorage):  # noqa: N801
        """Its reads wait for a half, and that for a read: else readers may be done before a writer begins."""

        def __init__(self) -> None:
            super().__init__()
            self.is_half, self.is_read = Event(), Event()

        def put(self, bucket: str, key: str, body: Body, *, if_absent: bool = False) -> ObjectInfo:
            if isinstance(body, bytes) and len(body) > 10_000:
                super().put(bucket, key, body[:10_000])
                self.is_half.set()
                self.is_read.wait(WAIT_S)
            return super().put(bucket, key, body, if_absent=if_absent)

        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            self.is_half.wait(WAIT_S)
            stream = super().get(bucket, key, span=span)
            self.is_read.set()
            return stream


class TestDeletesByADrawnOutListing(Broken):
    catches = "test_writers_deleters_and_listers_share_a_prefix"

    class store(MemoryStorage):  # noqa: N801
        def delete(self, bucket: str, keys: Sequence[str]) -> None:
            kept = [(info.key, self.get(bucket, info.key).read()) for info in self.list(bucket) if info.key not in keys]
            super().delete(bucket, [info.key for info in self.list(bucket)])
            time.sleep(0.001)
            for key, body in kept:
                self.put(bucket, key, body)


class TestNamesNoDefaultBucket(Broken):
    catches = "test_the_default_bucket_is_a_name_or_none"

    class store(MemoryStorage):  # noqa: N801
        def default_bucket(self) -> str:
            return ""


class TestHasNoClient(Broken):
    catches = "test_the_client_is_something"

    class store(MemoryStorage):  # noqa: N801
        def client(self) -> None:
            return None
