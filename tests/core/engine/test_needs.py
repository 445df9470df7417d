"""Calls that need results of others: they start when these are there, with them, and fail with them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lithops.engine.call import Call
from lithops.engine.outcome import exception_of, result_of
from lithops.engine.retry import Retry
from lithops.errors import CallTimeoutError, StorageError, WorkerMemoryError
from lithops.jobs.serialize import InputDumper
from lithops.spi import CallEnd, CallMessage, ErrorInfo, Limits, Payload
from lithops.worker.arguments import Arguments
from lithops.worker.pickles import load
from lithops.worker.stores import read_payload

if TYPE_CHECKING:
    from tests.core.engine.conftest import ByHand, Instant, Lab

MakeLab = Callable[..., "Lab"]


class Held:
    """What stands for a call in an input, as a future does."""

    def __init__(self, call: Call) -> None:
        self._call = call

    @property
    def __lithops_call__(self) -> Call:
        return self._call


def added(one: Lab, function: Callable[..., object], *inputs: object) -> list[Call]:
    """Add calls of a new job, whose inputs may hold calls."""
    job = one.job(function)
    dumper = InputDumper()
    calls = []
    for number, value in enumerate(inputs):
        parts, needs = dumper.dump(Arguments((value,), None), number)
        calls.append(Call(job, f"{number:05d}", Payload(parts), needs))
    one.engine.add(job, calls)
    return calls


def needed(message: CallMessage) -> list[object]:
    return [load(need.parts) for need in message.needs if need.parts is not None]


def test_a_call_starts_when_all_that_it_needs_is_there(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    first = one.add(one.job(), *range(3))
    (last,) = one.add(one.job(), "x", needs=[first])
    for at in (2, 0):
        instant.succeed(instant.started[at], f"result {at}")
        assert len(instant.started) == 3
    instant.succeed(instant.started[1], "result 1")
    assert [message.job.job_id for message in instant.started[3:]] == ["M001"]
    assert needed(instant.started[3]) == ["result 0", "result 1", "result 2"]
    assert not last.is_done


def test_each_of_a_stage_starts_with_its_own_input(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    first = one.add(one.job(), *range(3))
    one.add(one.job(), *range(3), needs=[[call] for call in first])
    for at in (1, 2, 0):
        instant.succeed(instant.started[at])
    assert [message.call_id for message in instant.started[3:]] == ["00001", "00002", "00000"]


def test_what_is_there_already_starts_at_once(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (first,) = one.add(one.job(), "x")
    instant.succeed(instant.started[0], 5)
    one.add(one.job(), "y", needs=[[first]])
    assert needed(instant.started[1]) == [5]


def test_values_arrive_in_their_places(lab: MakeLab, runs_here: type) -> None:
    one = lab(runs_here())
    two, three = one.add(one.job(lambda x: x * 10), 2, 3)
    (call,) = added(one, lambda value: value, {"a": [Held(three), Held(two)], "again": Held(two)})
    assert result_of(call, None) == {"a": [30, 20], "again": 20}
    assert list(call.needs) == [three, two]


def test_a_chain_of_stages_runs_through(lab: MakeLab, runs_here: type) -> None:
    one = lab(runs_here())
    calls = one.add(one.job(lambda x: x + 1), 0)
    for _ in range(5):
        calls = added(one, lambda x: x + 1, Held(calls[0]))
    assert result_of(calls[0], None) == 6


def test_a_failed_need_ends_its_dependents_with_the_original_exception_and_a_note(
    lab: MakeLab, instant: Instant
) -> None:
    one = lab(instant)
    job = one.job(retry=Retry(5))
    bad, good = one.add(one.job(), "bad", "good")
    (second,) = one.add(job, "x", needs=[[good, bad]])
    (third,) = one.add(one.job(), "y", needs=[[second]])
    instant.fail(instant.started[0], KeyError("missing"))
    assert not second.is_done  # it hears of all that it needs first
    instant.succeed(instant.started[1])
    assert len(instant.started) == 2
    for call, notes in ((bad, 0), (second, 1), (third, 2)):
        assert call.status is not None
        exc = exception_of(call, call.status)
        assert type(exc) is KeyError
        assert exc.args == ("missing",)
        assert len(getattr(exc, "__notes__", [])) == notes
    exc = exception_of(second, second.status)  # type: ignore[arg-type]
    assert "call 00000 of job M000 was not started" in exc.__notes__[0]
    assert "call 00000 of job M001, which failed" in exc.__notes__[0]


@pytest.mark.parametrize(
    ("end", "error", "kind"),
    [
        (CallEnd.TIMEOUT, None, CallTimeoutError),
        (CallEnd.LOST, ErrorInfo("MemoryError", "over", memory_limit=True), WorkerMemoryError),
    ],
)
def test_a_need_that_is_lost_or_late_fails_its_dependents_likewise(
    lab: MakeLab, instant: Instant, end: CallEnd, error: ErrorInfo | None, kind: type[BaseException]
) -> None:
    one = lab(instant)
    first = one.add(one.job(), "x")
    (second,) = one.add(one.job(), "y", needs=[first])
    instant.end(instant.started[0], end, error)
    assert second.status is not None
    assert second.status.end is end
    assert type(exception_of(second, second.status)) is kind


def test_a_need_that_succeeds_by_its_retry_is_enough(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    first = one.add(one.job(retry=Retry(2)), "x")
    (second,) = one.add(one.job(), "y", needs=[first])
    instant.end(instant.started[0], CallEnd.LOST)
    assert not second.is_done
    instant.succeed(instant.started[1], 7)
    assert needed(instant.started[2]) == [7]


def test_a_dependent_s_retry_gets_what_it_needs_again(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    first = one.add(one.job(), "x")
    one.add(one.job(retry=Retry(2)), "y", needs=[first])
    instant.succeed(instant.started[0], 7)
    instant.end(instant.started[1], CallEnd.LOST)
    assert instant.started[2].attempt == 1
    assert needed(instant.started[2]) == [7]


def test_a_dependent_that_was_cancelled_does_not_start(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    first = one.add(one.job(), "x")
    (second,) = one.add(one.job(), "y", needs=[first])
    one.engine.cancel([second])
    assert second.status is not None
    assert second.status.end is CallEnd.CANCELLED
    instant.succeed(instant.started[0])
    assert len(instant.started) == 1


def test_cancelling_a_need_ends_its_dependents(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    first = one.add(one.job(), "x")
    (second,) = one.add(one.job(), "y", needs=[first])
    one.engine.cancel(first)
    assert second.status is not None
    assert second.status.end is CallEnd.CANCELLED


def test_results_that_do_not_fit_a_message_go_through_the_store(lab: MakeLab, instant: Instant) -> None:
    instant.limits = Limits(max_inline_bytes=100)
    one = lab(instant)
    first = one.add(one.job(), *range(3))
    one.add(one.job(), "y", needs=[first])
    for at in range(3):
        instant.succeed(instant.started[at], bytes(40) + bytes([at]))
    needs = instant.started[3].needs
    assert [need.parts for need in needs] == [None, None, None]
    assert [load(read_payload(one.storage, "jobs", need))[-1] for need in needs] == [0, 1, 2]
    assert one.engine.store.is_written


@pytest.mark.parametrize("error", [StorageError("the store is full"), OSError("the disk is gone")])
@pytest.mark.parametrize("retries", [1, 2])
def test_when_a_needed_result_cannot_be_stored_the_dependents_end_all_the_same(
    lab: MakeLab, instant: Instant, error: Exception, retries: int, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    instant.limits = Limits(max_inline_bytes=10)
    one = lab(instant)
    first = one.add(one.job(), "x")
    heard: list[Call] = []
    (second,) = one.add(one.job(retry=Retry(retries)), "y", needs=[first])
    first[0].add_done_callback(heard.append)
    if retries == 1:
        one.storage.put = fails  # type: ignore[method-assign, assignment]
    with caplog.at_level(logging.CRITICAL):
        instant.succeed(instant.started[0], bytes(50))
        if retries == 2:  # the first attempt starts, then the store fails
            one.storage.put = fails  # type: ignore[method-assign, assignment]
            instant.end(instant.started[1], CallEnd.LOST)
    assert heard == first
    assert second.is_done
    assert str(error) in str(exception_of(second, second.status))  # type: ignore[arg-type]


def test_a_big_result_of_another_store_is_refused_with_advice(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    first = one.add(one.job(store=None), "x")
    (second,) = one.add(one.job(), "y", needs=[first])
    instant.succeed_with(instant.started[0], Payload(key="elsewhere", sizes=(10,)))
    assert second.status is not None
    assert second.status.end is CallEnd.REJECTED
    assert "by result()" in str(exception_of(second, second.status))


def test_many_needs_that_end_on_many_threads_start_their_dependents_once(lab: MakeLab, by_hand: ByHand) -> None:
    one = lab(by_hand)
    first = one.add(one.job(), *range(40))
    seconds = one.add(one.job(), *range(5), needs=[first] * 5)
    messages = by_hand.wait_started(40)
    threads = [threading.Thread(target=lambda at=at: list(map(by_hand.succeed, messages[at::4]))) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    by_hand.wait_started(45)
    assert sorted(message.call_id for message in by_hand.started[40:]) == [call.call_id for call in seconds]
