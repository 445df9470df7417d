"""Open files: blocks of one version, writes that are whole or nothing, transactions."""

from __future__ import annotations

import gc
import gzip
import warnings
from pathlib import Path

import pytest
from tests.core.storage.fs_watched import WatchedStorage

from lithops.errors import ObjectExistsError, StorageError
from lithops.storage.fs import LithopsFileSystem
from lithops.storage.retrying import RetryingStorage, RetryPolicy
from lithops.types import Span


@pytest.fixture
def store() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def fs(store: WatchedStorage) -> LithopsFileSystem:
    return LithopsFileSystem(RetryingStorage(store, RetryPolicy(sleep=lambda _: None)))


# Reading


def test_a_seek_and_a_read_fetch_a_block_and_not_the_object(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    data = bytes(range(256)) * 4096
    store.put("b", "x", data)
    with fs.open("b/x", block_size=1000) as file:
        assert store.spans == []
        file.seek(500_000)
        assert file.read(10) == data[500_000:500_010]
        assert file.read(10) == data[500_010:500_020]
        file.seek(-5, 2)
        assert file.read() == data[-5:]
    assert store.spans == [Span(500_000, 501_010), Span(len(data) - 5, len(data))]


def test_text_is_read_by_lines(fs: LithopsFileSystem) -> None:
    fs.pipe_file("b/x", "één\ntwee\n".encode())
    with fs.open("b/x", "r", encoding="utf-8", block_size=3) as file:
        assert list(file) == ["één\n", "twee\n"]
    assert fs.read_text("b/x", encoding="utf-8") == "één\ntwee\n"
    assert fs.head("b/x", 3) == "éé".encode()[:3]
    assert fs.tail("b/x", 3) == b"ee\n"


def test_a_block_that_breaks_is_read_again(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    store.put("b", "x", b"0123456789")
    store.breaks = 2
    with fs.open("b/x") as file:
        assert file.read() == b"0123456789"
    assert store.spans == [Span(0, 10)] * 3


def test_two_versions_are_never_mixed(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    store.put("b", "x", b"old" * 100)
    with fs.open("b/x", cache_type="none") as file:
        assert file.read(3) == b"old"
        store.put("b", "x", b"new" * 100)
        with pytest.raises(StorageError, match="overwritten"):
            file.read(3)
    with fs.open("b/x", size=300, cache_type="none") as file:  # without a request, the first block tells the version
        assert file.read(3) == b"new"
        store.put("b", "x", b"any" * 100)
        with pytest.raises(StorageError, match="overwritten"):
            file.read(3)


def test_what_is_no_file_cannot_be_opened(fs: LithopsFileSystem) -> None:
    fs.pipe_file("b/d/x", b"")
    for mode in ("rb", "wb", "ab"):
        with pytest.raises(IsADirectoryError):
            fs.open("b", mode)
    with pytest.raises(IsADirectoryError):
        fs.open("b/d")
    with pytest.raises(FileNotFoundError):
        fs.open("b/none")
    with pytest.raises(ValueError, match="mode"):
        fs.open("b/d/x", "r+b")


# Writing


def test_a_file_is_there_once_it_is_closed(fs: LithopsFileSystem) -> None:
    with fs.open("b/x", "wb") as file:
        assert file.write(b"one") == 3
        file.write(memoryview(b"two"))
        file.flush()
        assert file.tell() == 6
        assert not fs.exists("b/x")
    assert fs.cat_file("b/x") == b"onetwo"
    with pytest.raises(ValueError, match="closed"):
        file.write(b"")
    file.close()


def test_a_large_file_is_written_from_disk(
    fs: LithopsFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = bytes(range(256)) * 4096
    with fs.open("b/x", "wb") as file:
        for _ in range(10):
            file.write(data)
    assert fs.cat_file("b/x") == data * 10
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["wb", "w", "xb", "ab"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_nothing_is_written_when_the_block_fails(fs: LithopsFileSystem, mode: str, compression: str | None) -> None:
    def fail() -> None:
        with fs.open("b/x", mode, compression=compression) as file:
            file.write(b"half" if "b" in mode else "half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    gc.collect()
    assert not fs.exists("b/x")


@pytest.mark.parametrize("mode", ["wb", "w", "xb", "ab"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_what_was_never_closed_is_not_written(fs: LithopsFileSystem, mode: str, compression: str | None) -> None:
    def forget() -> None:
        fs.open("b/x", mode, compression=compression).write(b"half" if "b" in mode else "half")
        gc.collect()  # an exception on the way may hold the frames that hold the file

    with pytest.warns(ResourceWarning, match="never closed"):
        forget()
    assert not fs.exists("b/x")


def test_a_put_that_fails_is_told_and_leaves_nothing(fs: LithopsFileSystem) -> None:
    file = fs.open("none/x", "wb")
    file.write(b"1")
    with pytest.raises(FileNotFoundError):
        file.close()
    assert file.closed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del file
        gc.collect()


def test_appending_keeps_what_was_there(fs: LithopsFileSystem) -> None:
    for text in ("one\n", "two\n"):
        with fs.open("b/x", "a") as file:
            file.write(text)
    assert fs.cat_file("b/x") == b"one\ntwo\n"
    with fs.open("b/x", "ab") as file:
        assert file.tell() == 8


def test_of_two_that_create_only_one_succeeds(fs: LithopsFileSystem) -> None:
    first, second = fs.open("b/x", "xb"), fs.open("b/x", "xb")
    first.write(b"first")
    second.write(b"second")
    first.close()
    with pytest.raises(ObjectExistsError):
        second.close()
    assert fs.cat_file("b/x") == b"first"


@pytest.mark.parametrize("mode", ["wb", "w", "x"])
def test_compressed_files_are_whole_when_closed(fs: LithopsFileSystem, mode: str) -> None:
    with fs.open("b/x.gz", mode, compression="infer") as file:
        file.write(b"text" if "b" in mode else "text")
    assert gzip.decompress(fs.cat_file("b/x.gz")) == b"text"
    with fs.open("b/x.gz", "rb", compression="gzip") as file:
        assert file.read() == b"text"


# Transactions


def test_a_transaction_writes_all_at_its_end(fs: LithopsFileSystem, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"3")
    with fs.transaction:
        with fs.open("b/1", "wb") as file:
            file.write(b"1")
        fs.pipe({"b/2": b"2"})
        fs.put(str(tmp_path / "local"), "b/3")
        with pytest.raises(ZeroDivisionError), fs.open("b/4", "wb"):
            raise ZeroDivisionError
        assert fs.find("b") == []
    assert fs.cat("b", recursive=True) == {"b/1": b"1", "b/2": b"2", "b/3": b"3"}
    fs.pipe_file("b/5", b"5")
    assert fs.exists("b/5")


def test_a_transaction_that_fails_writes_nothing(fs: LithopsFileSystem) -> None:
    opened = []

    def fail() -> None:
        with fs.transaction:
            fs.pipe({"b/1": b"1", "b/2": b"2"})
            opened.append(fs.open("b/3", "wb"))
            opened[0].write(b"3")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    opened[0].close()
    assert fs.find("b") == []
