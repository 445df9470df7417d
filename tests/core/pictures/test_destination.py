"""Where pictures go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lithops.pictures.destination import destination, write_whole

NAME = "1970-01-02_000000_0a1b2c-0"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)


def to(dst: str | Path | None) -> Path:
    return destination(dst, "0a1b2c-0", 86400)


def test_without_a_path_files_are_named_by_time_and_executor() -> None:
    assert to(None) == Path("plots") / NAME


def test_a_folder_takes_files_named_by_time_and_executor(tmp_path: Path) -> None:
    assert to(tmp_path) == tmp_path / NAME
    assert to("new/") == Path("new") / NAME


def test_anything_else_begins_the_names() -> None:
    assert to("some/run") == Path("some/run")


def test_the_home_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert to("~/run") == tmp_path / "home" / "run"


@pytest.mark.parametrize("dst", ["", "a\0b"])
def test_what_names_no_file_is_refused(dst: str) -> None:
    with pytest.raises(ValueError, match="names no file"):
        to(dst)


@pytest.mark.parametrize("dst", [7, b"run"])
def test_what_is_no_path_is_refused(dst: object) -> None:
    with pytest.raises(TypeError, match="give a path"):
        destination(dst, "x", 0)  # type: ignore[arg-type]


def test_folders_are_made_and_the_path_is_absolute(tmp_path: Path) -> None:
    assert write_whole(Path("a/b/c.png"), b"new") == tmp_path / "a" / "b" / "c.png"
    assert (tmp_path / "a" / "b" / "c.png").read_bytes() == b"new"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken", b"new")
    assert os.listdir(tmp_path) == ["taken"]
