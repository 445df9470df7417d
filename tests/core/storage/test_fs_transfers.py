"""Reads, writes and copies: ranges, many at once, few requests."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from fsspec.callbacks import Callback
from tests.core.storage.fs_watched import WatchedStorage, fill

from lithops.errors import NotSupportedError, StorageNoSuchKeyError
from lithops.storage.fs import LithopsFileSystem


@pytest.fixture
def store() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def fs(store: WatchedStorage) -> LithopsFileSystem:
    return LithopsFileSystem(store)


@pytest.mark.parametrize("start", [None, 0, 1, 9, 10, 11, -1, -3, -99])
@pytest.mark.parametrize("end", [None, 0, 1, 9, 10, 11, -1, -3, -99])
def test_a_range_is_a_slice(fs: LithopsFileSystem, store: WatchedStorage, start: int | None, end: int | None) -> None:
    store.put("b", "x", b"0123456789")
    assert fs.cat_file("b/x", start, end) == b"0123456789"[start:end]


def test_reading_costs_one_request(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "x")
    fs.cat_file("b/x")
    fs.cat("b/x")
    fs.cat_ranges(["b/x"], 0, 1)
    assert store.asked == ["get"] * 3


def test_many_files_are_read_at_once(store: WatchedStorage) -> None:
    keys = [f"{number}" for number in range(24)]
    fill(store, *keys)
    fs = LithopsFileSystem(store, threads=8)
    store.barrier = threading.Barrier(8)  # of fewer at once, none would go on
    paths = [f"b/{key}" for key in keys]
    assert fs.cat(paths) == {f"b/{key}": key.encode() for key in keys}
    assert fs.cat_ranges(paths, 0, 1) == [key[:1].encode() for key in keys]
    assert store.asked == ["get"] * 48


def test_many_files_are_written_at_once(store: WatchedStorage, tmp_path: Path) -> None:
    fs = LithopsFileSystem(store, threads=4)
    store.barrier = threading.Barrier(4)
    fs.pipe({f"b/p/{number}": b"%d" % number for number in range(8)})
    for number in range(8):
        (tmp_path / str(number)).write_bytes(b"%d" % number)
    fs.put(str(tmp_path) + "/", "b/q", recursive=True)
    fs.get([f"b/q/{number}" for number in range(8)], [str(tmp_path / f"back/{number}") for number in range(8)])
    assert [(tmp_path / f"back/{number}").read_bytes() for number in range(8)] == [
        b"%d" % number for number in range(8)
    ]
    assert fs.cat("b/q", recursive=True) == {f"b/q/{number}": b"%d" % number for number in range(8)}
    assert fs.cat("b/p", recursive=True) == {f"b/p/{number}": b"%d" % number for number in range(8)}


def test_what_cannot_be_read_is_raised_left_out_or_given_back(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "x")
    with pytest.raises(FileNotFoundError):
        fs.cat(["b/x", "b/none"])
    assert fs.cat(["b/x", "b/none"], on_error="omit") == {"b/x": b"x"}
    assert isinstance(fs.cat(["b/x", "b/none"], on_error="return")["b/none"], StorageNoSuchKeyError)
    (failed, read) = fs.cat_ranges(["b/none", "b/x"], [0, 0], [1, None])
    assert isinstance(failed, FileNotFoundError)
    assert read == b"x"
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges(["b/none"], 0, 1, on_error="raise")
    with pytest.raises(NotSupportedError):
        fs.cat_ranges(["b/x"], 0, 1, max_gap=10)
    with pytest.raises(IsADirectoryError):
        fs.cat_file("b")


def test_a_download_appears_whole_or_not_at_all(fs: LithopsFileSystem, store: WatchedStorage, tmp_path: Path) -> None:
    fill(store, "x")
    fs.get_file("b/x", str(tmp_path / "new" / "x"))
    assert (tmp_path / "new" / "x").read_bytes() == b"x"
    assert store.asked == ["get"]
    with pytest.raises(FileNotFoundError):
        fs.get_file("b/none", str(tmp_path / "none"))
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    with open(tmp_path / "open", "w+b") as file:
        fs.get_file("b/x", outfile=file)
        fs.get_file("b/x", file)
    assert (tmp_path / "open").read_bytes() == b"xx"


def test_a_callback_sees_the_bytes_pass(fs: LithopsFileSystem, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(3 << 20))
    seen: list[Any] = []
    fs.put_file(
        str(tmp_path / "x"), "b/x", callback=Callback(hooks={"note": lambda size, value: seen.append((size, value))})
    )
    assert seen[0] == (3 << 20, 0)
    assert seen[-1] == (3 << 20, 3 << 20)
    seen.clear()
    fs.get_file(
        "b/x", str(tmp_path / "y"), callback=Callback(hooks={"note": lambda size, value: seen.append((size, value))})
    )
    assert seen == [(3 << 20, count << 20) for count in range(4)]


def test_a_copy_of_any_size_is_exact(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    big = b"0123456789abcdef" * (1 << 20)  # above what is copied in one piece
    store.put("b", "big", big)
    store.put("b", "small", b"1")
    store.create_bucket("c")
    store.asked.clear()
    fs.cp_file("b/small", "c/small")
    assert store.asked == ["get", "put"]
    store.spans.clear()
    fs.cp_file("b/big", "c/big")
    assert fs.cat("c", recursive=True) == {"c/big": big, "c/small": b"1"}
    assert store.spans[0] is None  # left, once it is known to be large
    assert None not in store.spans[1:-2]
    with pytest.raises(FileNotFoundError):
        fs.cp_file("b/none", "c/none")
    fs.cp_file("b", "c/bucket")  # a folder: nothing to copy
    assert not fs.exists("c/bucket")


def test_what_was_listed_is_not_asked_for_again(fs: LithopsFileSystem, store: WatchedStorage, tmp_path: Path) -> None:
    fill(store, *(f"d/{number}" for number in range(20)), "d/e/1")
    fs.get("b/d/*", str(tmp_path / "got"))
    assert store.asked == ["list"] + ["get"] * 20
    store.asked.clear()
    fs.get("b/d", str(tmp_path / "all"), recursive=True)
    assert store.asked == ["list"] + ["get"] * 21
    store.asked.clear()
    fs.cp("b/d/1*", "b/new/")
    assert sorted(store.asked) == ["get"] * 11 + ["list"] + ["put"] * 11
    assert fs.isfile("b/d/1")
    fs.rm("b/d/1")
    assert not fs.isfile("b/d/1")


def test_threads_share_a_file_system(fs: LithopsFileSystem) -> None:
    failures: list[BaseException] = []

    def use(name: str) -> None:
        try:
            fs.pipe({f"b/{name}/{number}": name.encode() for number in range(20)})
            fs.cp(f"b/{name}", f"b/{name}-copy", recursive=True)
            assert set(fs.cat(f"b/{name}-copy", recursive=True).values()) == {name.encode()}
            fs.rm(f"b/{name}", recursive=True)
        except BaseException as exc:  # told to the test
            failures.append(exc)

    threads = [threading.Thread(target=use, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(fs.find("b")) == 160
