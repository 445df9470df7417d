"""What is read of calls, and how many ran at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops import FunctionExecutor
from lithops.pictures.calls import CallRow, rows_of
from lithops.pictures.concurrency import columns_of, steps_of


@pytest.fixture(scope="module")
def rows(fexec: FunctionExecutor) -> list[CallRow]:
    return rows_of(fexec.futures)


def test_each_call_is_a_row_in_the_order_of_submission(rows: list[CallRow]) -> None:
    assert [row.job_id for row in rows] == ["M000"] * 12 + ["A001"] + ["M002"] * 3 + ["R002"] + ["M003"] * 2
    assert [row.call_id for row in rows[:3]] == ["00000", "00001", "00002"]


def test_times_never_run_backwards(rows: list[CallRow]) -> None:
    for row in rows:
        times = [row.submitted_at, row.fetched_at, row.started_at, row.ended_at, row.known_at]
        known = [one for one in times if one is not None]
        assert known == sorted(known)
        assert len(known) == (2 if row.end == "lost" else 5)


def test_a_failure_has_its_type_message_and_traceback(rows: list[CallRow]) -> None:
    failed = [row for row in rows if row.is_failed]
    assert [row.end for row in failed] == ["error", "lost"]
    assert failed[0].error_type == "ValueError"
    assert "</script>" in failed[0].error_message
    assert "raise ValueError" in failed[0].traceback
    assert failed[0].logs == "squaring 4\n"
    assert failed[1].error_type == "WorkerLostError"
    assert "code 3" in failed[1].error_message
    assert failed[1].function_s is None


def test_a_call_that_is_given_twice_is_one_row(fexec: FunctionExecutor) -> None:
    assert len(rows_of([fexec.futures[0], fexec.futures[0]])) == 1


def test_without_calls_it_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="submit some first"):
        rows_of([])


def test_spans_are_counted() -> None:
    assert steps_of([(0.0, 2.0), (1.0, 3.0), (2.0, 3.0), (5.0, 5.0)]) == ([0.0, 1.0, 3.0], [1, 2, 0])
    assert steps_of([]) == ([], [])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(tuple)))
def test_counts_are_those_of_each_moment(spans: list[tuple[int, int]]) -> None:
    moments, counts = steps_of(spans)
    for moment, count in zip(moments, counts, strict=True):
        assert count == sum(start <= moment < end for start, end in spans)
    assert counts[-1:] in ([], [0])


def test_a_span_that_is_narrower_than_a_column_is_seen() -> None:
    mosts, means = columns_of(*steps_of([(1.0, 1.001), (1.0005, 1.001), (3.0, 10.0)]), 10.0, 5)
    assert mosts == [2, 1, 1, 1, 1]
    assert means == pytest.approx([0.00075, 0.5, 1.0, 1.0, 1.0])


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)).map(sorted).map(tuple), max_size=20), st.integers(1, 50))
def test_columns_keep_the_time_that_was_spent(spans: list[tuple[float, float]], columns: int) -> None:
    moments, counts = steps_of(spans)
    mosts, means = columns_of(moments, counts, 20.0, columns)
    assert sum(means) * 20.0 / columns == pytest.approx(sum(end - start for start, end in spans), abs=1e-6)
    assert max(mosts) == max(counts, default=0)
    assert all(mean <= most + 1e-6 for mean, most in zip(means, mosts, strict=True))
