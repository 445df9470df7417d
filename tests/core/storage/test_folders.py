"""Folders to objects and back: every file whole, nothing outside of the folder, nothing written when a key is bad."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lithops.errors import NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.storage import Storage
from lithops.testing import MemoryStorage

FILES = {"a.txt": b"a", "sub/b.bin": b"\x00\xff", "sub/deep/c": b"", ".hidden": b"h", "sub-1/d": b"d", "\xe4 b": b"u"}


@pytest.fixture
def storage() -> Storage:
    backend = MemoryStorage()
    backend.create_bucket("b")
    return Storage.over(backend, "jobs", "memory")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, body in FILES.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(body)
    (tmp_path / "in" / "empty").mkdir()
    return tmp_path / "in"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("prefix", "below"), [("", ""), ("data", "data/"), ("data/", "data/"), ("a/b", "a/b/")])
def test_a_folder_comes_back_as_it_was(storage: Storage, folder: Path, tmp_path: Path, prefix: str, below: str) -> None:
    keys = storage.upload_folder(folder, "b", prefix)
    assert keys == storage.list_keys("b") == sorted((below + name for name in FILES), key=str.encode)
    storage.put_object("b", "database", b"not below")
    if prefix:
        paths = storage.download_folder("b", prefix, tmp_path / "out", threads=3)
        assert paths == [f"{tmp_path}/out/{key.removeprefix(below)}" for key in keys]
        assert files_of(tmp_path / "out") == FILES


def test_the_bucket_of_jobs_is_made(storage: Storage, folder: Path) -> None:
    assert len(storage.upload_folder(str(folder), "jobs")) == len(FILES)
    with pytest.raises(NoSuchBucketError):
        storage.upload_folder(folder, "other")


def test_a_folder_that_is_none_is_an_error(storage: Storage, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        storage.upload_folder(tmp_path / "gone", "b")
    with pytest.raises(NotADirectoryError):
        storage.upload_folder(folder / "a.txt", "b")
    assert storage.upload_folder(folder / "empty", "b") == []


def test_a_file_whose_name_is_no_text_is_refused_before_anything_is_written(storage: Storage, folder: Path) -> None:
    try:
        (folder / os.fsdecode(b"\xff")).touch()
    except OSError:
        pytest.skip("this file system has names of text only")
    with pytest.raises(StorageError, match="no text in UTF-8"):
        storage.upload_folder(folder, "b")
    assert storage.list_keys("b") == []


@pytest.mark.parametrize("bad", ["../x", "a/../../x", "/etc/x", "a//x", "./x", "a/.", "..", "x/", "a/../x"])
def test_a_key_that_leads_elsewhere_is_named_and_nothing_is_written(storage: Storage, tmp_path: Path, bad: str) -> None:
    storage.put_many("b", {"p/a": b"a", "p/z": b"z", f"p/{bad}": b"bad"})
    with pytest.raises(StorageError, match=f"'p/{bad}'"):
        storage.download_folder("b", "p/", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_a_folder_of_one_name_are_refused(storage: Storage, tmp_path: Path) -> None:
    storage.put_many("b", {"p/a": b"", "p/a/b/c": b""})
    with pytest.raises(StorageError, match=r"'p/a' and 'p/a/b/c'"):
        storage.download_folder("b", "p", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_markers_of_folders_are_no_files(storage: Storage, tmp_path: Path) -> None:
    storage.put_many("b", {"p/": b"", "p/sub/": b"", "p/sub/x": b"x"})
    storage.download_folder("b", "p", tmp_path / "out")
    assert files_of(tmp_path / "out") == {"sub/x": b"x"}


def test_nothing_below_a_prefix_is_an_error(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageNoSuchKeyError, match="'gone/'"):
        storage.download_folder("b", "gone", tmp_path / "out")


def test_links_in_the_folder_are_not_followed_out_of_it(storage: Storage, tmp_path: Path) -> None:
    storage.put_many("b", {"p/a": b"new", "p/sub/x": b"x"})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"old")
    out = tmp_path / "out"
    out.mkdir()
    (out / "sub").symlink_to(outside)
    with pytest.raises(StorageError, match=f"the link '{out}/sub' leads out of the folder"):
        storage.download_folder("b", "p", out)
    assert files_of(outside) == {"a": b"old"}
    assert not (out / "a").exists()
    (out / "sub").unlink()
    (out / "a").symlink_to(outside / "a")  # a link in a file's place is replaced
    storage.download_folder("b", "p", out)
    assert files_of(outside) == {"a": b"old"}
    assert files_of(out) == {"a": b"new", "sub/x": b"x"}


def test_the_folder_itself_may_be_a_link_and_existing_files_are_replaced(storage: Storage, tmp_path: Path) -> None:
    storage.put_object("b", "p/sub/x", b"new")
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "real" / "sub" / "x").write_bytes(b"old")
    (tmp_path / "out").symlink_to(tmp_path / "real")
    storage.download_folder("b", "p", tmp_path / "out")
    assert files_of(tmp_path / "real") == {"sub/x": b"new"}
