"""Which ends are tried again, how often, and after which delay."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.engine.retry import NO_RETRY, Backoff, Retry, as_retry
from lithops.errors import WorkerLostError
from lithops.types import CallEnd


def not_asked() -> BaseException:
    raise AssertionError("the exception was made although nothing depends on it")


FAILED = [CallEnd.ERROR, CallEnd.LOST, CallEnd.TIMEOUT]


@pytest.mark.parametrize("end", CallEnd)
@pytest.mark.parametrize(
    ("attempt", "max_attempts", "again"), [(0, 1, False), (0, 2, True), (1, 2, False), (1, 3, True), (5, 3, False)]
)
def test_failures_are_tried_again_until_the_attempts_are_used_up(
    end: CallEnd, attempt: int, max_attempts: int, again: bool
) -> None:
    assert Retry(max_attempts).wants(end, attempt, not_asked) is (again and end in FAILED)


@pytest.mark.parametrize(
    ("on", "exc", "again"),
    [
        (ValueError, ValueError(), True),
        (ValueError, KeyError(), False),
        (LookupError, KeyError(), True),
        ((KeyError, OSError), TimeoutError(), True),
        ((), ZeroDivisionError(), True),
        (WorkerLostError, WorkerLostError("killed", 9), True),
        (WorkerLostError, TimeoutError(), False),
    ],
)
def test_only_the_named_exceptions_are_tried_again(on: Any, exc: BaseException, again: bool) -> None:
    assert Retry(2, on=on).wants(CallEnd.ERROR, 0, lambda: exc) is again


def test_success_and_cancellation_are_final_whatever_is_named() -> None:
    retry = Retry(9, on=BaseException)
    assert not retry.wants(CallEnd.SUCCESS, 0, not_asked)
    assert not retry.wants(CallEnd.CANCELLED, 0, not_asked)


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [(None, [0.0, 0.0, 0.0]), (1.5, [1.5, 1.5, 1.5]), (2, [2.0, 2.0, 2.0]), (0, [0.0, 0.0, 0.0])],
)
def test_a_number_is_a_constant_delay(backoff: float | None, delays: list[float]) -> None:
    assert [Retry(5, backoff).delay_s(attempt) for attempt in range(3)] == delays


@given(st.floats(0, 100), st.floats(0, 1000), st.integers(0, 10**6))
def test_delays_are_drawn_below_a_ceiling_that_doubles_up_to_the_cap(base: float, cap: float, attempt: int) -> None:
    backoff = Backoff(base, cap)
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    assert backoff.delay_s(attempt, draw) == min(cap, base * 2.0 ** min(attempt, 60))
    assert drawn == [(0.0, backoff.ceiling_s(attempt))]
    assert 0 <= Retry(2, backoff).delay_s(attempt) <= cap


@pytest.mark.parametrize("given_retries", [0, 1, 7])
def test_a_number_of_retries_is_one_attempt_more(given_retries: int) -> None:
    assert as_retry(given_retries).max_attempts == given_retries + 1


def test_no_retries_and_a_policy_are_taken_as_they_are() -> None:
    policy = Retry(4, 0.5, ValueError)
    assert as_retry(policy) is policy
    assert as_retry(None) is NO_RETRY


@pytest.mark.parametrize(
    "make",
    [
        lambda: as_retry(-1),
        lambda: as_retry(True),
        lambda: as_retry(1.0),  # type: ignore[arg-type]
        lambda: as_retry("2"),  # type: ignore[arg-type]
        lambda: Retry(0),
        lambda: Retry(True),
        lambda: Retry(2.0),  # type: ignore[arg-type]
        lambda: Retry(2, -0.5),
        lambda: Retry(2, math.nan),
        lambda: Retry(2, math.inf),
    ],
)
def test_what_is_no_policy_is_refused(make: Callable[[], Retry]) -> None:
    with pytest.raises(ValueError, match="give"):
        make()
