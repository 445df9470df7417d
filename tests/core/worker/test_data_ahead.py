"""Parts of objects are read ahead: bounded, resumed, of one version, and without a thread at the end."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from lithops.errors import StorageError, TransientError
from lithops.spi.storage import ByteStream, StorageFeature
from lithops.testing import Fault, FaultyStorage, MemoryStorage
from lithops.testing.storage.fixtures import content
from lithops.testing.storage_faulty import throttled, transient
from lithops.types import Span
from lithops.worker import data_ahead
from lithops.worker.data import DataObject, DataPart, open_data
from lithops.worker.data_ahead import AHEAD_BYTES, THREAD_NAME, AheadSource

SIZE = 8 * AHEAD_BYTES + 5
BODY = content(SIZE)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    gc.collect()
    assert threads() == []


@pytest.fixture
def store() -> MemoryStorage:
    store = MemoryStorage()
    store.create_bucket("b")
    store.put("b", "key", BODY)
    return store


def opened(
    store: MemoryStorage | FaultyStorage, start: int = 0, end: int = SIZE, newline: bytes | None = None
) -> DataObject:
    part = DataPart(
        kind="object",
        bucket="b",
        key="key",
        store=store.ref("b"),
        start=start,
        end=end,
        size_bytes=SIZE,
        newline=newline,
    )
    return open_data(part, lambda _: store, sleep=lambda _: None)


class Gated:
    """A source of which each block has to be let through; notes how much was read."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0
        self.end = 0
        self.may_read = threading.Semaphore(0)
        self.was_read = threading.Semaphore(0)

    def seek(self, start: int, end: int | None) -> None:
        self.at, self.end = start, len(self.body) if end is None else end

    def readinto(self, buffer: memoryview, /) -> int:
        assert self.may_read.acquire(timeout=20)
        data = self.body[self.at : min(self.end, self.at + len(buffer))]
        buffer[: len(data)] = data
        self.at += len(data)
        self.was_read.release()
        return len(data)

    def close(self) -> None:
        return


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gated, AheadSource]]:
    monkeypatch.setattr(data_ahead, "AHEAD_BYTES", 10)
    source = Gated(bytes(range(100)))
    ahead = AheadSource(lambda _: source, lambda: True)
    ahead.seek(0, 100)
    yield source, ahead
    source.may_read.release(100)
    ahead.close()


def take(ahead: AheadSource, size: int = 10) -> bytes:
    buffer = memoryview(bytearray(size))
    return bytes(buffer[: ahead.readinto(buffer)])


def test_the_next_blocks_are_fetched_while_one_is_used_two_at_most(gated: tuple[Gated, AheadSource]) -> None:
    source, ahead = gated
    source.may_read.release()
    assert take(ahead) == bytes(range(10))
    assert source.was_read.acquire(timeout=20)
    source.may_read.release(100)
    for _ in range(2):  # nobody asks, yet they come
        assert source.was_read.acquire(timeout=20)
    assert not source.was_read.acquire(timeout=0.05)  # and no more
    assert source.at == 30
    assert take(ahead, 4) == bytes(range(10, 14))
    rest = b""
    while block := take(ahead, 7):
        rest += block
    assert rest == bytes(range(14, 100))
    assert take(ahead) == b""


def test_what_is_left_of_a_run_in_one_block_has_no_thread(gated: tuple[Gated, AheadSource]) -> None:
    source, ahead = gated
    source.may_read.release(100)
    ahead.seek(0, 20)
    assert take(ahead) == bytes(range(10))
    assert threads() == []
    assert take(ahead) == bytes(range(10, 20))


def test_a_seek_ends_the_thread_and_drops_what_it_read(gated: tuple[Gated, AheadSource]) -> None:
    source, ahead = gated
    source.may_read.release(100)
    take(ahead)
    assert len(threads()) == 1
    ahead.seek(50, 55)
    assert threads() == []
    assert take(ahead) == bytes(range(50, 55))


@pytest.mark.parametrize("newline", [None, b"\n", b"||"])
def test_a_long_part_is_what_lies_there(store: MemoryStorage, newline: bytes | None) -> None:
    body = (b"x" * 997 + (newline or b"--")) * (SIZE // 990)
    body = body[:SIZE]
    store.put("b", "key", body)
    middle = SIZE // 2
    with opened(store, 0, middle, newline) as first, opened(store, middle, SIZE, newline) as second:
        assert first.data_stream.read() + b"".join(second.data_stream) == body


def test_one_request_for_a_part(store: MemoryStorage) -> None:
    faulty = FaultyStorage(store, [])
    with opened(faulty, 0, SIZE) as obj:
        assert obj.data_stream.read() == BODY
    assert faulty.requests == {"get": 1, "read": 1}


def test_a_stream_that_breaks_is_resumed_by_the_thread(store: MemoryStorage) -> None:
    faults = [Fault("read", transient, after_bytes=AHEAD_BYTES * 2 + 77), Fault("read", transient, after_bytes=5)]
    with opened(FaultyStorage(store, faults)) as obj:
        assert obj.data_stream.read() == BODY


def test_a_failure_of_the_thread_is_the_readers_and_a_later_read_goes_on(store: MemoryStorage) -> None:
    faulty = FaultyStorage(
        store, [Fault("read", transient, after_bytes=AHEAD_BYTES * 3), Fault("get", transient, skip=1, times=5)]
    )
    with opened(faulty) as obj:
        pieces: list[bytes] = []
        with pytest.raises(TransientError):
            pieces.extend(iter(obj.data_stream.read1, b""))
        got = b"".join(pieces)
        assert got == BODY[: len(got)]
        assert len(got) >= AHEAD_BYTES
        assert got + obj.data_stream.read() == BODY


def test_an_object_that_is_overwritten_meanwhile_is_never_mixed(store: MemoryStorage) -> None:
    class Overwritten(FaultyStorage):
        def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
            if self.requests:
                store.put("b", "key", BODY[::-1])
            return super().get(bucket, key, span=span)

    faulty = Overwritten(store, [Fault("read", transient, after_bytes=AHEAD_BYTES * 3)])
    with opened(faulty) as obj, pytest.raises(StorageError, match="overwritten meanwhile"):
        obj.data_stream.read()


def test_an_interrupt_loses_nothing(gated: tuple[Gated, AheadSource], monkeypatch: pytest.MonkeyPatch) -> None:
    source, ahead = gated
    source.may_read.release(100)
    assert take(ahead) == bytes(range(10))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(data_ahead._Fetcher, "next", interrupted)
        with pytest.raises(KeyboardInterrupt):
            take(ahead)
    assert b"".join(iter(lambda: take(ahead), b"")) == bytes(range(10, 100))


def test_a_stream_that_is_left_or_forgotten_ends_its_thread(store: MemoryStorage) -> None:
    with opened(store) as obj:
        assert obj.data_stream.read(10) == BODY[:10]
        assert len(threads()) == 1
    assert threads() == []
    obj = opened(store)
    assert obj.data_stream.read(10) == BODY[:10]
    del obj
    assert threads() == []


def test_closing_does_not_wait_for_the_next_attempt(store: MemoryStorage) -> None:
    is_waiting = threading.Event()

    def slow() -> BaseException:
        is_waiting.set()
        return throttled(3600)

    faulty = FaultyStorage(
        store, [Fault("read", transient, after_bytes=AHEAD_BYTES + 5), Fault("get", slow, skip=1, times=None)]
    )
    part = DataPart(kind="object", bucket="b", key="key", store=store.ref("b"), end=SIZE, size_bytes=SIZE, newline=None)
    with open_data(part, lambda _: faulty) as obj:
        obj.data_stream.read(10)
        assert is_waiting.wait(20)


def test_files_and_small_parts_have_no_thread(store: MemoryStorage) -> None:
    with opened(store, 0, AHEAD_BYTES) as obj:
        obj.data_stream.read(10)
        assert threads() == []
    store.features = StorageFeature.LOCAL_PATHS  # type: ignore[misc]
    with opened(store) as obj:
        obj.data_stream.read(10)
        assert threads() == []
        assert obj.data_stream.read() == BODY[10:]
