"""What travels in a report's page: nothing that HTML knows, and never too much."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given
from hypothesis import strategies as st

from lithops.engine.bill import Spent
from lithops.pictures.calls import CallRow
from lithops.pictures.figures import LEFT_OUT, figures_of

ROW = CallRow(
    "0a1b2c-0", "M000", "00000", "f", "error", 1000.0, 1000.1, 1000.2, 1000.5, 1000.6, 0.25, 4096, "7", 1, True,
    "ValueError", "no", "Traceback", "said",
)  # fmt: skip
FREE = Spent(None, "", "", 0, 0.0)


def figures(rows: list[CallRow]) -> str:
    return figures_of(rows, 2000.0, "0a1b2c-0", "localhost", FREE)


def test_times_are_microseconds_since_the_first_submission() -> None:
    read = json.loads(figures([ROW, dataclasses.replace(ROW, submitted_at=999.0, fetched_at=None)]))
    assert read["submitted_at"] == [1_000_000, 0]
    assert read["fetched_at"] == [1_100_000, None]
    assert read["length"] == 1_600_000
    assert read["cpu"] == [250_000] * 2


def test_a_call_without_an_end_lasts_until_now() -> None:
    read = json.loads(figures([dataclasses.replace(ROW, end="running", known_at=None)]))
    assert read["length"] == 1_000_000_000
    assert read["failures"] == [None]


@given(st.text(max_size=150), st.text(max_size=300), st.text(max_size=300))  # longer ones are cut
def test_texts_survive_and_can_end_no_element(name: str, message: str, log: str) -> None:
    row = dataclasses.replace(ROW, function_name=name, error_message=message + "</script><!--", logs=log)
    text = figures([row])
    assert not {"<", ">", "&", "\u2028"} & set(text)
    read = json.loads(text)
    assert read["names"][read["functions"][0]] == name
    assert read["texts"][read["failures"][0][1]] == message + "</script><!--"
    assert read["texts"][read["logs"][0]] == log


def test_long_texts_are_cut_in_the_middle_and_logs_at_their_beginning() -> None:
    row = dataclasses.replace(ROW, traceback="first" + "x" * 100_000 + "last", logs="begin" + "y" * 100_000 + "end")
    read = json.loads(figures([row]))
    trace = read["texts"][read["failures"][0][2]]
    assert trace.startswith("first")
    assert trace.endswith("last")
    log = read["texts"][read["logs"][0]]
    assert log.endswith("end")
    assert "begin" not in log


def test_ten_thousand_different_failures_stay_below_the_bar() -> None:
    rows = [
        dataclasses.replace(
            ROW, call_id=f"{at:05d}", error_message=f"{at} " + "é" * 5000, traceback=f"{at}" + "\n" * 9000
        )
        for at in range(10_000)
    ]
    text = figures(rows)
    assert len(text) < 5_000_000
    read = json.loads(text)
    assert read["texts"][read["failures"][0][1]].startswith("0 ")
    assert read["texts"][read["failures"][-1][2]] == LEFT_OUT
