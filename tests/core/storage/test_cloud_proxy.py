"""`os` and `open` over objects: what programs do with files, with the errors of files."""

from __future__ import annotations

import gzip
import io
import json
import os as standard_os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lithops.errors import NotSupportedError, ObjectExistsError, StorageError
from lithops.storage import Storage, cloud_proxy
from lithops.storage.cloud_proxy import CloudFileProxy
from lithops.testing import Fault, FaultyStorage, MemoryStorage
from lithops.testing.storage.fixtures import content
from lithops.testing.storage_faulty import transient
from lithops.types import Artifact, CallMessage, JobMessage, Payload
from lithops.worker import context

KEYS = {"a.txt": b"one\ntwo\n", "d/b": b"12", "d/c/e": b"345", "d/c/f": b"", "marker/": b"", "x y": b"z"}


@pytest.fixture
def backend() -> FaultyStorage:
    inner = MemoryStorage()
    inner.create_bucket("b")
    for key, body in KEYS.items():
        inner.put("b", key, body)
    return FaultyStorage(inner, [])


@pytest.fixture
def storage(backend: FaultyStorage) -> Storage:
    return Storage.over(backend, "b", "memory")


@pytest.fixture
def os(storage: Storage) -> CloudFileProxy:
    return CloudFileProxy(storage)


def test_folders_are_listed(os: CloudFileProxy) -> None:
    assert os.listdir() == os.listdir("/") == os.listdir("") == ["a.txt", "d", "marker", "x y"]
    assert os.listdir("d") == os.listdir("/d/") == os.listdir(b"./d") == ["b", "c"]
    assert os.listdir("marker") == []
    with pytest.raises(FileNotFoundError, match="'gone'"):
        os.listdir("gone")
    with pytest.raises(NotADirectoryError):
        os.listdir("a.txt")
    with os.scandir("d") as entries:
        found = [(one.name, one.path, one.is_dir(), one.is_file(), one.stat().st_size) for one in entries]
    assert found == [("b", "d/b", False, True, 2), ("c", "d/c", True, False, 0)]


def as_files(folder: Path) -> None:
    for key, body in KEYS.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        if key.endswith("/"):
            (folder / key).mkdir()
        else:
            (folder / key).write_bytes(body)


@pytest.mark.parametrize("topdown", [True, False])
def test_a_walk_is_that_of_the_standard_library(
    os: CloudFileProxy, backend: FaultyStorage, tmp_path: Path, topdown: bool
) -> None:
    as_files(tmp_path)
    for top in ("", "d", "d/c"):
        expected = {
            standard_os.path.relpath(where, tmp_path): (sorted(folders), sorted(files))
            for where, folders, files in standard_os.walk(tmp_path / top)
        }
        found = {standard_os.path.normpath(where): (folders, files) for where, folders, files in os.walk(top, topdown)}
        assert found == expected
    assert [where for where, _, _ in os.walk("/d", topdown)] == (["/d", "/d/c"] if topdown else ["/d/c", "/d"])
    assert backend.requests["list"] == 4


def test_a_walk_leaves_out_what_the_caller_takes_away(os: CloudFileProxy) -> None:
    seen = []
    for where, folders, _ in os.walk(""):
        seen.append(where)
        folders[:] = [name for name in folders if name != "d"]
    assert seen == ["", "marker"]
    errors: list[OSError] = []
    assert list(os.walk("gone", onerror=errors.append)) == []
    assert len(errors) == 1


def test_paths_are_asked_about(os: CloudFileProxy) -> None:
    path = os.path
    assert [path.isfile(name) for name in ("a.txt", "/d/b", "d", "marker", "gone", "")] == [True, True, *[False] * 4]
    assert [path.isdir(name) for name in ("a.txt", "/d/b", "d", "marker", "gone", "")] == [
        *[False] * 2,
        True,
        True,
        False,
        True,
    ]
    assert [path.exists(name) for name in ("a.txt", "d/c", "d/c/", "gone", "d/c/../b")] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert (path.getsize("a.txt"), path.getsize("d")) == (8, 0)
    assert path.getmtime("a.txt") > 0
    assert (path.join("d", "b"), path.basename("d/b"), path.dirname("d/b")) == ("d/b", "b", "d")
    assert (path.split("d/b"), path.splitext("a.txt")) == (("d", "b"), ("a", ".txt"))
    assert (path.abspath("d/../a"), path.relpath("d/b", "d"), path.islink("a.txt")) == ("/a", "b", False)
    assert (os.stat("a.txt").st_size, os.sep, os.getcwd()) == (8, "/", "/")
    for ask in (path.getsize, path.getmtime, os.stat):
        with pytest.raises(FileNotFoundError, match="'gone'"):
            ask("gone")


def test_files_are_removed_and_renamed(os: CloudFileProxy, storage: Storage) -> None:
    os.remove("a.txt")
    os.unlink("/d/b")
    os.rename("d/c/e", "new")
    os.replace("x y", "new2")
    assert storage.list_keys("b") == ["d/c/f", "marker/", "new", "new2"]
    assert (storage.get_object("b", "new"), storage.get_object("b", "new2")) == (b"345", b"z")
    for act in (os.remove, lambda path: os.rename(path, "y")):
        with pytest.raises(FileNotFoundError, match="'gone'"):
            act("gone")
    with pytest.raises(IsADirectoryError):
        os.remove("d")
    with pytest.raises(NotSupportedError, match="one by one"):
        os.rename("d", "e")


def test_folders_are_made_for_the_program_and_nothing_is_written(os: CloudFileProxy, backend: FaultyStorage) -> None:
    os.makedirs("out/deep")
    os.makedirs("out/deep", exist_ok=True)
    os.mkdir("other")
    assert (os.path.isdir("out"), os.path.isdir("out/deep"), os.path.exists("out/deep")) == (True, True, True)
    assert (os.listdir("out"), os.listdir("out/deep"), os.listdir("other")) == (["deep"], [], [])
    assert {"out", "other", "d"} <= set(os.listdir())
    assert list(os.walk("out")) == [("out", ["deep"], []), ("out/deep", [], [])]
    for act in (os.mkdir, os.makedirs):
        with pytest.raises(FileExistsError):
            act("d")
    os.rmdir("out/deep")
    os.rmdir("out")
    assert not os.path.exists("out")
    with pytest.raises(OSError, match="not empty"):
        os.rmdir("d")
    with pytest.raises(FileNotFoundError):
        os.rmdir("out")
    assert "put" not in backend.requests


def test_text_and_bytes_are_read_lazily(os: CloudFileProxy, backend: FaultyStorage) -> None:
    with os.open("a.txt") as text:
        assert (text.readline(), text.read()) == ("one\n", "two\n")
    with os.open("/a.txt", "rb") as binary:
        assert (binary.read(2), binary.tell(), list(binary)) == (b"on", 2, [b"e\n", b"two\n"])
    assert backend.requests == {"get": 2, "read": 2}
    with os.open("a.txt", encoding="ascii", newline="") as text:
        assert list(text) == ["one\n", "two\n"]


def test_seeks_read_what_is_asked_for(os: CloudFileProxy, backend: FaultyStorage) -> None:
    body = content(5 << 20)
    backend.inner.put("b", "big", body)
    with os.open("big", "rb") as file:
        assert file.seekable()
        for offset, whence, at in [
            *[(100, 0, 100), (2 << 20, 0, 2 << 20), (-10, 2, len(body) - 10), (0, 0, 0), (5, 1, 15)],
            *[(4 << 20, 1, (4 << 20) + 25), (10, 2, len(body) + 10), (3, 0, 3)],
        ]:
            assert file.seek(offset, whence) == at
            assert file.read(10) == body[at : at + 10]
        with pytest.raises(ValueError, match="begins at 0"):
            file.seek(-(1 << 30), io.SEEK_END)
        file.seek(0)
        assert file.read() == body
    assert backend.requests["head"] == 1


def test_libraries_read_and_write_through_it(os: CloudFileProxy) -> None:
    with os.open("z.zip", "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner.txt", "text" * 1000)
    with os.open("z.zip", "rb") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("inner.txt") == b"text" * 1000
    with os.open("z.gz", "wb") as file, gzip.open(file, "wt") as packed:
        packed.write("line\n" * 100)
    with os.open("z.gz", "rb") as file, gzip.open(file, "rt") as unpacked:
        assert len(list(unpacked)) == 100
    with os.open("j.json", "w") as file:
        json.dump({"a": ["\u6587"]}, file)
    with os.open("j.json") as file:
        assert json.load(file) == {"a": ["\u6587"]}


def test_a_stream_that_breaks_goes_on_and_an_overwritten_object_is_an_error(backend: FaultyStorage) -> None:
    body = content(3 << 20)
    backend.inner.put("b", "big", body)
    broken = Storage.over(FaultyStorage(backend.inner, [Fault("read", transient, after_bytes=1 << 20)]), "b")
    with CloudFileProxy(broken).open("big", "rb") as file:
        assert file.read() == body
    with CloudFileProxy(broken).open("big", "rb") as file:
        file.read(10)
        backend.inner.put("b", "big", body[::-1])
        with pytest.raises(StorageError, match="overwritten"):
            file.seek(0, io.SEEK_END)


def test_what_is_written_is_there_at_the_close(os: CloudFileProxy, storage: Storage) -> None:
    with os.open("new", "w") as file:
        assert file.write("\u6587\n") == 2
        assert not os.path.exists("new")
    assert storage.get_object("b", "new") == "\u6587\n".encode()
    with os.open("new", "wb") as binary:
        binary.write(b"abc")
        binary.seek(1)
        binary.write(b"X")
    assert storage.get_object("b", "new") == b"aXc"
    file = os.open("utf16", "w", encoding="utf-16", newline="\r\n")
    print("a", file=file)
    file.close()
    file.close()
    assert storage.get_object("b", "utf16").decode("utf-16") == "a\r\n"


@pytest.mark.parametrize("mode", ["w", "wb", "a", "ab", "x", "xb"])
def test_after_an_exception_nothing_is_written(os: CloudFileProxy, storage: Storage, mode: str) -> None:
    name = "new" if mode[0] == "x" else "a.txt"
    file = os.open(name, mode)

    def fail() -> None:
        with file:
            file.write(b"bad" if "b" in mode else "bad")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert file.closed
    assert (storage.get_object("b", "a.txt"), os.path.exists("new")) == (b"one\ntwo\n", False)


def test_a_file_that_is_never_closed_is_not_written(os: CloudFileProxy, storage: Storage) -> None:
    for mode in ("w", "wb"):
        with pytest.warns(ResourceWarning, match="'a.txt' was never closed"):
            os.open("a.txt", mode).write(b"" if "b" in mode else "")
    assert storage.get_object("b", "a.txt") == b"one\ntwo\n"


def test_appending_begins_with_what_is_there(os: CloudFileProxy, storage: Storage) -> None:
    for text in ("three\n", "four\n"):
        with os.open("a.txt", "a") as file:
            file.write(text)
    assert storage.get_object("b", "a.txt") == b"one\ntwo\nthree\nfour\n"
    with os.open("log", "ab") as file:
        file.seek(0)
        file.write(b"1")
    assert storage.get_object("b", "log") == b"1"


def test_creating_fails_when_it_exists_also_when_another_was_faster(os: CloudFileProxy, storage: Storage) -> None:
    with os.open("new", "x") as file:
        file.write("mine")
    with pytest.raises(FileExistsError, match="'new'"):
        os.open("new", "x")
    file = os.open("race", "xb")
    storage.put_object("b", "race", b"theirs")
    with pytest.raises(ObjectExistsError):
        file.close()
    assert file.closed
    assert storage.get_object("b", "race") == b"theirs"


def test_the_bucket_is_made_by_the_first_write() -> None:
    os = CloudFileProxy(Storage.over(MemoryStorage(), "jobs"))
    assert not os.path.exists("a")
    assert (os.path.isdir(""), os.path.isdir("x")) == (True, False)
    with pytest.raises(FileNotFoundError):
        os.open("a")
    with os.open("d/a", "a") as file:
        file.write("x")
    assert os.listdir("d") == ["a"]


def test_what_makes_no_sense_is_refused_in_words(os: CloudFileProxy) -> None:
    for mode in ("r+", "w+b", "a+"):
        with pytest.raises(NotImplementedError, match="written anew"):
            os.open("a.txt", mode)
    for mode in ("", "q", "rw", "bt", "rr", "b"):
        with pytest.raises(ValueError, match="no mode"):
            os.open("a.txt", mode)
    with pytest.raises(ValueError, match="encoding"):
        os.open("a.txt", "rb", encoding="utf-8")
    with pytest.raises(IsADirectoryError):
        os.open("d")
    for path in ("", "/", "d/"):
        with pytest.raises(IsADirectoryError):
            os.open(path, "w")
    with pytest.raises(FileNotFoundError):
        os.open("gone")
    with pytest.raises(TypeError, match="no file descriptor"):
        os.open(1)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="import the standard os"):
        os.environ  # noqa: B018
    with pytest.raises(AttributeError, match=r"the standard os\.path"):
        os.path.samefile  # noqa: B018
    with pytest.raises(ValueError, match="storage_bucket"):
        CloudFileProxy(Storage.over(MemoryStorage())).listdir()


def test_a_copy_by_pickle_works_on_the_same_storage(os: CloudFileProxy) -> None:
    os.makedirs("made")
    copy = pickle.loads(pickle.dumps(os))
    assert copy.listdir("d") == ["b", "c"]
    assert not copy.path.exists("made")
    assert pickle.loads(pickle.dumps(cloud_proxy.open)) is cloud_proxy.open


@pytest.fixture
def bound(storage: Storage) -> Iterator[None]:
    cloud_proxy.bind(storage)
    yield
    cloud_proxy.bind(None)


@pytest.mark.usefixtures("bound")
def test_the_names_of_the_module_work_on_what_is_bound() -> None:
    from lithops.storage.cloud_proxy import open, os, remove  # noqa: A004

    with open("new", "w") as file:
        file.write("x")
    assert os.path.isfile("new")
    with open("new") as file:
        assert file.read() == "x"
    remove("new")
    assert not os.path.exists("new")


def test_inside_a_call_it_is_the_storage_of_the_job(backend: FaultyStorage) -> None:
    job = JobMessage("x-0", "M001", Artifact("", Payload(())), store=backend.ref("b"))
    context.begin(CallMessage(job, "00007", Payload(())))
    try:
        assert cloud_proxy.os.listdir("d") == ["b", "c"]
    finally:
        context.end()
