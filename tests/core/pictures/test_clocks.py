"""A worker's clock that differs from this machine's moves no call out of its own time."""

from __future__ import annotations

import pytest

from lithops.pictures.calls import _in_order


@pytest.mark.parametrize("ahead_s", [0.0, -50.0, 50.0])
def test_times_of_another_clock_keep_their_distances(ahead_s: float) -> None:
    fetched, started, ended, known = _in_order(100.0, [101.0 + ahead_s, 102.0 + ahead_s, 104.0 + ahead_s], 105.0)
    assert (fetched, started, ended, known) != (None,) * 4
    assert fetched is not None
    assert started is not None
    assert ended is not None
    assert 100.0 <= fetched <= started <= ended <= 105.0
    assert (started - fetched, ended - started) == (1.0, 2.0)


def test_a_worker_that_measured_more_than_there_was_is_cut() -> None:
    assert _in_order(100.0, [99.0, 101.0, 109.0], 105.0) == (100.0, 102.0, 105.0, 105.0)


def test_what_was_not_measured_stays_unknown() -> None:
    assert _in_order(100.0, [None, None, None], 105.0) == (None, None, None, 105.0)
    assert _in_order(100.0, [None, None, None], None) == (None, None, None, None)
