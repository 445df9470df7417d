"""The tracker: statuses from the store, deaths from the platform, deadlines; one failure does not hide the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import pytest

from lithops.engine.call import Call, Job
from lithops.engine.retry import NO_RETRY
from lithops.engine.track import Tracker
from lithops.errors import NoSuchBucketError, TransientError
from lithops.spi import (
    Artifact,
    CallEnd,
    CallMessage,
    CallStatus,
    ComputeBackend,
    ComputeFeature,
    Exit,
    Handle,
    JobMessage,
    Limits,
    Payload,
    Report,
    RuntimeSpec,
    StorageBackend,
)
from lithops.testing import MemoryStorage
from lithops.wire.keys import status_key
from lithops.wire.status import encode_status

WAIT_S = 5.0
BUCKET = "jobs"


class Silent(ComputeBackend):
    """Does not reply; tells of deaths when it is asked."""

    features = ComputeFeature.POLL

    def __init__(self, deadline_s: float = float("inf")) -> None:
        self.limits = Limits(start_deadline_s=deadline_s)
        self.exits: dict[Handle, Exit] = {}
        self.polled: list[list[Handle]] = []
        self.at_poll: Callable[[], None] = lambda: None

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        raise NotImplementedError

    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        self.polled.append(list(handles))
        self.at_poll()
        return {handle: exit_ for handle, exit_ in self.exits.items() if handle in handles}


class Replies(Silent):
    """Hears its workers: nothing is to be read in the store."""

    features = ComputeFeature.REPLIES


class Bench:
    """A tracker over a backend, a store, and calls that were started."""

    def __init__(self, backend: ComputeBackend, timeout_s: float | None = None) -> None:
        self.storage: StorageBackend = MemoryStorage()
        self.storage.create_bucket(BUCKET)
        self.message = JobMessage("e", "M000", Artifact("", Payload((b"",))), timeout_s=timeout_s)
        self.job = Job(self.message, RuntimeSpec(), NO_RETRY, None)
        self.calls: list[Call] = []
        self.reported: list[CallStatus] = []
        self.lists = 0
        self.tracker = Tracker(backend, self.open, unfinished=self.unfinished, report=self.report, longest_s=0.02)

    def open(self) -> tuple[StorageBackend, str]:
        self.lists += 1
        return self.storage, BUCKET

    def unfinished(self) -> list[Call]:
        return [call for call in self.calls if not call.is_done]

    def report(self, status: CallStatus) -> None:
        self.reported.append(status)
        next(call for call in self.calls if call.call_id == status.call_id).settle(status)

    def started(self, number: int, handle: str = "h", ago_s: float = 0.0) -> Call:
        call = Call(self.job, f"{number:05d}", Payload((b"",)))
        call.sent = call.to_message()
        call.handle = handle
        call.submit_tstamp = time.time() - ago_s
        self.calls.append(call)
        return call

    def commit(self, call: Call) -> None:
        status = CallStatus.of(call.to_message(), CallEnd.SUCCESS)
        self.storage.put(BUCKET, status_key("e", "M000", call.call_id, call.attempt), encode_status(status, {}))

    @property
    def ends(self) -> dict[int, CallEnd]:
        return {int(status.call_id): status.end for status in self.reported}


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(backend: ComputeBackend, timeout_s: float | None = None) -> Bench:
        made.append(Bench(backend, timeout_s))
        return made[-1]

    yield make
    for one in made:
        one.tracker.close()
    assert "lithops-tracker" not in [thread.name for thread in threading.enumerate()]


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.002)


def test_statuses_in_the_store_are_reported_once_each(bench: Callable[..., Bench]) -> None:
    one = bench(Silent())
    calls = [one.started(number) for number in (0, 1, 999, 1000, 2500)]
    for call in calls[1:4]:
        one.commit(call)
    one.tracker.look(one.unfinished())
    one.tracker.look(one.unfinished())
    assert one.ends == dict.fromkeys((1, 999, 1000), CallEnd.SUCCESS)
    assert len(one.reported) == 3


def test_only_blocks_with_unfinished_calls_are_listed(bench: Callable[..., Bench]) -> None:
    listed: list[str] = []

    class Listing(MemoryStorage):
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None):  # type: ignore[no-untyped-def]
            listed.append(prefix)
            return super().list(bucket, prefix, after=after)

    one = bench(Silent())
    one.storage = Listing()
    one.storage.create_bucket(BUCKET)
    for number in (5, 3000, 3001):
        one.started(number)
    one.tracker.look(one.unfinished())
    assert listed == [f"lithops.jobs/e/M000/status/{block:05d}/" for block in (0, 3)]


def test_rubbish_in_the_place_of_a_status_is_ignored_and_hides_no_other(bench: Callable[..., Bench]) -> None:
    one = bench(Silent())
    bad, good = one.started(0), one.started(1)
    one.storage.put(BUCKET, status_key("e", "M000", bad.call_id, 0), b"rubbish")
    one.commit(good)
    one.tracker.look(one.unfinished())
    assert one.ends == {1: CallEnd.SUCCESS}


def test_a_status_that_vanishes_between_listing_and_reading_hides_no_other(bench: Callable[..., Bench]) -> None:
    class Vanishing(MemoryStorage):
        def get(self, bucket: str, key: str, *, span=None):  # type: ignore[no-untyped-def]
            if key.endswith("00000-0"):
                self.delete(bucket, [key])
            return super().get(bucket, key, span=span)

    one = bench(Silent())
    one.storage = Vanishing()
    one.storage.create_bucket(BUCKET)
    for number in (0, 1):
        one.commit(one.started(number))
    one.tracker.look(one.unfinished())
    assert one.ends == {1: CallEnd.SUCCESS}


@pytest.mark.parametrize("error", [TransientError("the store is down"), NoSuchBucketError(BUCKET), OSError("a bug")])
def test_deaths_and_deadlines_hold_while_the_store_fails(bench: Callable[..., Bench], error: Exception) -> None:
    class Broken(MemoryStorage):
        def list(self, bucket: str, prefix: str = "", *, after: str | None = None):  # type: ignore[no-untyped-def]
            raise error

    backend = Silent(deadline_s=50.0)
    one = bench(backend, 10.0)
    one.storage = Broken()
    one.started(0, ago_s=61.0)
    one.started(1, handle="dead")
    one.started(2)
    backend.exits["dead"] = Exit("it was evicted")
    one.tracker.wake()
    until(lambda: len(one.reported) >= 2)
    assert one.ends == {0: CallEnd.LOST, 1: CallEnd.LOST}


def test_a_death_ends_the_calls_of_its_handle_with_all_that_the_platform_says(bench: Callable[..., Bench]) -> None:
    backend = Silent()
    one = bench(backend)
    for number, handle in enumerate(["a", "a", "b"]):
        one.started(number, handle)
    backend.exits["a"] = Exit("out of memory", signal=9, exit_code=137, memory_limit=True, log_tail="last words")
    one.tracker.look(one.unfinished())
    assert one.ends == {0: CallEnd.LOST, 1: CallEnd.LOST}
    error = one.reported[0].error
    assert error is not None
    assert (error.message, error.signal, error.exit_code, error.memory_limit) == ("out of memory", 9, 137, True)
    assert error.traceback == "last words"


def test_a_death_may_concern_some_calls_of_a_handle_only(bench: Callable[..., Bench]) -> None:
    backend = Silent()
    one = bench(backend)
    for number in range(3):
        one.started(number)
    backend.exits["h"] = Exit("evicted", calls=["00001"])
    one.tracker.look(one.unfinished())
    assert one.ends == {1: CallEnd.LOST}


def test_a_status_written_just_before_the_death_counts(bench: Callable[..., Bench]) -> None:
    backend = Silent()
    one = bench(backend)
    written, lost = one.started(0), one.started(1)
    backend.exits["h"] = Exit("it is over")
    backend.at_poll = lambda: one.commit(written)
    one.tracker.look(one.unfinished())
    assert one.ends == {0: CallEnd.SUCCESS, 1: CallEnd.LOST}
    assert lost.status is not None


def test_calls_without_a_handle_are_not_asked_for(bench: Callable[..., Bench]) -> None:
    backend = Silent()
    one = bench(backend)
    one.started(0).handle = None
    one.tracker.look(one.unfinished())
    assert backend.polled == []


@pytest.mark.parametrize(("ago_s", "is_over"), [(59.0, False), (61.0, True)])
def test_a_call_is_lost_when_its_time_out_and_the_deadline_are_over(
    bench: Callable[..., Bench], ago_s: float, is_over: bool
) -> None:
    one = bench(Replies(deadline_s=50.0), 10.0)
    one.started(0, ago_s=ago_s)
    one.tracker.look(one.unfinished())
    assert one.ends == ({0: CallEnd.LOST} if is_over else {})
    assert all(status.error and "time-out of 10 s" in status.error.message for status in one.reported)


def test_the_store_is_not_asked_when_the_backend_replies(bench: Callable[..., Bench]) -> None:
    one = bench(Replies(deadline_s=50.0), 10.0)
    one.commit(one.started(0))
    one.tracker.look(one.unfinished())
    assert (one.lists, one.reported) == (0, [])


def test_what_needs_no_watch(bench: Callable[..., Bench]) -> None:
    assert not bench(Replies()).tracker.is_needed
    assert bench(Replies(deadline_s=1.0)).tracker.is_needed
    assert bench(Silent()).tracker.is_needed


def test_the_thread_lives_while_there_are_unfinished_calls_and_comes_again(bench: Callable[..., Bench]) -> None:
    one = bench(Silent())
    for number in range(2):
        call = one.started(number)
        one.tracker.wake()
        one.commit(call)
        until(lambda: not one.unfinished())
        until(lambda: "lithops-tracker" not in [thread.name for thread in threading.enumerate()])
    assert one.ends == {0: CallEnd.SUCCESS, 1: CallEnd.SUCCESS}


def test_close_ends_the_watch_and_nothing_wakes_it_again(bench: Callable[..., Bench]) -> None:
    one = bench(Silent())
    one.started(0)
    one.tracker.wake()
    one.tracker.close()
    one.tracker.wake()
    one.tracker.close()
    assert "lithops-tracker" not in [thread.name for thread in threading.enumerate()]
