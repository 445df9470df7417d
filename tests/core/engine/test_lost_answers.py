"""A platform that takes a start and tells later: refusals, lost answers, deaths by memory, and what it bills."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
from tests.core.engine.conftest import BUCKET, ByHand, Lab

from lithops.engine.bill import Bill
from lithops.engine.retry import Retry
from lithops.errors import AccessDeniedError, NotSupportedError, ThrottledError
from lithops.spi import (
    CallEnd,
    CallMessage,
    CallStatus,
    ComputeBackend,
    ComputeFeature,
    Cost,
    ErrorInfo,
    Handle,
    Limits,
    Refusal,
    Report,
    RuntimeSpec,
    Unheard,
)
from lithops.wire.keys import status_key
from lithops.worker.run import Runner

MakeLab = Callable[[ComputeBackend], Lab]


class Asked(ByHand):
    """Replies, or is asked not to; its answers may be lost. Every second costs 2 EUR, each call 1."""

    features = ByHand.features | ComputeFeature.EVENTS
    commit_after_s = 10.0
    event_limits = Limits(max_inline_bytes=7)

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        self.runtimes: list[RuntimeSpec] = []

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        self.runtimes.append(runtime)
        return super().start(runtime, calls, report)

    def say(self, said: Refusal | Unheard) -> None:  # type: ignore[override]
        self._report(said)

    def prefers_events(self, calls: int) -> bool:
        return calls > 100

    def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost:
        return Cost(2.0 * billed_s + calls, "EUR", "2026-01-01")


# Refusals


def test_calls_refused_after_their_start_are_started_again(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    calls = one.add(one.job(), 1, 2)
    first = backend.wait_started(2)
    backend.say(Refusal([first[1]], ThrottledError("too many", 0.01)))
    backend.succeed(first[0])  # two were one too many: the other waits for this
    again = backend.wait_started(3)[2]
    assert (again.call_id, again.attempt) == (first[1].call_id, 0)
    backend.succeed(again)
    one.until(lambda: all(call.succeeded for call in calls))


def test_a_refusal_for_good_rejects_the_call(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(), 1)
    backend.say(Refusal(backend.wait_started(1), AccessDeniedError("no permission")))
    one.until(lambda: call.is_done)
    assert call.status is not None
    assert call.status.end is CallEnd.REJECTED
    assert call.status.error is not None
    assert "no permission" in call.status.error.message


def test_a_platform_that_refuses_for_ever_is_given_up_after_the_budget(lab: MakeLab) -> None:
    class Refuses(Asked):
        def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
            handle = super().start(runtime, calls, report)
            report(Refusal(calls, ThrottledError("too many")))
            return handle

    backend = Refuses(Limits(start_deadline_s=0.3))
    one = lab(backend)
    (call,) = one.add(one.job(), 1)
    one.until(lambda: call.is_done)
    assert call.status is not None
    assert call.status.end is CallEnd.REJECTED
    assert len(backend.started) > 1


def test_a_platform_that_refuses_some_by_chance_is_not_strangled(lab: MakeLab) -> None:
    backend = Asked(Limits(max_concurrency=1000, start_deadline_s=float("inf")))
    one = lab(backend)
    calls = one.add(one.job(), *range(100))
    first = backend.wait_started(100)
    for message in first[::5]:
        backend.say(Refusal([message], ThrottledError("too many")))
    assert one.engine._starter._allowed > 75
    for at, message in enumerate(first):
        if at % 5:
            backend.succeed(message)
    for message in backend.wait_started(120)[100:]:
        backend.succeed(message)
    one.until(lambda: all(call.succeeded for call in calls))


def test_what_is_over_is_not_started_again(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(), 1)
    (message,) = backend.wait_started(1)
    backend.succeed(message)
    backend.say(Refusal([message], ThrottledError("too many")))
    backend.say(Unheard([message], "broken"))
    assert call.succeeded
    assert len(backend.started) == 1


def test_a_call_that_ends_while_its_start_is_delayed_frees_its_place(lab: MakeLab) -> None:
    backend = Asked(Limits(max_concurrency=1, start_deadline_s=float("inf")))
    one = lab(backend)
    calls = one.add(one.job(), 1, 2)
    (first,) = backend.wait_started(1)
    backend.say(Refusal([first], ThrottledError("too many", 0.05)))
    backend.succeed(first)  # it ran all the same
    for message in backend.wait_started(2)[1:]:
        backend.succeed(message)
    for message in backend.wait_started(3)[2:]:
        backend.succeed(message)
    one.until(lambda: all(call.succeeded for call in calls))


# Lost answers


def test_a_short_call_whose_answer_was_lost_runs_again_and_leaves_its_status(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(), "abc")
    (message,) = backend.wait_started(1)
    assert message.job.commit is False
    backend.say(Unheard([message], "the connection broke"))
    again = backend.wait_started(2)[1]
    assert (again.attempt, again.job.commit_after_s) == (0, 0.0)
    Runner().run(again)  # its answer is lost too, and its status is found in the store
    one.until(lambda: call.succeeded)


def test_a_long_call_whose_answer_was_lost_is_only_looked_for(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(), "abc")
    (message,) = backend.wait_started(1)
    call.submit_tstamp = time.time() - 60.0
    backend.say(Unheard([message], "the connection broke"))
    committing = CallMessage(message.job._replace(commit=True), message.call_id, message.data)
    Runner().run(committing)  # as a worker does with a call that took long
    one.until(lambda: call.succeeded)
    assert len(backend.started) == 1


def test_a_late_answer_of_a_call_that_runs_again_counts(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(), "abc")
    (message,) = backend.wait_started(1)
    backend.say(Unheard([message], "the connection broke"))
    backend.wait_started(2)
    backend.succeed(message)
    one.until(lambda: call.succeeded)


# Events


@pytest.mark.parametrize(("calls", "commits"), [(1, False), (100, False), (101, True)])
def test_the_backend_chooses_events_by_the_size_of_a_job(lab: MakeLab, calls: int, commits: bool) -> None:
    engine = lab(Asked()).engine
    assert engine.commits(calls, detached=False) is commits
    assert engine.limits(commits=commits).max_inline_bytes == (7 if commits else Limits().max_inline_bytes)


def test_a_detached_job_is_started_by_events_or_refused(lab: MakeLab, by_hand: ByHand) -> None:
    assert lab(Asked()).engine.commits(1, detached=True)
    with pytest.raises(NotSupportedError, match="outlives its client"):
        lab(by_hand).engine.commits(1, detached=True)


def test_the_statuses_of_events_are_found_in_the_store(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(commit=True), "abc")
    (message,) = backend.wait_started(1)
    assert not call.is_done
    Runner().run(message)
    one.until(lambda: call.succeeded)


def test_only_jobs_whose_workers_commit_are_looked_for(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(), "abc")
    (message,) = backend.wait_started(1)
    key = status_key("exec-0", message.job.job_id, message.call_id, 0)
    one.storage.put(BUCKET, key, b"nobody reads this")
    time.sleep(0.3)
    assert not call.is_done
    backend.succeed(message)


# Memory


def test_a_call_that_ran_out_of_memory_gets_more_as_far_as_the_platform_goes(lab: MakeLab) -> None:
    backend = Asked(Limits(memory_mb=(128, 1000)))
    one = lab(backend)
    job = one.job(retry=Retry(max_attempts=4, memory_factor=2.0), memory_mb=300)
    job.runtime = RuntimeSpec(memory_mb=300)
    (call,) = one.add(job, 1)
    for attempt, memory_mb in enumerate([300, 600, 1000]):
        message = backend.wait_started(attempt + 1)[attempt]
        assert (message.job.memory_mb, backend.runtimes[attempt].memory_mb) == (memory_mb, memory_mb)
        backend.end(message, CallEnd.LOST, ErrorInfo("MemoryError", "out of memory", memory_limit=True))
    message = backend.wait_started(4)[3]
    backend.succeed(message)
    one.until(lambda: call.succeeded)


def test_a_call_that_failed_otherwise_keeps_its_memory(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    job = one.job(retry=Retry(max_attempts=2, memory_factor=2.0), memory_mb=300)
    job.runtime = RuntimeSpec(memory_mb=300)
    one.add(job, 1)
    backend.fail(backend.wait_started(1)[0], ValueError("no"))
    message = backend.wait_started(2)[1]
    assert message.job.memory_mb == 300
    backend.succeed(message)


# The bill


def billed(message: CallMessage, seconds: float | None, end: CallEnd = CallEnd.TIMEOUT) -> CallStatus:
    return CallStatus.of(message, end, billed_s=seconds)


def test_each_attempt_is_billed_once(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(retry=Retry(max_attempts=2)), 1)
    first = backend.wait_started(1)[0]
    backend._report(billed(first, 1.5))
    second = backend.wait_started(2)[1]
    backend._report(billed(second, 0.5))
    one.until(lambda: call.is_done)
    spent = one.engine.bill.spent()
    assert (spent.amount, spent.currency, spent.as_of) == (2.0 * 2.0 + 2, "EUR", "2026-01-01")
    assert (spent.attempts, spent.billed_s, spent.measured) == (2, 2.0, 0)


def test_what_was_never_started_costs_nothing(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    (call,) = one.add(one.job(), 1)
    backend.end(backend.wait_started(1)[0], CallEnd.REJECTED)
    one.until(lambda: call.is_done)
    assert one.engine.bill.spent().attempts == 0


def test_a_backend_without_prices_has_no_amount(by_hand: ByHand) -> None:
    spent = Bill(by_hand).spent()
    assert (spent.amount, spent.attempts) == (None, 0)


def test_nothing_more_is_started_when_the_limit_is_reached(lab: MakeLab) -> None:
    backend = Asked()
    one = lab(backend)
    one.engine.bill.limit = 3.0
    (first,) = one.add(one.job(), 1)
    message = backend.wait_started(1)[0]
    backend._report(billed(message, 1.0))
    one.until(lambda: first.is_done)
    (second,) = one.add(one.job(), 1)
    assert second.status is not None
    assert second.status.end is CallEnd.REJECTED
    assert second.status.error is not None
    assert "'max_cost' is 3" in second.status.error.message
    assert len(backend.started) == 1
