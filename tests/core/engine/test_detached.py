"""Jobs that outlive their client: the record that they leave, who follows them, and what their own executor says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.core.engine.conftest import BUCKET, ByHand, Lab

from lithops.engine.call import Call, Job
from lithops.engine.detached import attach_job, record_job
from lithops.engine.outcome import exception_of, result_of
from lithops.errors import (
    CallCancelledError,
    NotSupportedError,
    StorageError,
    StorageNoSuchKeyError,
    ThrottledError,
    WorkerLostError,
)
from lithops.spi import (
    CallEnd,
    CallMessage,
    CallStatus,
    ComputeFeature,
    ErrorInfo,
    Handle,
    Limits,
    Payload,
    Report,
    RuntimeSpec,
)
from lithops.testing import MemoryStorage
from lithops.wire.keys import job_key, status_key
from lithops.wire.status import encode_status
from lithops.worker.pickles import dump
from lithops.worker.stores import write_payload

WAIT_S = 5.0


class TakesEvents(ByHand):
    """Replies, or takes events."""

    features = ByHand.features | ComputeFeature.EVENTS


@pytest.fixture
def events(lab: Callable[[Any], Lab]) -> Lab:
    return lab(TakesEvents())


@pytest.fixture(autouse=True)
def _followers() -> Iterator[None]:
    """What follows a job ends with it."""
    yield
    limit = time.monotonic() + WAIT_S
    for thread in threading.enumerate():
        if thread.name == "lithops-attached":
            thread.join(max(0.0, limit - time.monotonic()))
            assert not thread.is_alive()


def recorded(lab: Lab, calls: int, *, timeout_s: float | None = 60.0, deadline_s: float = 60.0) -> Job:
    job = lab.job(commit=True, timeout_s=timeout_s, memory_mb=512)
    job.is_detached = True
    record_job(job, calls, lab.storage, BUCKET, deadline_s)
    return job


def attached(lab: Lab, job: Job) -> list[Call]:
    return attach_job(job.message.executor_id, job.message.job_id, lab.storage, lab.ref)


def write(lab: Lab, job: Job, number: int, **fields: Any) -> None:
    """Write a status as a worker does."""
    message = job.message
    given: dict[str, Any] = {"end": CallEnd.SUCCESS, "attempt": 0, **fields}
    status = CallStatus(message.executor_id, message.job_id, f"{number:05d}", given.pop("attempt"), **given)
    key = status_key(message.executor_id, message.job_id, status.call_id, status.attempt)
    lab.storage.put(BUCKET, key, encode_status(status, {}))


def waited(calls: Sequence[Call]) -> list[CallEnd]:
    Lab.until(lambda: all(call.is_done for call in calls), "the end of each call")
    return [call.status.end for call in calls if call.status is not None]


def test_statuses_are_found_those_that_are_there_and_those_that_come(events: Lab) -> None:
    job = recorded(events, 3)
    write(events, job, 1, result=Payload(dump("early")))
    calls = attached(events, job)
    assert [call.call_id for call in calls] == ["00000", "00001", "00002"]
    Lab.until(lambda: calls[1].is_done)
    assert [call.is_done for call in calls] == [False, True, False]
    write(events, job, 0, result=Payload(dump("late")))
    write(events, job, 2, end=CallEnd.ERROR, error=ErrorInfo("ValueError", "as asked"))
    assert waited(calls) == [CallEnd.SUCCESS, CallEnd.SUCCESS, CallEnd.ERROR]
    assert [result_of(call, None) for call in calls[:2]] == ["late", "early"]


def test_a_job_of_several_blocks_of_statuses_is_found(events: Lab) -> None:
    job = recorded(events, 1002)
    for number in range(1002):
        write(events, job, number, result=Payload(dump(number)))
    calls = attached(events, job)
    assert set(waited(calls)) == {CallEnd.SUCCESS}
    assert [result_of(call, None) for call in calls] == list(range(1002))


def test_it_has_the_jobs_name_times_and_memory(events: Lab) -> None:
    job = recorded(events, 1)
    write(events, job, 0)
    (call,) = attached(events, job)
    waited([call])
    assert call.job.message.job_key == job.message.job_key
    assert (call.job.message.function_name, call.job.message.memory_mb) == ("f", 512)
    assert (call.job.created, call.submit_tstamp) == (job.created, job.created)


def test_a_stored_result_is_read_from_the_store_that_found_it(events: Lab) -> None:
    """That of the reference would look for credentials of its own."""
    job = recorded(events, 1)
    write(events, job, 0, result=write_payload(events.storage, BUCKET, "stored", dump("big")))
    (call,) = attached(events, job)
    waited([call])
    assert call.job.open_store() is events.storage
    assert result_of(call, call.job.open_store()) == "big"


def test_a_call_that_is_not_heard_of_is_lost_when_its_time_is_over(events: Lab) -> None:
    job = recorded(events, 2, timeout_s=0.1, deadline_s=0.1)
    write(events, job, 1)
    calls = attached(events, job)
    assert waited(calls) == [CallEnd.LOST, CallEnd.SUCCESS]
    assert calls[0].status is not None
    with pytest.raises(WorkerLostError, match="nothing was heard of it when its time was over"):
        raise exception_of(calls[0], calls[0].status)


def test_a_status_is_found_however_late_one_looks(events: Lab) -> None:
    job = recorded(events, 1, timeout_s=0.0, deadline_s=0.0)
    write(events, job, 0, result=Payload(dump("kept")))
    (call,) = attached(events, job)
    assert waited([call]) == [CallEnd.SUCCESS]


def test_a_malformed_status_is_ignored_and_the_next_attempt_counts(
    events: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    job = recorded(events, 1)
    events.storage.put(BUCKET, status_key("exec-0", job.message.job_id, "00000", 0), b"nonsense")
    write(events, job, 0, attempt=1)
    (call,) = attached(events, job)
    assert waited([call]) == [CallEnd.SUCCESS]
    assert "malformed and ignored" in caplog.text


def test_a_store_that_fails_for_a_while_is_looked_into_again(events: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    job = recorded(events, 1)
    write(events, job, 0)
    failures = iter([ThrottledError("too much"), StorageError("down")])
    plain = MemoryStorage.list

    def fail_twice(store: MemoryStorage, *args: Any, **options: Any) -> Any:
        for failure in failures:
            raise failure
        return plain(store, *args, **options)

    monkeypatch.setattr(MemoryStorage, "list", fail_twice)
    assert waited(attached(events, job)) == [CallEnd.SUCCESS]


def test_a_job_that_is_not_there_is_an_error(events: Lab) -> None:
    with pytest.raises(StorageNoSuchKeyError):
        attach_job("exec-0", "M999", events.storage, events.ref)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[1]", "of another release"),
        (b'{"version": 2}', "of another release"),
        (b'{"version": 1}', "cannot be read"),
        (b'{"version": 1, "calls": "many"}', "cannot be read"),
    ],
)
def test_a_malformed_record_is_an_error_that_names_it(events: Lab, record: bytes, says: str) -> None:
    key = job_key("exec-0", "M007")
    events.storage.put(BUCKET, key, record)
    with pytest.raises(StorageError, match=says) as raised:
        attach_job("exec-0", "M007", events.storage, events.ref)
    assert key in str(raised.value)


def test_a_record_has_no_input_function_or_key(events: Lab) -> None:
    job = recorded(events, 1)
    stream = events.storage.get(BUCKET, job_key("exec-0", job.message.job_id))
    record = json.loads(stream.read())
    assert set(record) == {
        "version", "function_name", "calls", "created", "runtime", "memory_mb", "timeout_s", "deadline_s",
    }  # fmt: skip


# The executor that submitted it


def test_only_a_platform_with_events_takes_what_outlives_its_client(events: Lab, lab: Callable[[Any], Lab]) -> None:
    assert events.engine.commits(1, detached=True)
    assert not events.engine.commits(1, detached=False)
    with pytest.raises(NotSupportedError, match="leave out 'detach'"):
        lab(ByHand()).engine.commits(1, detached=True)


class StartsSlowly(TakesEvents):
    """Refuses each call once, and takes a moment for each start; what is started ends at once."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        time.sleep(0.02)
        if calls[0].call_id not in self.refused:
            self.refused.add(calls[0].call_id)
            raise ThrottledError("later", 0.01)
        handle = super().start(runtime, calls, report)
        self.succeed(calls[0])
        return handle


def test_closing_waits_until_the_calls_of_detached_jobs_are_started(lab: Callable[[Any], Lab]) -> None:
    backend = StartsSlowly()
    here = lab(backend)
    job = recorded(here, 20)
    calls = here.add(job, *range(20))
    here.engine.close()
    assert sorted(call.call_id for call in backend.started) == [call.call_id for call in calls]


def test_a_detached_job_is_started_whole_however_many_may_be_in_flight(lab: Callable[[Any], Lab]) -> None:
    class Queues(TakesEvents):
        """Takes any number of events; none ends here."""

        def __init__(self) -> None:
            super().__init__()
            self.limits = Limits(max_concurrency=2)

    backend = Queues()
    here = lab(backend)
    here.add(recorded(here, 20), *range(20))
    here.engine.close()
    assert len(backend.started) == 20


def test_closing_does_not_wait_for_calls_of_other_jobs(lab: Callable[[Any], Lab]) -> None:
    backend = StartsSlowly()
    here = lab(backend)
    here.add(here.job(commit=True), *range(2000))
    here.engine.close()
    assert len(backend.started) < 2000


def test_futures_of_a_detached_job_say_how_to_follow_it(events: Lab) -> None:
    job = recorded(events, 2)
    calls = events.add(job, 1, 2)
    events.engine.close()
    for call in calls:
        assert call.status is not None
        with pytest.raises(
            CallCancelledError, match=rf"goes on without its executor.*attach\('{job.message.job_key}'\)"
        ):
            raise exception_of(call, call.status)
    write(events, job, 0, result=Payload(dump("went on")))
    write(events, job, 1, result=Payload(dump("too")))
    found = attached(events, job)
    waited(found)
    assert [result_of(call, None) for call in found] == ["went on", "too"]
