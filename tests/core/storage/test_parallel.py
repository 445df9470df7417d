"""Many objects at once: in order, as many requests as there are threads, ended at once by a failure, no thread left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pytest

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError
from lithops.spi.storage import ByteStream
from lithops.storage import Storage
from lithops.storage.parallel import THREAD_NAME, in_threads
from lithops.storage.retrying import RetryingStorage
from lithops.testing import Fault, FaultyStorage, MemoryStorage
from lithops.testing.storage_faulty import throttled, transient
from lithops.types import Buffer, ObjectInfo, Span


@pytest.fixture
def backend() -> MemoryStorage:
    backend = MemoryStorage()
    backend.create_bucket("b")
    return backend


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_NAME)]


class Meeting(MemoryStorage):
    """Requests pass by so many at once only."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(size, timeout=20)
        self.is_open = True

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        self.barrier.wait()
        return super().get(bucket, key, span=span)

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        if self.is_open:
            return super().put(bucket, key, body, if_absent=if_absent)
        self.barrier.wait()
        return super().put(bucket, key, body, if_absent=if_absent)


def test_many_come_in_the_order_of_their_keys(backend: MemoryStorage) -> None:
    storage = Storage.over(backend, "b")
    storage.put_many("b", ((f"k{number}", str(number)) for number in range(500)))
    numbers = [*range(499, -1, -1), 7, 7]
    assert storage.get_many("b", [f"k{number}" for number in numbers]) == [str(number).encode() for number in numbers]
    assert storage.get_many("b", iter(["k3", "k1"]), threads=1) == [b"3", b"1"]
    assert storage.get_many("b", []) == []


def test_a_mapping_is_written_too_and_bodies_are_those_of_put_object(backend: MemoryStorage) -> None:
    storage = Storage.over(backend, "b")
    bodies: dict[str, str | bytes | memoryview] = {"text": "\u6587", "bytes": b"x", "view": memoryview(b"yz")}
    storage.put_many("b", bodies)
    assert storage.get_many("b", ["text", "bytes", "view"]) == ["\u6587".encode(), b"x", b"yz"]
    with pytest.raises(TypeError, match="text, bytes or a file"):
        storage.put_many("b", {"number": 1})  # type: ignore[arg-type]


def test_as_many_requests_run_at_once_as_there_are_threads() -> None:
    meeting = Meeting(32)
    meeting.create_bucket("b")
    storage = Storage.over(meeting, "b")
    keys = [f"k{number}" for number in range(64)]
    storage.put_many("b", dict.fromkeys(keys, b"x"))
    assert storage.get_many("b", keys) == [b"x"] * 64
    meeting.is_open = False
    storage.put_many("b", dict.fromkeys(keys, b"y"))
    meeting.barrier = threading.Barrier(5, timeout=20)
    assert storage.get_many("b", keys[:5], threads=5) == [b"y"] * 5


def test_one_request_for_each_object_and_none_besides(backend: MemoryStorage) -> None:
    faulty = FaultyStorage(backend, [])
    storage = Storage.over(faulty, "b")
    storage.put_many("b", dict.fromkeys(map(str, range(20)), b"x"))
    storage.get_many("b", map(str, range(20)))
    assert faulty.requests == {"put": 20, "get": 20, "read": 20}


def test_a_missing_key_is_the_error_and_ends_the_rest(backend: MemoryStorage) -> None:
    backend.put("b", "there", b"x")
    faulty = FaultyStorage(backend, [])
    storage = Storage.over(faulty, "b")
    with pytest.raises(StorageNoSuchKeyError, match="'gone'"):
        storage.get_many("b", ["gone"] + ["there"] * 10_000, threads=4)
    assert faulty.requests["get"] < 5000
    with pytest.raises(NoSuchBucketError):
        storage.get_many("nowhere", ["there"])


def test_input_is_read_as_it_is_written() -> None:
    blocked = threading.Event()
    taken: list[int] = []

    class Waiting(MemoryStorage):
        def put(
            self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
        ) -> ObjectInfo:
            assert blocked.wait(20)
            return super().put(bucket, key, body, if_absent=if_absent)

    def items() -> Iterator[tuple[str, bytes]]:
        for number in range(1000):
            taken.append(number)
            assert threading.current_thread() is threading.main_thread()
            if number == 8:  # 4 in threads, 4 in the queue
                assert len(taken) == 9
                blocked.set()
            yield str(number), b""

    store = Waiting()
    store.create_bucket("b")
    Storage.over(store, "b").put_many("b", items(), threads=4)
    assert len(taken) == len(list(store.list("b"))) == 1000


def test_what_the_input_raises_comes_through(backend: MemoryStorage) -> None:
    def items() -> Iterator[tuple[str, bytes]]:
        yield "a", b""
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        Storage.over(backend, "b").put_many("b", items())


def test_failures_that_may_pass_are_tried_again(backend: MemoryStorage) -> None:
    backend.put("b", "key", b"0123456789")
    faults = [Fault("get", transient), Fault("read", transient, after_bytes=4)]
    assert Storage.over(FaultyStorage(backend, faults), "b").get_many("b", ["key"]) == [b"0123456789"]


def test_a_failure_ends_also_those_that_wait_for_their_next_attempt(backend: MemoryStorage) -> None:
    backend.put("b", "key", b"x")
    is_waiting = threading.Event()

    def slow() -> BaseException:
        is_waiting.set()
        return throttled(3600)

    class Late(FaultyStorage):
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            if key == "gone":
                assert is_waiting.wait(20)
            return super().get(bucket, key, span=span)

    with pytest.raises(StorageNoSuchKeyError, match="'gone'"):
        Storage.over(Late(backend, [Fault("get", slow, key="key", times=None)]), "b").get_many("b", ["key", "gone"])


def test_an_interrupt_ends_the_call_at_once(backend: MemoryStorage) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> BaseException:
        signal.pthread_kill(main, signal.SIGINT)
        return throttled(3600)

    faulty = FaultyStorage(backend, [Fault("get", interrupt), Fault("get", lambda: throttled(3600), times=None)])
    with pytest.raises(KeyboardInterrupt):
        Storage.over(faulty, "b").get_many("b", [str(number) for number in range(10)], threads=4)


def test_all_failing_at_once_do_not_block_a_long_input(backend: MemoryStorage) -> None:
    def fail(_: RetryingStorage, number: int) -> None:
        raise LookupError(number)

    with pytest.raises(LookupError):
        in_threads(RetryingStorage(backend), range(100_000), fail, threads=8)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, None])
def test_a_number_of_threads_is_a_whole_one_from_one(backend: MemoryStorage, threads: int) -> None:
    with pytest.raises(ValueError, match="number of threads"):
        Storage.over(backend, "b").get_many("b", ["k"], threads=threads)


def test_a_text_is_no_list_of_keys(backend: MemoryStorage) -> None:
    with pytest.raises(TypeError, match="list of keys"):
        Storage.over(backend, "b").get_many("b", "key")
