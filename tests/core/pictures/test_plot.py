"""The pictures of real jobs are files that matplotlib wrote, without a display."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import lithops

pytest.importorskip("matplotlib")

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BLOCKED = """\
import sys
sys.modules["matplotlib"] = None  # the import system takes it for a module that is not there
sys.modules["matplotlib.figure"] = None
from lithops import FunctionExecutor
from lithops.errors import MissingDependencyError

with FunctionExecutor(worker_processes=1) as fexec:
    fexec.call_async(abs, -1).result()
    try:
        fexec.plot(dst="never")
    except MissingDependencyError as exc:
        print(exc)
    print(fexec.report(dst="page.html").name)
"""


def half(x: int) -> float:
    return 1 / (x - 3) if x % 2 else x / 2


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[lithops.FunctionExecutor]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    with lithops.FunctionExecutor(worker_processes=2) as made:
        made.wait(made.map(half, range(20)), throw_except=False)
        yield made


def drawings(path: Path) -> tuple[str, str]:
    """Give all that an image of the format SVG says, and its size."""
    root = ElementTree.parse(path).getroot()
    comments = [line.strip()[5:-4] for line in path.read_text("utf-8").splitlines() if line.strip().startswith("<!-- ")]
    return "\n".join(comments), f"{root.get('width')} x {root.get('height')}"


def test_two_pictures_are_written_where_they_were_asked_for(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    paths = executor.plot(dst=tmp_path / "mine")
    assert [path.name for path in paths] == ["mine_timeline.png", "mine_histogram.png"]
    for path in paths:
        assert path.read_bytes().startswith(SIGNATURE)
        assert path.stat().st_size > 10_000


def test_without_a_place_they_go_to_plots(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    executor.plot(executor.futures[:3])
    assert len(list((tmp_path / "plots").glob("*.png"))) == 2
    assert "matplotlib.pyplot" not in sys.modules


def test_the_ending_of_the_path_chooses_the_format(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    timeline, histogram = executor.plot(dst="in/a/new/folder/run.svg", figsize=(8, 4))
    assert [timeline.name, histogram.name] == ["run_timeline.svg", "run_histogram.svg"]
    assert timeline.parent == tmp_path / "in" / "a" / "new" / "folder"
    said, size = drawings(timeline)
    assert "Timeline of 20 calls of half" in said
    assert "error (1)" in said
    assert "seconds since the first submission" in said
    assert size == "576pt x 288pt"
    assert "Concurrency of 20 calls of half" in drawings(histogram)[0]
    assert all(path.read_bytes().startswith(b"%PDF") for path in executor.plot(dst="run.PDF"))


def test_a_dot_that_begins_no_known_format_belongs_to_the_name(executor: lithops.FunctionExecutor) -> None:
    assert executor.plot(dst="run.v1.5")[0].name == "run.v1.5_timeline.png"


@pytest.mark.parametrize(("draw", "dst"), [("plot", "run.jpg"), ("plot", "run.html"), ("report", "run.PNG")])
def test_another_format_is_refused_before_anything_is_written(
    executor: lithops.FunctionExecutor, draw: str, dst: str
) -> None:
    with pytest.raises(ValueError, match=rf"{draw}\(\) writes .*, not {dst[3:].lower()}; give another ending"):
        getattr(executor, draw)(dst=dst)
    assert not list(Path().glob("run*"))


@pytest.mark.parametrize("figsize", [(0, 4), (10, -1), (10,), (1, 2, 3), 7, None, "10x6", (float("nan"), 6), (101, 6)])
def test_a_bad_size_says_what_is_a_good_one(executor: lithops.FunctionExecutor, figsize: object) -> None:
    with pytest.raises(ValueError, match=r"figsize is .*: give width and height in inches, such as \(10, 6\)"):
        executor.plot(dst="bad", figsize=figsize)  # type: ignore[arg-type]
    assert not list(Path().glob("bad*"))


def test_a_small_picture_is_one_too(executor: lithops.FunctionExecutor) -> None:
    assert executor.plot(dst="small", figsize=(3, 2))[0].read_bytes().startswith(SIGNATURE)


def test_a_path_through_a_file_is_an_error_of_the_file_system(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    for draw in (executor.plot, executor.report):
        with pytest.raises(OSError, match="cannot be written: 'taken' is a file, no folder; give another path"):
            draw(dst=tmp_path / "taken" / "run")


def test_a_folder_that_may_not_be_written_is_an_error_that_names_it(executor: lithops.FunctionExecutor) -> None:
    for draw in (executor.plot, executor.report):
        with pytest.raises(OSError, match=r"give another path as 'dst': .*sys.run_"):
            draw(dst="/sys/run")  # where root may make no file either


@pytest.mark.parametrize("fs", [None, []])
def test_no_calls_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fs: list[Any] | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with lithops.FunctionExecutor(worker_processes=1) as empty:
        for draw in (empty.plot, empty.report):
            with pytest.raises(ValueError, match="no calls to show: submit some first"):
                draw(fs, dst=tmp_path / "none")
    assert not list(tmp_path.glob("none*"))


def test_without_matplotlib_it_names_what_to_install_and_the_report_works(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(BLOCKED)
    ran = subprocess.run(
        [sys.executable, "-P", "program.py"], cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    said, page = ran.stdout.splitlines()
    assert said.startswith("plot() needs the package of the module 'matplotlib")
    assert "pip install 'lithops[plot]'" in said
    assert page == "page.html"
    assert not list(tmp_path.glob("never*")), ran.stderr
