"""Each call reaches exactly one end, whatever the backend says, and how often it says it."""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops.engine.outcome import exception_of, result_of
from lithops.engine.retry import Retry
from lithops.errors import BackendError, ThrottledError
from lithops.spi import CallEnd, CallMessage, CallOutput, CallStatus, ErrorInfo, Handle, Limits, Report, RuntimeSpec

if TYPE_CHECKING:
    from tests.core.engine.conftest import ByHand, Instant, Lab

MakeLab = Callable[..., "Lab"]


def test_calls_run_and_give_their_results(lab: MakeLab, runs_here: type) -> None:
    one = lab(runs_here())
    calls = one.add(one.job(len), "", "a", "ab")
    assert [result_of(call, None) for call in calls] == [0, 1, 2]
    assert one.ends == calls
    assert all(call.succeeded and call.submit_tstamp <= call.done_tstamp for call in calls)


def test_batches_go_to_the_backend_as_its_limits_say(lab: MakeLab, instant: Instant) -> None:
    instant.limits = Limits(max_calls_per_start=3)
    one = lab(instant)
    one.add(one.job(), *range(7))
    assert [[call.call_id for call in batch] for batch in instant.batches] == [
        ["00000", "00001", "00002"],
        ["00003", "00004", "00005"],
        ["00006"],
    ]


@pytest.mark.parametrize("backend_name", ["by_hand", "instant"])
@pytest.mark.parametrize("later", [*CallEnd])
def test_what_comes_after_the_end_is_ignored(
    lab: MakeLab, request: pytest.FixtureRequest, backend_name: str, later: CallEnd
) -> None:
    backend: ByHand = request.getfixturevalue(backend_name)
    one = lab(backend)
    (call,) = one.add(one.job(), "x")
    (message,) = backend.wait_started(1)
    backend.succeed(message, 42)
    backend.end(message, later)
    backend.succeed(message, 43)
    assert result_of(call, None) == 42
    assert len(one.ends) == len(one.call_events) == 1


@pytest.mark.parametrize(
    "status",
    [
        CallStatus("exec-0", "M777", "00000", 0, CallEnd.SUCCESS),
        CallStatus("exec-0", "M000", "00099", 0, CallEnd.SUCCESS),
        CallStatus("exec-0", "M000", "-1", 0, CallEnd.SUCCESS),
        CallStatus("exec-0", "M000", "rubbish", 0, CallEnd.SUCCESS),
        CallStatus("exec-0", "M000", "00000", 5, CallEnd.ERROR),
    ],
    ids=["job", "call", "negative", "text", "attempt"],
)
def test_a_status_of_a_stranger_ends_nothing(
    lab: MakeLab, instant: Instant, status: CallStatus, caplog: pytest.LogCaptureFixture
) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    with caplog.at_level(logging.CRITICAL):
        one.engine.report(status)
    assert not call.is_done


def test_reports_from_many_threads_give_one_end(lab: MakeLab, by_hand: ByHand) -> None:
    one = lab(by_hand)
    calls = one.add(one.job(), *range(20))
    messages = by_hand.wait_started(20)
    gate = threading.Barrier(8)

    def storm(seed: int) -> None:
        mixed = messages * 2
        random.Random(seed).shuffle(mixed)
        gate.wait(5)
        for message in mixed:
            by_hand.end(message, random.Random(seed).choice([CallEnd.LOST, CallEnd.TIMEOUT, CallEnd.SUCCESS]))

    threads = [threading.Thread(target=storm, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert all(call.is_done for call in calls)
    assert len(one.ends) == len(set(one.ends)) == 20
    assert len(one.call_events) == 20


# Retries


def test_a_failed_call_is_tried_again_at_once_with_the_next_attempt(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(retry=Retry(3)), "x")
    for end in (CallEnd.ERROR, CallEnd.LOST):
        instant.end(instant.started[-1], end)
    assert [message.attempt for message in instant.started] == [0, 1, 2]
    assert not call.is_done
    instant.end(instant.started[-1], CallEnd.TIMEOUT)
    assert [call.status and call.status.end for call in one.ends] == [CallEnd.TIMEOUT]
    assert len(instant.started) == 3


def test_a_retry_keeps_input_and_job(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    one.add(one.job(retry=Retry(2)), "x")
    instant.end(instant.started[0], CallEnd.LOST)
    first, second = instant.started
    assert second.job is first.job
    assert second.data is first.data


def test_a_delayed_retry_starts_later_and_others_do_not_wait_for_it(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    one.add(one.job(retry=Retry(2, backoff=0.03)), "x", "y")
    first, second = instant.started
    instant.end(first, CallEnd.ERROR)
    assert len(instant.started) == 2
    instant.succeed(second)
    assert [message.attempt for message in instant.wait_started(3)] == [0, 0, 1]


def test_the_result_of_an_earlier_attempt_counts_when_it_comes_late(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(retry=Retry(3)), "x")
    first = instant.started[0]
    instant.end(first, CallEnd.LOST)
    instant.succeed(first, "late")
    instant.succeed(instant.started[1], "second")
    assert result_of(call, None) == "late"
    assert len(one.ends) == 1


def test_a_late_failure_of_an_earlier_attempt_is_ignored(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(retry=Retry(3)), "x")
    first = instant.started[0]
    instant.end(first, CallEnd.LOST)
    instant.end(first, CallEnd.ERROR)
    assert len(instant.started) == 2
    assert not call.is_done


def test_only_named_exceptions_are_tried_again(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    one.add(one.job(retry=Retry(3, on=KeyError)), "x", "y")
    first, second = instant.started
    instant.fail(first, KeyError("again"))
    instant.fail(second, ValueError("final"))
    assert [message.call_id for message in instant.started] == ["00000", "00001", "00000"]
    assert len(one.ends) == 1


def test_a_function_that_fails_at_first_succeeds_by_its_retry(lab: MakeLab, runs_here: type) -> None:
    tries: list[int] = []

    def function(x: int) -> int:
        tries.append(x)
        return x // (len(tries) - 1)

    one = lab(runs_here())
    (call,) = one.add(one.job(function, retry=Retry(2)), 10)
    assert result_of(call, None) == 10
    assert call.attempt == 1


def test_with_a_backend_that_does_not_reply_a_retry_is_seen_too(lab: MakeLab, runs_away: type, tmp_path: Path) -> None:
    """The status of the first attempt lies in the store when the second one writes its own."""

    def function(marker: str) -> str:
        if os.path.exists(marker):
            return "second"
        with open(marker, "w", encoding="utf-8"):
            raise ValueError("first")

    one = lab(runs_away())
    (call,) = one.add(one.job(function, retry=Retry(2)), str(tmp_path / "marker"))
    one.until(lambda: call.is_done, "the end of the call")
    assert result_of(call, one.storage) == "second"


# Refusals


def test_a_rejected_call_ends_as_rejected_with_the_reason(lab: MakeLab, by_hand: ByHand) -> None:
    def refuse(*_: object) -> Handle:
        raise BackendError("the function does not exist: deploy it")

    by_hand.start = refuse  # type: ignore[method-assign, assignment]
    one = lab(by_hand)
    (call,) = one.add(one.job(), "x")
    one.until(lambda: call.is_done)
    assert call.status is not None
    assert call.status.end is CallEnd.REJECTED
    assert "deploy it" in str(exception_of(call, call.status))


def test_an_instant_backend_that_raises_rejects_too(lab: MakeLab, instant: Instant) -> None:
    def refuse(*_: object) -> Handle:
        raise OSError("no more processes")

    instant.start = refuse  # type: ignore[method-assign, assignment]
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    assert call.status is not None
    assert call.status.end is CallEnd.REJECTED
    assert "OSError: no more processes" in str(exception_of(call, call.status))


@pytest.mark.parametrize("how", ["cancel", "reject", "late"])
def test_the_bound_on_calls_in_flight_holds_after(lab: MakeLab, by_hand: ByHand, how: str) -> None:
    """What was never in flight must not be counted as ended."""
    by_hand.limits = Limits(max_concurrency=2, start_deadline_s=float("inf"))
    one = lab(by_hand)
    job = one.job()
    start = by_hand.start
    if how == "reject":

        def refuse(*_: object) -> Handle:
            raise BackendError("no")

        by_hand.start = refuse  # type: ignore[method-assign, assignment]
        calls = one.add(job, *range(4))
        one.until(lambda: len(one.ends) == 4)
        by_hand.start = start  # type: ignore[method-assign]
    else:
        calls = one.add(job, *range(6))
        running = by_hand.wait_started(2)
        if how == "cancel":
            one.engine.cancel([call for call in calls if call.call_id not in {message.call_id for message in running}])
            assert len(one.ends) == 4
        for message in running:
            by_hand.succeed(message)
            by_hand.succeed(message)
        if how == "late":
            for message in by_hand.wait_started(4)[2:]:
                by_hand.succeed(message)
            for message in by_hand.wait_started(6)[4:]:
                by_hand.succeed(message)
    before = len(by_hand.started)
    one.add(job, *range(6))
    by_hand.wait_started(before + 2)
    one.add(one.job(), *range(6))  # so that the starter had its turn
    assert len(by_hand.started) == before + 2


def test_throttled_calls_all_run_in_the_end(lab: MakeLab, by_hand: ByHand) -> None:
    start = by_hand.start
    refusals = [ThrottledError("slow", 0.001) for _ in range(2)]

    def throttle(runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        if refusals:
            raise refusals.pop()
        return start(runtime, calls, report)

    by_hand.start = throttle  # type: ignore[method-assign]
    one = lab(by_hand)
    one.add(one.job(), *range(10))
    for at in range(10):
        by_hand.succeed(by_hand.wait_started(at + 1)[at])
    assert len(one.ends) == 10
    assert all(call.succeeded for call in one.ends)


# Observers


def test_observers_hear_of_jobs_and_ends(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    job = one.job()
    one.engine.open(job, 7)
    one.add(job, "x")
    instant.end(instant.started[0], CallEnd.LOST, ErrorInfo("WorkerLostError", "killed"))
    event = one.job_events[-1]
    assert (event.executor_id, event.job_id, event.function_name, event.calls) == ("exec-0", "M000", "f", 7)
    (ended,) = one.call_events
    assert (ended.job_id, ended.call_id, ended.end) == ("M000", "00000", "lost")
    assert {"host_job_create_tstamp", "host_submit_tstamp", "host_status_done_tstamp"} <= set(ended.stats)


def test_output_goes_to_its_call_and_to_the_observer(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    calls = one.add(one.job(), "x", "y")
    for call_id, text in (("00001", "hello "), ("00001", "world"), (None, "of nobody")):
        instant.say(CallOutput("exec-0", "M000", call_id, "stdout", text))
    assert [call.logs for call in calls] == ["", "hello world"]
    assert [(call, output.text) for call, output in one.outputs] == [
        (calls[1], "hello "),
        (calls[1], "world"),
        (None, "of nobody"),
    ]


def test_only_the_end_of_a_long_output_is_kept(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    for _ in range(3):
        instant.say(CallOutput("exec-0", "M000", "00000", "stdout", "x" * 200_000))
    instant.say(CallOutput("exec-0", "M000", "00000", "stdout", "the end"))
    assert len(call.logs) == 256 * 1024
    assert call.logs.endswith("xthe end")


def test_an_observer_that_raises_does_not_keep_a_call_from_its_end(
    lab: MakeLab, instant: Instant, caplog: pytest.LogCaptureFixture
) -> None:
    one = lab(instant)
    one.engine.observers._on_call = lambda _: [][0]
    (call,) = one.add(one.job(), "x")
    with caplog.at_level(logging.ERROR):
        instant.succeed(instant.started[0], 5)
    assert result_of(call, None) == 5
    assert "IndexError" in caplog.text
