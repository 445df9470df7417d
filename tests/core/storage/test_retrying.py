"""Failures that may pass are tried again, with a bound; all others are raised as they are."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable

import pytest

from lithops.engine.retry import Backoff
from lithops.errors import (
    LithopsError,
    ObjectExistsError,
    StorageError,
    StorageFullError,
    StorageNoSuchKeyError,
    ThrottledError,
    TransientError,
)
from lithops.storage.resuming import open_resuming
from lithops.storage.retrying import RetryingStorage, RetryPolicy
from lithops.testing import Fault, FaultyStorage, MemoryStorage
from lithops.testing.storage.fixtures import content, read
from lithops.testing.storage_faulty import full, throttled, transient
from lithops.types import Span


class Clock:
    """Notes the delays instead of waiting; draws the longest of each."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def policy(self, attempts: int = 4, longest_wait_s: float = 60.0) -> RetryPolicy:
        backoff = Backoff(base_s=1.0, cap_s=8.0)
        return RetryPolicy(attempts, backoff, longest_wait_s, sleep=self.delays.append, draw=lambda _, high: high)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inner() -> MemoryStorage:
    inner = MemoryStorage()
    inner.create_bucket("b")
    inner.put("b", "key", content(100_000))
    return inner


VERBS: dict[str, Callable[[RetryingStorage], object]] = {
    "put": lambda store: store.put("b", "new", b"x"),
    "get": lambda store: read(store, "b", "key"),
    "head": lambda store: store.head("b", "key"),
    "list": lambda store: list(store.list("b")),
    "delete": lambda store: store.delete("b", ["key"]),
    "create_bucket": lambda store: store.create_bucket("c"),
    "has_bucket": lambda store: store.has_bucket("b"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_tried_again_with_growing_delays(inner: MemoryStorage, clock: Clock, verb: str) -> None:
    store = RetryingStorage(FaultyStorage(inner, [Fault(verb, transient, times=3)]), clock.policy())
    VERBS[verb](store)
    assert clock.delays == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_gives_up_after_its_attempts(inner: MemoryStorage, clock: Clock, verb: str) -> None:
    faulty = FaultyStorage(inner, [Fault(verb, transient, times=None)])
    with pytest.raises(TransientError):
        VERBS[verb](RetryingStorage(faulty, clock.policy()))
    assert faulty.requests[verb] == 4
    assert len(clock.delays) == 3


@pytest.mark.parametrize("verb", VERBS)
def test_what_cannot_pass_is_raised_at_once(inner: MemoryStorage, clock: Clock, verb: str) -> None:
    faulty = FaultyStorage(inner, [Fault(verb, full)])
    with pytest.raises(StorageFullError):
        VERBS[verb](RetryingStorage(faulty, clock.policy()))
    assert clock.delays == []


def test_a_store_s_own_wish_is_honoured_up_to_a_bound(inner: MemoryStorage, clock: Clock) -> None:
    plan = [Fault("head", lambda: throttled(5.0)), Fault("head", lambda: throttled(1000.0))]
    RetryingStorage(FaultyStorage(inner, plan), clock.policy()).head("b", "key")
    assert clock.delays == [5.0, 60.0]


def test_an_sdk_s_exception_is_translated_first(clock: Clock) -> None:
    class Translating(MemoryStorage):
        def translate(self, exc: BaseException) -> StorageError | None:
            if isinstance(exc, ZeroDivisionError):
                error = StorageError("the SDK failed")
                error.retryable = str(exc) == "may pass"
                return error
            return None

    translating = Translating()
    for sdk_error in (ZeroDivisionError("may pass"), ZeroDivisionError("never passes")):
        faulty = FaultyStorage(translating, [Fault("has_bucket", lambda error=sdk_error: error, times=None)])  # type: ignore[misc]
        with pytest.raises(StorageError, match="the SDK failed") as caught:
            RetryingStorage(faulty, clock.policy()).has_bucket("b")
        assert caught.value.__cause__ is sdk_error
    assert clock.delays == [1.0, 2.0, 4.0]
    with pytest.raises(IndexError):
        RetryingStorage(FaultyStorage(translating, [Fault("put", IndexError)]), clock.policy()).put("b", "k", b"")


def test_a_stream_that_can_seek_is_sent_again_from_where_it_began(inner: MemoryStorage, clock: Clock) -> None:
    body = io.BytesIO(b"0123456789")
    body.seek(4)
    faulty = FaultyStorage(inner, [Fault("put", transient, answer_lost=True)])
    RetryingStorage(faulty, clock.policy()).put("b", "new", body)
    assert read(inner, "b", "new") == b"456789"
    assert faulty.requests["put"] == 2


def test_a_stream_that_cannot_seek_is_sent_once(inner: MemoryStorage, clock: Clock) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(TransientError):
        RetryingStorage(FaultyStorage(inner, [Fault("put", transient)]), clock.policy()).put("b", "new", Pipe(b"x"))
    assert clock.delays == []


def test_a_lost_answer_of_a_conditional_put_says_that_the_object_exists(inner: MemoryStorage, clock: Clock) -> None:
    store = RetryingStorage(FaultyStorage(inner, [Fault("put", transient, answer_lost=True)]), clock.policy())
    with pytest.raises(ObjectExistsError):
        store.put("b", "new", b"mine", if_absent=True)
    assert read(inner, "b", "new") == b"mine"


def test_a_listing_continues_after_its_last_key(inner: MemoryStorage, clock: Clock) -> None:
    for number in range(10):
        inner.put("b", f"many/{number}", b"")
    plan = [Fault("list", transient, times=3, after_items=3), Fault("list", transient, times=3)]
    faulty = FaultyStorage(inner, plan)
    store = RetryingStorage(faulty, clock.policy(attempts=5))
    assert [info.key for info in store.list("b", "many/")] == [f"many/{number}" for number in range(10)]
    assert faulty.requests["list"] == 7


@pytest.mark.parametrize("span", [None, Span(0, 100_000), Span(10, 90_000), Span(99_990, 200_000)])
@pytest.mark.parametrize("step", [-1, 7000])
def test_a_stream_continues_at_its_next_byte(inner: MemoryStorage, clock: Clock, span: Span | None, step: int) -> None:
    plan = [Fault("read", transient, times=4, after_bytes=20_000)]
    stream = open_resuming(FaultyStorage(inner, plan), "b", "key", span=span, policy=clock.policy())
    whole = content(100_000)
    with stream:
        assert b"".join(iter(lambda: stream.read(step), b"")) == (
            whole if span is None else whole[span.start : span.end]
        )


def test_a_stream_that_gives_no_byte_fails_after_its_attempts(inner: MemoryStorage, clock: Clock) -> None:
    faulty = FaultyStorage(inner, [Fault("read", transient, times=None, after_bytes=0)])
    with open_resuming(faulty, "b", "key", policy=clock.policy()) as stream, pytest.raises(TransientError):
        stream.read()
    assert faulty.requests["get"] == 4


def test_a_stream_does_not_mix_two_versions_of_an_object(inner: MemoryStorage, clock: Clock) -> None:
    faulty = FaultyStorage(inner, [Fault("read", transient, after_bytes=20_000)])
    with open_resuming(faulty, "b", "key", policy=clock.policy()) as stream:
        assert stream.read(20_000) == content(100_000)[:20_000]
        inner.put("b", "key", content(100_000, seed=1))
        with pytest.raises(StorageError, match="overwritten"):
            stream.read()


def test_a_stream_of_an_object_that_is_deleted_while_it_breaks_says_so(inner: MemoryStorage, clock: Clock) -> None:
    faulty = FaultyStorage(inner, [Fault("read", transient, after_bytes=20_000)])
    with open_resuming(faulty, "b", "key", policy=clock.policy()) as stream:
        stream.read(20_000)
        inner.delete("b", ["key"])
        with pytest.raises(StorageNoSuchKeyError):
            stream.read()


def test_a_stream_that_broke_at_the_end_of_an_object_is_at_its_end(inner: MemoryStorage, clock: Clock) -> None:
    faulty = FaultyStorage(inner, [Fault("read", transient, after_bytes=100_000)])
    with open_resuming(faulty, "b", "key", policy=clock.policy()) as stream:
        assert stream.read() == content(100_000)


def test_a_missing_key_is_found_when_the_stream_is_opened(inner: MemoryStorage, clock: Clock) -> None:
    with pytest.raises(StorageNoSuchKeyError):
        open_resuming(inner, "b", "missing", policy=clock.policy())
    assert clock.delays == []


def test_a_store_that_fails_at_random_is_read_whole(inner: MemoryStorage, clock: Clock) -> None:
    plan = [Fault("*", transient, times=None, chance=0.3), Fault("read", transient, times=None, after_bytes=5000)]
    store = RetryingStorage(FaultyStorage(inner, plan, seed=1), clock.policy(attempts=30))
    for number in range(50):
        store.put("b", f"k/{number:02d}", content(12_000, number))
    assert [info.key for info in store.list("b", "k/")] == [f"k/{number:02d}" for number in range(50)]
    for number in range(50):
        assert read(store, "b", f"k/{number:02d}") == content(12_000, number)


def test_errors_of_the_plan_pickle() -> None:
    errors: list[LithopsError] = [throttled(2.0), transient(), full()]
    copies = [pickle.loads(pickle.dumps(error)) for error in errors]
    assert [str(error) for error in copies] == [str(error) for error in errors]
    assert isinstance(errors[0], ThrottledError)
    assert copies[0].retry_after_s == 2.0


def test_a_slow_store_is_slow_and_whole(inner: MemoryStorage) -> None:
    delays: list[float] = []
    plan = [Fault("head", delay_s=3.0), Fault("read", delay_s=0.5, times=None)]
    slow = FaultyStorage(inner, plan, sleep=delays.append)
    assert slow.head("b", "key").size_bytes == 100_000
    assert read(slow, "b", "key") == content(100_000)
    assert delays == [3.0, 0.5, 0.5]


def test_faults_hit_the_requests_that_the_plan_names(inner: MemoryStorage) -> None:
    faulty = FaultyStorage(inner, [Fault("put", full, key="status/*", skip=1, times=1)])
    faulty.put("b", "data/1", b"")
    faulty.put("b", "status/1", b"")
    with pytest.raises(StorageFullError):
        faulty.put("b", "status/2", b"")
    faulty.put("b", "status/3", b"")
    assert [info.key for info in inner.list("b")] == ["data/1", "key", "status/1", "status/3"]
    assert faulty.requests == {"put": 4}
