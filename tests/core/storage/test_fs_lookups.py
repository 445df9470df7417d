"""What the file system tells of files and folders, and how few requests that takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.core.storage.fs_watched import WatchedStorage, fill

from lithops import Storage
from lithops.errors import AccessDeniedError
from lithops.storage.fs import LithopsFileSystem
from lithops.types import ObjectInfo


@pytest.fixture
def store() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def fs(store: WatchedStorage) -> LithopsFileSystem:
    return LithopsFileSystem(store)


def test_folders_are_seen_where_keys_have_slashes(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "x/a.txt", "x/a/1", "x/a/2/3", "x/b", "xy", "z")
    assert fs.ls("b", detail=False) == ["b/x", "b/xy", "b/z"]
    assert fs.ls("lithops://b/x/", detail=False) == ["b/x/a", "b/x/a.txt", "b/x/b"]
    assert [(one["type"], one["size"]) for one in fs.ls("b/x")] == [("directory", 0), ("file", 7), ("file", 3)]
    assert fs.ls("b/z", detail=False) == ["b/z"]
    assert fs.ls("b/x")[2] == fs.info("b/x/b")
    assert fs.find("b/x") == ["b/x/a.txt", "b/x/a/1", "b/x/a/2/3", "b/x/b"]
    assert fs.find("b/x", maxdepth=2, withdirs=True) == [
        "b/x", "b/x/a", "b/x/a.txt", "b/x/a/1", "b/x/a/2", "b/x/b",
    ]  # fmt: skip
    assert fs.find("b/z") == ["b/z"]
    assert fs.find("b/none") == fs.find("none/x") == []
    assert [path for path, _, _ in fs.walk("b")] == ["b", "b/x", "b/x/a", "b/x/a/2"]
    assert fs.du("b/x") == sum(map(len, ("x/a.txt", "x/a/1", "x/a/2/3", "x/b")))
    assert (fs.isdir("b/x"), fs.isfile("b/x"), fs.isdir("b/z"), fs.isfile("b/z")) == (True, False, False, True)
    for missing in ("b/none", "b/x/none", "none", "none/x"):
        assert not fs.exists(missing)
        with pytest.raises(FileNotFoundError):
            fs.ls(missing)
        with pytest.raises(FileNotFoundError):
            fs.info(missing)


def test_the_root_has_the_bucket_of_the_configuration(store: WatchedStorage) -> None:
    fill(store, "x/y")
    fs = LithopsFileSystem(Storage.over(store, "b"))
    assert fs.ls("", detail=False) == fs.ls("/", detail=False) == ["b"]
    assert fs.find("") == ["b/x/y"]
    assert fs.find("", withdirs=True) == ["b", "b/x", "b/x/y"]
    assert fs.find("", maxdepth=1, withdirs=True) == ["b"]
    assert fs.glob("*/x") == ["b/x"]
    assert fs.isdir("")
    assert LithopsFileSystem(store).ls("") == []


def test_a_listing_skips_what_is_in_large_folders(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, *(f"{folder}/{number:05}" for folder in ("big", "huge") for number in range(2500)), "big0", "small/x")
    assert fs.ls("b", detail=False) == ["b/big", "b/big0", "b/huge", "b/small"]
    assert store.asked == ["list"] * 3


def test_markers_of_other_tools_are_folders_and_not_files(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "m/", "n/", "n/o/", "n/p")
    assert fs.isdir("b/m")
    assert fs.ls("b/m") == []
    assert fs.ls("b", detail=False) == ["b/m", "b/n"]
    assert fs.ls("b/n", detail=False) == ["b/n/o", "b/n/p"]
    assert fs.find("b") == ["b/n/p"]
    assert fs.find("b", withdirs=True) == ["b", "b/m", "b/n", "b/n/o", "b/n/p"]
    fs.rmdir("b/m")
    assert not fs.exists("b/m")
    fs.rm("b/n", recursive=True)
    assert list(store.list("b")) == []


def test_folders_without_a_name_do_not_hide_files(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "a//b", "a//c/d", "/e", "../f")
    assert fs.ls("b/a", detail=False) == ["b/a//b", "b/a//c/d"]
    assert fs.ls("b", detail=False) == ["b/..", "b//e", "b/a"]
    assert fs.find("b") == ["b/../f", "b//e", "b/a//b", "b/a//c/d"]
    assert sorted(fs.cat(fs.find("b")).values()) == [b"../f", b"/e", b"a//b", b"a//c/d"]
    assert [files for _, _, files in fs.walk("b/a")] == [["b", "d"]]


def test_a_pattern_lists_only_what_can_match(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    seen: list[str] = []
    fill(store, "d/x1.csv", "d/x2.csv", "d/x2.txt", "d/y.csv", "d/x3/z.csv", "e/x1.csv")
    listed = store.list

    def watched(bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        seen.append(prefix)
        return listed(bucket, prefix, after=after)

    store.list = watched  # type: ignore[method-assign]
    assert fs.glob("b/d/x*.csv") == ["b/d/x1.csv", "b/d/x2.csv"]
    assert seen == ["d/x"]
    assert fs.glob("b/**/*.csv") == ["b/d/x1.csv", "b/d/x2.csv", "b/d/x3/z.csv", "b/d/y.csv", "b/e/x1.csv"]
    assert fs.glob("b/?/x[13]*") == ["b/d/x1.csv", "b/d/x3", "b/e/x1.csv"]
    assert fs.glob("b/d/x1.csv") == ["b/d/x1.csv"]
    assert fs.glob("b/none*") == []


def test_a_store_that_cannot_tell_is_not_taken_for_no() -> None:
    class DenyingStorage(WatchedStorage):
        def head(self, bucket: str, key: str) -> ObjectInfo:
            raise AccessDeniedError("no")

    fs = LithopsFileSystem(DenyingStorage())
    for ask in (fs.exists, fs.isfile, fs.isdir):
        with pytest.raises(AccessDeniedError):
            ask("b/x")


def test_times_are_those_of_the_store(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "x")
    modified = store.head("b", "x").modified
    assert modified is not None
    assert fs.modified("b/x") == fs.created("b/x") == modified
    assert fs.info("b/x")["mtime"] == modified.timestamp()
