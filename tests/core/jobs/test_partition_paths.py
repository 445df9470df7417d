"""Which local files a path names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lithops.jobs.partition_paths import find_files


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in ("a.csv", "b.txt", ".hidden.csv", "sub/a.csv", "sub/deep/a.csv", "sub-x/z.csv", "empty"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode())
    (folder / "nothing").mkdir()
    return folder


def names(folder: Path, pattern: str) -> list[str]:
    return [os.path.relpath(path, folder) for path, _ in find_files(f"{folder}/{pattern}")]


def test_a_file_is_itself(data: Path) -> None:
    assert find_files(f"{data}/a.csv") == [(f"{data}/a.csv", 5)]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_directory_is_every_file_below_it_in_order(data: Path, slash: str) -> None:
    found = find_files(f"{data}{slash}")
    assert [os.path.relpath(path, data) for path, _ in found] == [
        ".hidden.csv", "a.csv", "b.txt", "empty", "sub-x/z.csv", "sub/a.csv", "sub/deep/a.csv",
    ]  # fmt: skip
    assert dict(found)[f"{data}/empty"] == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", [".hidden.csv", "a.csv"]),
        ("*/a.csv", ["sub/a.csv"]),
        ("**/a.csv", ["a.csv", "sub/a.csv", "sub/deep/a.csv"]),
        ("sub*/**", ["sub-x/z.csv", "sub/a.csv", "sub/deep/a.csv"]),
        ("sub/**/deep/[a-b].c?v", ["sub/deep/a.csv"]),
        ("?.txt", ["b.txt"]),
    ],
)
def test_a_pattern_gives_the_files_that_match(data: Path, pattern: str, expected: list[str]) -> None:
    assert names(data, pattern) == expected


def test_a_name_with_pattern_characters_is_itself_when_it_exists(data: Path) -> None:
    (data / "[a].csv").write_bytes(b"")
    assert names(data, "[a].csv") == ["[a].csv"]
    assert names(data, "[b].txt") == ["b.txt"]


@pytest.mark.parametrize("name", ["gone", "gone/", "a.csv/x", "*.gone", "gone/*", "a.csv/*", "nothing", "**/gone"])
def test_what_finds_no_file_is_an_error_that_names_it(data: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        find_files(f"{data}/{name}")
    assert f"'{data}/{name}'" in str(caught.value)


def test_links_are_followed_and_loops_end(data: Path) -> None:
    (data / "sub" / "up").symlink_to(data)
    (data / "link.csv").symlink_to(data / "a.csv")
    (data / "broken.csv").symlink_to(data / "gone")
    outside = data.parent / "outside"
    outside.mkdir()
    (outside / "o.csv").write_bytes(b"o")
    (data / "in").symlink_to(outside)
    found = names(data, "**/*.csv")
    assert found == [".hidden.csv", "a.csv", "in/o.csv", "link.csv", "sub-x/z.csv", "sub/a.csv", "sub/deep/a.csv"]
    assert names(data, "*/o.csv") == ["in/o.csv"]


def test_what_is_no_regular_file_is_refused_or_left_out(data: Path) -> None:
    os.mkfifo(data / "pipe")
    assert "pipe" not in names(data, "*")
    with pytest.raises(ValueError, match="neither a regular file nor a directory"):
        find_files(f"{data}/pipe")


def test_names_that_are_not_text_are_found(data: Path) -> None:
    try:
        with open(os.fsencode(data) + b"/\xff.bin", "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    assert find_files(f"{data}/*.bin") == [(os.fsdecode(os.fsencode(data) + b"/\xff.bin"), 1)]


def test_directories_that_cannot_match_are_not_entered(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "other" / "sub").mkdir(parents=True)
    scandir, entered = os.scandir, []

    def record(path: str) -> object:
        entered.append(os.path.relpath(path, data))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", record)
    assert names(data, "sub*/*.csv") == ["sub-x/z.csv", "sub/a.csv"]
    assert sorted(entered) == [".", "sub", "sub-x"]
