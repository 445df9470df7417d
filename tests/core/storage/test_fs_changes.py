"""Folders, moves and deletes: nothing is lost, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.storage.fs_watched import WatchedStorage, fill

from lithops.errors import NotSupportedError
from lithops.storage.fs import LithopsFileSystem


@pytest.fixture
def store() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def fs(store: WatchedStorage) -> LithopsFileSystem:
    return LithopsFileSystem(store)


def test_a_file_can_be_made_only_once(fs: LithopsFileSystem, store: WatchedStorage, tmp_path: Path) -> None:
    fs.pipe_file("b/x", b"1", mode="create")
    assert store.asked == ["put"]
    (tmp_path / "x").write_bytes(b"2")
    for make in (
        lambda: fs.pipe_file("b/x", b"2", mode="create"),
        lambda: fs.put_file(str(tmp_path / "x"), "b/x", mode="create"),
        lambda: fs.open("b/x", "xb"),
    ):
        with pytest.raises(FileExistsError):
            make()
    assert fs.cat_file("b/x") == b"1"


def test_touch_makes_empty_files(fs: LithopsFileSystem) -> None:
    fs.touch("b/x", truncate=False)
    assert fs.cat_file("b/x") == b""
    fs.pipe_file("b/x", b"1")
    with pytest.raises(NotSupportedError):
        fs.touch("b/x", truncate=False)
    fs.touch("b/x")
    assert fs.cat_file("b/x") == b""


def test_buckets_are_made_and_folders_need_not_be(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fs.mkdir("new")
    assert store.has_bucket("new")
    with pytest.raises(FileExistsError):
        fs.mkdir("new")
    fs.makedirs("new", exist_ok=True)
    fs.makedirs("newer/folder/in/it")
    assert store.has_bucket("newer")
    assert list(store.list("newer")) == []
    with pytest.raises(FileNotFoundError):
        fs.mkdir("newest/folder", create_parents=False)
    fill(store, "x", "y/z")
    for name in ("b/x", "b/y", "b"):
        with pytest.raises(FileExistsError):
            fs.makedirs(name)
    with pytest.raises(FileExistsError):
        fs.makedirs("b/x", exist_ok=True)
    with pytest.raises(OSError, match="has files"):
        fs.rmdir("b/y")
    with pytest.raises(OSError, match="has files"):
        fs.rmdir("b")
    with pytest.raises(NotSupportedError):
        fs.rmdir("new")
    fs.rmdir("b/nothing")


def test_moving_never_loses_anything(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "d/0", "d/1", "d/e/2")
    fs.mv("lithops://b/d/1", "b/d/1")
    assert fs.cat_file("b/d/1") == b"d/1"
    with pytest.raises(OSError, match="into itself"):
        fs.mv("b/d", "b/d/f", recursive=True)
    fs.mv("b/d", "b/g", recursive=True, maxdepth=1)
    assert fs.find("b") == ["b/d/e/2", "b/g/0", "b/g/1"]
    fs.mv("b/d", "b/h", recursive=True)
    assert fs.find("b") == ["b/g/0", "b/g/1", "b/h/e/2"]
    with pytest.raises(FileNotFoundError):
        fs.mv("b/none", "b/other")
    fs.mv("b/g/1", "b/1")
    assert fs.find("b") == ["b/1", "b/g/0", "b/h/e/2"]


def test_deleting_takes_few_requests(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, *(f"d/{number}" for number in range(2100)), "d.txt", "dd/x", "e/1", "e/2")
    fs.rm("b/d", recursive=True)
    assert store.asked == ["list", "delete 1000", "list", "delete 999", "list", "delete 102"]
    store.asked.clear()
    fs.rm("b/e", recursive=True)
    assert store.asked == ["list", "delete 3"]
    assert fs.find("b") == ["b/d.txt", "b/dd/x"]
    fs.rm("b", recursive=True)
    assert fs.find("b") == []
    assert fs.isdir("b")
    fs.rm("b", recursive=True)


def test_deleting_what_is_not_there_is_an_error(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "d/1", "d/2", "x", "y")
    for name in ("b/none", "b/none*", "none/x", ["b/x", "b/none"]):
        with pytest.raises(FileNotFoundError):
            fs.rm(name)
    with pytest.raises(FileNotFoundError):
        fs.rm("b/none", recursive=True)
    with pytest.raises(FileNotFoundError):
        fs.rm_file("b/none")
    with pytest.raises(IsADirectoryError):
        fs.rm("b/d")
    with pytest.raises(IsADirectoryError):
        fs.rm_file("b/d")
    with pytest.raises(ValueError, match="everything"):
        fs.rm("", recursive=True)
    assert fs.find("b") == ["b/d/1", "b/d/2", "b/x", "b/y"]
    fs.rm(["b/x", "b/y"])
    fs.rm("b/d/*")
    assert fs.find("b") == []


def test_patterns_delete_all_that_they_match(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "d/1", "d/e/2", "d/e/f/3", "d-/4", "x")
    fs.rm("b/d/**", recursive=True)
    assert fs.find("b") == ["b/d-/4", "b/x"]
    fill(store, "d/1", "d/e/2", "d/e/f/3")
    fs.rm("b/d", recursive=True, maxdepth=2)
    assert fs.find("b/d") == ["b/d/e/f/3"]
