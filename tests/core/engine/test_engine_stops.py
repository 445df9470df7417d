"""Cancelling in each state of a call, and closing: everything ends, nothing starts again."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lithops.engine.outcome import exception_of, result_of
from lithops.engine.retry import Retry
from lithops.errors import BackendError, NotSupportedError
from lithops.spi import CallEnd, Limits

if TYPE_CHECKING:
    from tests.core.engine.conftest import ByHand, Instant, Lab

MakeLab = Callable[..., "Lab"]


def test_cancelling_ends_running_calls_by_the_backend(lab: MakeLab, by_hand: ByHand) -> None:
    one = lab(by_hand)
    calls = one.add(one.job(), *range(3))
    by_hand.wait_started(3)
    one.until(lambda: all(call.handle for call in calls))
    one.engine.cancel(calls[:2])
    assert {call.call_id for call in by_hand.cancelled} == {"00000", "00001"}
    assert [call.status and call.status.end for call in calls] == [CallEnd.CANCELLED, CallEnd.CANCELLED, None]


def test_a_cancelled_call_is_not_tried_again(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(retry=Retry(5)), "x")
    one.engine.cancel([call])
    assert len(instant.started) == len(one.ends) == 1


def test_cancelling_a_call_that_waits_for_its_retry(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(retry=Retry(5, backoff=3600)), "x")
    instant.end(instant.started[0], CallEnd.LOST)
    one.engine.cancel([call])
    assert call.status is not None
    assert call.status.end is CallEnd.CANCELLED


def test_cancelling_what_has_ended_changes_nothing(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    instant.succeed(instant.started[0], 1)
    one.engine.cancel([call])
    assert (instant.cancelled, result_of(call, None)) == ([], 1)


def test_where_nothing_can_be_ended_only_queued_calls_are(lab: MakeLab, deaf: type) -> None:
    backend: ByHand = deaf(Limits(max_concurrency=1))
    one = lab(backend)
    calls = one.add(one.job(), *range(2))
    backend.wait_started(1)
    with pytest.raises(NotSupportedError, match="1 calls already run"):
        one.engine.cancel(calls)
    assert [call.is_done for call in calls] == [False, True]


@pytest.mark.parametrize("backend_name", ["by_hand", "instant"])
def test_close_cancels_the_rest_closes_the_backend_and_can_be_repeated(
    lab: MakeLab, request: pytest.FixtureRequest, backend_name: str
) -> None:
    backend: ByHand = request.getfixturevalue(backend_name)
    backend.limits = Limits(max_concurrency=1, start_deadline_s=float("inf"))
    one = lab(backend)
    job = one.job(retry=Retry(9, backoff=3600))
    calls = one.add(job, *range(4))
    backend.end(backend.wait_started(1)[0], CallEnd.LOST)
    calls += one.add(job, "needs", needs=[calls[3:]])
    one.engine.close()
    one.engine.close()
    assert backend.is_closed
    assert {call.status and call.status.end for call in calls} == {CallEnd.CANCELLED}
    assert len(one.ends) == 5
    assert "closed" in str(exception_of(calls[0], calls[0].status))  # type: ignore[arg-type]
    with pytest.raises(BackendError, match="closed"):
        one.job()


@pytest.mark.parametrize("backend_name", ["by_hand", "instant"])
def test_calls_that_are_added_after_the_close_end_too(
    lab: MakeLab, request: pytest.FixtureRequest, backend_name: str
) -> None:
    one = lab(request.getfixturevalue(backend_name))
    job = one.job()
    one.engine.close()
    calls = one.add(job, 1, 2)
    assert [call.is_done for call in calls] == [True, True]


def test_a_job_is_forgotten_when_it_is_over_and_nobody_has_a_future_of_it(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    job = one.job()
    one.add(job, "x", "y")
    first, second = instant.started
    instant.succeed(first)
    gone = weakref.ref(job)
    del job
    gc.collect()
    assert gone() is not None
    instant.succeed(second)
    assert len(one.ends) == 2
    instant.started.clear()
    one.ends.clear()
    del first
    gc.collect()
    assert gone() is None
    instant.succeed(second)
    assert one.ends == []
