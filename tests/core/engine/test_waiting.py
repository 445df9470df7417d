"""Waiting for some of the calls, with a bound; nothing is left on the calls afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from lithops.engine.call import Call, Job
from lithops.engine.retry import NO_RETRY
from lithops.engine.waiting import wait_for
from lithops.spi import Artifact, CallEnd, CallStatus, JobMessage, Payload, RuntimeSpec

WAIT_S = 5.0


def make_calls(count: int) -> list[Call]:
    job = Job(JobMessage("e", "M000", Artifact("", Payload((b"",)))), RuntimeSpec(), NO_RETRY, None)
    return [Call(job, f"{at:05d}", Payload((b"",))) for at in range(count)]


def end(call: Call, how: CallEnd = CallEnd.SUCCESS) -> bool:
    return call.settle(CallStatus.of(call.to_message(), how))


@pytest.fixture
def later() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Run something on another thread, soon."""
    threads: list[threading.Timer] = []

    def run(action: Callable[[], object]) -> None:
        threads.append(threading.Timer(0.01, action))
        threads[-1].start()

    yield run
    for thread in threads:
        thread.join(WAIT_S)


@pytest.mark.parametrize(("ended", "wanted"), [(0, 0), (1, 1), (3, 2), (3, 3), (0, -1)])
def test_what_is_there_already_is_not_waited_for(ended: int, wanted: int) -> None:
    calls = make_calls(3)
    for call in calls[:ended]:
        end(call)
    assert wait_for(calls, wanted, 0.0)


@pytest.mark.parametrize(("ended", "wanted"), [(0, 1), (1, 2), (2, 3)])
def test_too_few_ends_are_a_time_out(ended: int, wanted: int) -> None:
    calls = make_calls(3)
    for call in calls[:ended]:
        end(call)
    assert not wait_for(calls, wanted, 0.01)
    assert not any(call.callbacks for call in calls[ended:])


def test_the_last_wanted_end_ends_the_wait(later: Callable[[Callable[[], object]], None]) -> None:
    calls = make_calls(4)
    end(calls[0])
    later(lambda: [end(call) for call in calls[1:3]])
    assert wait_for(calls, 3, WAIT_S)
    assert not calls[3].callbacks


def test_without_a_time_the_wait_is_as_long_as_the_calls(later: Callable[[Callable[[], object]], None]) -> None:
    calls = make_calls(2)
    later(lambda: [end(call) for call in calls])
    assert wait_for(calls, 2, None)


@pytest.mark.parametrize("how", [one for one in CallEnd if one is not CallEnd.SUCCESS])
def test_a_failure_is_enough_when_it_is_asked_for(how: CallEnd, later: Callable[[Callable[[], object]], None]) -> None:
    calls = make_calls(3)
    end(calls[0])
    later(lambda: end(calls[2], how))
    assert wait_for(calls, 3, WAIT_S, stops_at_failure=True)
    assert not calls[1].callbacks
    assert wait_for(calls, 3, 0.0, stops_at_failure=True)


def test_a_failure_counts_as_an_end_otherwise() -> None:
    calls = make_calls(2)
    end(calls[0], CallEnd.LOST)
    assert not wait_for(calls, 2, 0.01)
    end(calls[1])
    assert wait_for(calls, 2, 0.0)


def test_progress_is_shown_while_nothing_ends(later: Callable[[Callable[[], object]], None]) -> None:
    calls = make_calls(1)
    shown: list[int] = []
    later(lambda: end(calls[0]))
    assert wait_for(calls, 1, WAIT_S, on_progress=lambda: shown.append(1))
    assert shown


def test_an_interrupt_leaves_no_callback() -> None:
    calls = make_calls(2)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_for(calls, 2, WAIT_S, on_progress=interrupt)
    assert not any(call.callbacks for call in calls)


@pytest.mark.parametrize("timeout_s", [float("inf"), 1e15])
def test_an_endless_time_out_is_one(timeout_s: float, later: Callable[[Callable[[], object]], None]) -> None:
    calls = make_calls(1)
    later(lambda: end(calls[0]))
    assert wait_for(calls, 1, timeout_s)


def test_one_call_twice_counts_twice() -> None:
    (call,) = make_calls(1)
    end(call)
    assert wait_for([call, call], 2, 0.0)


def test_many_waits_for_one_call_all_end() -> None:
    calls = make_calls(1)
    ended: list[bool] = []
    threads = [threading.Thread(target=lambda: ended.append(wait_for(calls, 1, WAIT_S))) for _ in range(10)]
    for thread in threads:
        thread.start()
    end(calls[0])
    for thread in threads:
        thread.join(WAIT_S)
    assert ended == [True] * 10


# The record of a call itself


def test_only_the_first_end_counts_and_callbacks_are_called_once() -> None:
    (call,) = make_calls(1)
    heard: list[Call] = []
    call.add_done_callback(heard.append)
    assert end(call)
    assert not end(call, CallEnd.LOST)
    assert call.succeeded
    call.add_done_callback(heard.append)
    assert heard == [call, call]


def test_a_removed_callback_is_not_called() -> None:
    (call,) = make_calls(1)
    heard: list[Call] = []
    call.add_done_callback(heard.append)
    call.remove_done_callback(heard.append)
    call.remove_done_callback(heard.append)
    end(call)
    assert heard == []
