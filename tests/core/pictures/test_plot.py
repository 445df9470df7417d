"""The pictures of real jobs are files that matplotlib wrote, without a display."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import lithops

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def half(x: int) -> float:
    return 1 / (x - 3) if x % 2 else x / 2


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> lithops.FunctionExecutor:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    made = lithops.FunctionExecutor(worker_processes=2)
    made.wait(made.map(half, range(20)), throw_except=False)
    return made


def test_two_pictures_are_written_where_they_were_asked_for(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    with executor:
        executor.plot(dst=str(tmp_path / "mine"))
    for name in ("mine_timeline.png", "mine_histogram.png"):
        assert (tmp_path / name).read_bytes().startswith(SIGNATURE)
        assert (tmp_path / name).stat().st_size > 10_000


def test_without_a_place_they_go_to_plots(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    with executor:
        executor.plot(executor.futures[:3])
    assert len(list((tmp_path / "plots").glob("*.png"))) == 2
    assert "matplotlib.pyplot" not in sys.modules


def test_no_calls_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with lithops.FunctionExecutor(worker_processes=1) as empty, pytest.raises(ValueError, match="no calls to show"):
        empty.plot(dst=str(tmp_path / "none"))
