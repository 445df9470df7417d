"""The storage kit: many threads at once, on their own objects and on the same."""

from __future__ import annotations

from threading import Event

import pytest

from lithops.errors import ObjectExistsError, StorageNoSuchKeyError
from lithops.spi.storage import StorageBackend, StorageFeature
from lithops.testing.storage.fixtures import StorageFixtures, content, read, together

__all__ = ["RaceTests"]


class RaceTests(StorageFixtures):
    """Concurrent use of one backend."""

    def test_one_of_many_conditional_writers_wins(self, backend: StorageBackend, bucket: str) -> None:
        if StorageFeature.CONDITIONAL_PUT not in backend.features:
            pytest.skip(f"{type(backend).__name__} does not have StorageFeature.CONDITIONAL_PUT")
        for number in range(self.rounds):
            key = f"race/{number}"

            def write(writer: int, key: str = key) -> int | None:
                try:
                    backend.put(bucket, key, content(1000, writer), if_absent=True)
                except ObjectExistsError:
                    return None
                return writer

            (winner,) = [writer for writer in together(self.writers, write) if writer is not None]
            assert read(backend, bucket, key) == content(1000, winner)

    def test_threads_do_not_disturb_each_other(self, backend: StorageBackend, bucket: str) -> None:
        def work(thread: int) -> None:
            for number in range(self.rounds):
                key = f"{thread:02d}/{number:04d}"
                body = content(3000, thread * 1000 + number)
                assert backend.put(bucket, key, body).size_bytes == 3000
                assert read(backend, bucket, key) == body
                assert key in [info.key for info in backend.list(bucket, f"{thread:02d}/")]
                if number % 2:
                    backend.delete(bucket, [key])

        together(self.threads, work)
        expected = [
            f"{thread:02d}/{number:04d}" for thread in range(self.threads) for number in range(0, self.rounds, 2)
        ]
        assert [info.key for info in backend.list(bucket)] == expected

    def test_writers_deleters_and_listers_share_a_prefix(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "shared/stays", b"stays")

        def work(thread: int) -> None:
            for number in range(self.rounds):
                key = f"shared/{number % 3}/{thread % 4}"
                backend.put(bucket, key, key.encode())
                assert "shared/stays" in [info.key for info in backend.list(bucket, "shared/")]
                backend.delete(bucket, [key])

        together(self.threads // 2, work)
        assert [info.key for info in backend.list(bucket)] == ["shared/stays"]

    def test_readers_see_an_object_whole_while_it_is_replaced(self, backend: StorageBackend, bucket: str) -> None:
        versions = [bytes([number]) * (100_000 + number) for number in range(4)]
        backend.put(bucket, "key", versions[0])
        is_over = Event()

        def work(thread: int) -> None:
            if thread == 0:
                try:
                    for number in range(self.rounds):
                        backend.put(bucket, "key", versions[number % 4])
                finally:
                    is_over.set()
            else:
                while not is_over.is_set():
                    assert read(backend, bucket, "key") in versions

        together(4, work)

    def test_a_key_that_comes_and_goes_is_whole_or_missing(self, backend: StorageBackend, bucket: str) -> None:
        body = content(50_000)
        ended: list[int] = []

        def work(thread: int) -> None:
            if thread % 2:
                try:
                    for _ in range(self.rounds):
                        backend.put(bucket, "folder/key", body)
                        backend.delete(bucket, ["folder/key"])
                finally:
                    ended.append(thread)
                return
            while True:
                is_last = len(ended) == 2  # as long as anybody writes: a look at what is missing takes no time
                try:
                    found = read(backend, bucket, "folder/key")
                except StorageNoSuchKeyError:
                    found = body
                assert found == body
                if is_last:
                    return

        together(4, work)
