"""A call that travels: with its end when it has one, else followed through the store."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from lithops.engine.attach import attach, detach
from lithops.engine.call import Call
from lithops.engine.outcome import exception_of, result_of, stats_of
from lithops.engine.retry import Retry
from lithops.engine.waiting import wait_for
from lithops.spi import Artifact, CallEnd, CallMessage, JobMessage, Payload
from lithops.worker import context

if TYPE_CHECKING:
    from tests.core.engine.conftest import Instant, Lab

MakeLab = Callable[..., "Lab"]
WAIT_S = 5.0


def travelled(call: Call) -> Call:
    """Send a call to another process and back, as a pickled future does."""
    return attach(pickle.loads(pickle.dumps(detach(call))))


def test_a_call_that_has_ended_travels_with_its_end(lab: MakeLab, runs_here: type) -> None:
    one = lab(runs_here())
    (call,) = one.add(one.job(lambda x: x * 2, memory_mb=None), 21)
    call.add_log("printed")
    back = travelled(call)
    assert result_of(back, None) == 42
    assert (back.call_id, back.job.message.job_key, back.logs) == (call.call_id, call.job.message.job_key, "printed")
    assert back.job.message.function_name == "f"
    wanted = {name: value for name, value in stats_of(call).items() if name.startswith("worker_")}
    assert wanted.items() <= stats_of(back).items()
    assert wanted


def test_a_failure_travels_with_its_exception(lab: MakeLab, runs_here: type) -> None:
    one = lab(runs_here())
    (call,) = one.add(one.job(lambda x: {}[x]), "missing")
    back = travelled(call)
    assert back.status is not None
    exc = exception_of(back, back.status)
    assert type(exc) is KeyError
    assert exc.args == ("missing",)


def test_a_running_call_is_followed_to_its_end(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    back = travelled(call)
    assert not back.is_done
    instant.succeed(instant.started[0], {"answer": 42})
    assert wait_for([back], 1, WAIT_S)
    assert result_of(back, None) == {"answer": 42}


@pytest.mark.parametrize("end", [CallEnd.LOST, CallEnd.TIMEOUT, CallEnd.CANCELLED])
def test_an_end_without_a_result_is_followed_too(lab: MakeLab, instant: Instant, end: CallEnd) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    back = travelled(call)
    instant.end(instant.started[0], end)
    assert wait_for([back], 1, WAIT_S)
    assert back.status is not None
    assert back.status.end is end


def test_a_call_that_is_retried_is_followed_to_its_last_end(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(retry=Retry(3)), "x")
    back = travelled(call)
    instant.end(instant.started[0], CallEnd.LOST)
    instant.succeed(instant.started[1], "second")
    assert wait_for([back], 1, WAIT_S)
    assert result_of(back, None) == "second"


def test_a_call_may_travel_several_times(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    backs = [travelled(call) for _ in range(3)]
    instant.succeed(instant.started[0], 1)
    assert wait_for(backs, 3, WAIT_S)
    assert [result_of(back, None) for back in backs] == [1, 1, 1]


def test_what_travels_are_plain_values(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(env={"SECRET": "planted"}), "x")
    what: dict[str, Any] = detach(call)
    instant.succeed(instant.started[0], 1)
    for known in (what, detach(call)):
        assert {type(value) for value in known.values()} <= {str, int, float, bytes, tuple, type(None)}
        assert b"planted" not in pickle.dumps(known)


def test_in_a_worker_a_nested_call_is_awaited_before_it_travels(lab: MakeLab, instant: Instant) -> None:
    one = lab(instant)
    (call,) = one.add(one.job(), "x")
    ender = threading.Timer(0.02, lambda: instant.succeed(instant.started[0], 5))
    ender.start()
    context.begin(CallMessage(JobMessage("e", "M", Artifact("", Payload((b"",)))), "00000", Payload((b"",))))
    try:
        back = travelled(call)
    finally:
        context.end()
        ender.join()
    assert back.is_done
    assert result_of(back, None) == 5
