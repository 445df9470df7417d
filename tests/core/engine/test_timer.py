"""Actions run at their time, one after the other, and never after the close."""

from __future__ import annotations

import logging
import threading

import pytest

from lithops.engine.timer import Timer

WAIT_S = 5.0


def test_actions_run_in_the_order_of_their_times() -> None:
    timer = Timer("test-timer")
    ran: list[str] = []
    is_over = threading.Event()
    ready = threading.Event()

    def hold() -> None:
        assert ready.wait(WAIT_S)

    timer.after(0.0, hold)  # so that all others are there before one runs
    for name, delay_s in (("c", 0.03), ("a", 0.01), ("b", 0.02), ("b2", 0.02)):
        timer.after(delay_s, lambda name=name: ran.append(name))  # type: ignore[misc]
    timer.after(0.05, is_over.set)
    ready.set()
    assert is_over.wait(WAIT_S)
    assert ran == ["a", "b", "b2", "c"]
    timer.close()


def test_a_nearer_action_wakes_the_wait_for_a_farther_one() -> None:
    timer = Timer("test-timer")
    is_near = threading.Event()
    timer.after(3600, lambda: None)
    timer.after(0.0, is_near.set)
    assert is_near.wait(WAIT_S)
    timer.close()


def test_an_action_that_raises_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    timer = Timer("test-timer")
    is_over = threading.Event()
    with caplog.at_level(logging.ERROR):
        timer.after(0.0, lambda: [][0])
        timer.after(0.0, is_over.set)
        assert is_over.wait(WAIT_S)
        timer.close()
    assert "IndexError" in caplog.text


def test_close_drops_what_is_left_joins_the_thread_and_can_be_repeated() -> None:
    timer = Timer("test-timer-closed")
    ran: list[int] = []
    timer.after(3600, lambda: ran.append(1))
    timer.close()
    timer.close()
    timer.after(0.0, lambda: ran.append(2))
    assert "test-timer-closed" not in [thread.name for thread in threading.enumerate()]
    assert ran == []


def test_an_action_may_close_its_timer() -> None:
    timer = Timer("test-timer")
    is_over = threading.Event()

    def close() -> None:
        timer.close()
        is_over.set()

    timer.after(0.0, close)
    assert is_over.wait(WAIT_S)
    timer.close()


def test_an_action_may_ask_for_another() -> None:
    timer = Timer("test-timer")
    is_over = threading.Event()
    timer.after(0.0, lambda: timer.after(0.0, is_over.set))
    assert is_over.wait(WAIT_S)
    timer.close()


def test_no_thread_is_started_before_it_is_needed() -> None:
    timer = Timer("test-timer-unused")
    timer.close()
    assert "test-timer-unused" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("delay_s", [-1.0, 1e12])
def test_the_timer_lives_on_with_any_number(delay_s: float) -> None:
    timer = Timer("test-timer")
    is_over = threading.Event()
    timer.after(delay_s, lambda: None)
    timer.after(0.0, is_over.set)
    assert is_over.wait(WAIT_S)
    is_later = threading.Event()
    timer.after(0.02, is_later.set)
    assert is_later.wait(WAIT_S)
    timer.close()
