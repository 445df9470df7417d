"""Calls that have no result: that run, wait, failed, were lost or cancelled. Pictures of them are no accident."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.pictures.chromium import opened_page

from lithops import FunctionExecutor
from lithops.pictures.calls import CallRow, rows_of

LEGEND = "[...document.querySelectorAll('.tile')].map((one) => one.textContent)"
PHASES = "shown.map((at) => cuts(at).map((cut) => phases[cut[0]][0]).join(' '))"


def hold(folder: str) -> None:
    """Say that it runs, and run until it is told to end."""
    (Path(folder) / str(os.getpid())).touch()
    while not (Path(folder) / "end").exists():
        time.sleep(0.01)


def fail(x: int) -> None:
    raise ValueError(x)


def die(x: int) -> None:
    os._exit(x)


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FunctionExecutor]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with FunctionExecutor(worker_processes=1) as made:
        yield made


def ends(rows: list[CallRow]) -> list[str]:
    return [row.end for row in rows]


def texts(paths: tuple[Path, Path]) -> str:
    return "".join(path.read_text("utf-8") for path in paths)


def test_calls_that_run_are_shown_until_now(executor: FunctionExecutor, tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    futures = executor.map(hold, [str(tmp_path / "held")] * 2)
    while not os.listdir(tmp_path / "held"):
        time.sleep(0.01)
    after = executor.call_async(fail, futures[0])  # waits for it
    rows = rows_of([*futures, after])
    assert ends(rows) == ["running", "running", "new"]
    assert [row.is_sent for row in rows] == [True, True, False]
    said = texts(executor.plot(dst="open.svg"))
    assert "nothing reported (yet)" in said
    assert "no worker has reported a function's run" in said
    with opened_page(executor.report(dst="open.html")) as page:
        tiles = page.evaluate(LEGEND)
        assert {"2running", "1new", "0functions at once, at most"} <= set(tiles)
        assert page.evaluate(PHASES) == ["open", "open", "waits"]
        assert page.complaints == []
    (tmp_path / "held" / "end").touch()
    executor.wait(throw_except=False, timeout=30)


def test_cancelled_calls_are_shown_as_what_they_are(executor: FunctionExecutor, tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    futures = executor.map(hold, [str(tmp_path / "held")] * 2)
    while not os.listdir(tmp_path / "held"):
        time.sleep(0.01)
    after = executor.call_async(fail, futures[0])
    for future in (after, *futures):
        assert future.cancel()
    executor.wait(throw_except=False, timeout=30)
    rows = rows_of([*futures, after])
    assert ends(rows) == ["cancelled"] * 3
    assert all(row.is_failed and row.function_s is None for row in rows)
    assert [row.is_sent for row in rows] == [True, True, False]
    assert "cancelled (3)" in texts(executor.plot(dst="cancelled.svg"))
    with opened_page(executor.report(dst="cancelled.html")) as page:
        assert "3cancelled" in page.evaluate(LEGEND)
        assert page.evaluate(PHASES) == ["open", "open", "waits"]
        assert page.complaints == []


def test_failed_and_lost_calls_are_counted_by_their_ends(executor: FunctionExecutor) -> None:
    executor.map(fail, range(3))
    executor.wait(throw_except=False, timeout=30)
    executor.call_async(die, 3)
    executor.wait(throw_except=False, timeout=30)
    rows = rows_of(executor.futures)
    assert ends(rows) == ["error"] * 3 + ["lost"]
    assert "error (3), lost (1)" in texts(executor.plot(dst="failed.svg"))
    with opened_page(executor.report(dst="failed.html")) as page:
        assert {"3error", "1lost"} <= set(page.evaluate(LEGEND))
        assert page.evaluate(PHASES)[3] == "open"
        assert page.complaints == []
