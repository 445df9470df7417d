"""Local files as a store: who may read them, what is on disk, and what was planted there."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lithops import Storage
from lithops.errors import NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.testing import MemoryStorage
from lithops.testing.storage.fixtures import read
from lithops_localhost.storage import LocalhostStorage


def localhost(root: Path | None, bucket: str = "data") -> LocalhostStorage:
    return LocalhostStorage(SimpleNamespace(storage_root=None if root is None else str(root), storage_bucket=bucket))


@pytest.fixture
def store(tmp_path: Path) -> LocalhostStorage:
    return localhost(tmp_path / "root")


def keys(store: LocalhostStorage, prefix: str = "", after: str | None = None) -> list[str]:
    return [info.key for info in store.list("data", prefix, after=after)]


def test_nothing_is_made_before_the_first_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    store = localhost(None)
    assert keys(store) == []
    assert store.has_bucket("data")
    assert not store.has_bucket("other")
    with pytest.raises(StorageNoSuchKeyError):
        store.get("data", "key")
    assert list(tmp_path.iterdir()) == []
    store.put("data", "key", b"x")
    assert (tmp_path / ".lithops" / "storage" / "data" / "key").read_bytes() == b"x"


def test_folders_and_files_are_their_owner_s_only(tmp_path: Path, store: LocalhostStorage) -> None:
    before = os.umask(0)
    try:
        store.put("data", "a/b/c", b"x")
        store.put("data", "a/d", b"x", if_absent=True)
    finally:
        os.umask(before)
    root = tmp_path / "root"
    modes = {stat.S_IMODE(path.stat().st_mode): path.is_dir() for path in [root, *root.rglob("*")]}
    assert modes == {0o700: True, 0o600: False}


def test_only_the_objects_stay_on_disk(tmp_path: Path, store: LocalhostStorage) -> None:
    for if_absent in (True, False, False):
        store.put("data", "a/b/c", b"x", if_absent=if_absent)
    assert [path for path in (tmp_path / "root").rglob("*") if path.is_file()] == [tmp_path / "root/data/a%/b%/c"]
    store.delete("data", ["a/b/c"])
    assert sorted(path.name for path in (tmp_path / "root" / "data").iterdir()) == ["%tmp"]


def test_a_relative_root_is_the_same_for_a_worker_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = localhost(Path("here"))
    store.put("data", "key", b"x")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read(LocalhostStorage.from_ref(store.ref("data")), "data", "key") == b"x"


def test_a_worker_opens_it_with_the_standard_library_only(store: LocalhostStorage) -> None:
    program = (
        "import sys; from lithops.types import StorageRef; from lithops_localhost.storage import LocalhostStorage; "
        f"LocalhostStorage.from_ref(StorageRef('', '', {dict(store.ref('data').options)!r})); "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=30, env=_env())
    assert done.stderr == ""
    strangers = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"lithops", "lithops_localhost", "__main__"}
    assert strangers == set()


def test_what_is_no_key_is_refused_by_name(store: LocalhostStorage) -> None:
    for key in ("a\0b", "x" * 1025, "\udc80"):
        with pytest.raises(StorageError, match="cannot use key"):
            store.put("data", key, b"")
        with pytest.raises(StorageError, match="cannot use key"):
            store.get("data", key)
    for bucket in ("", "a\0b", "x" * 300):
        assert not store.has_bucket(bucket)
        with pytest.raises(NoSuchBucketError):
            store.put(bucket, "key", b"")
        with pytest.raises(StorageError, match="cannot create bucket"):
            store.create_bucket(bucket)


def test_a_bucket_never_leads_out_of_the_root(tmp_path: Path, store: LocalhostStorage) -> None:
    for bucket in ("..", "../out", "/etc", "a/b"):
        store.create_bucket(bucket)
        store.put(bucket, "key", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]
    assert {path.parent.parent for path in (tmp_path / "root").rglob("key")} == {tmp_path / "root"}


def test_links_below_a_bucket_are_not_followed(tmp_path: Path, store: LocalhostStorage) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store.put("data", "real", b"x")
    bucket = tmp_path / "root" / "data"
    (bucket / "folder%").symlink_to(outside)
    (bucket / "loop%").symlink_to(bucket)
    (bucket / "file").symlink_to(outside / "secret")
    (bucket / "dangling").symlink_to(outside / "nothing")
    assert keys(store) == ["real"]
    for key in ("folder/secret", "loop/real"):
        with pytest.raises(StorageError, match="is a link"):
            store.get("data", key)
        with pytest.raises(StorageError, match="is a link"):
            store.delete("data", [key])
    with pytest.raises(StorageError, match="is a link"):
        store.put("data", "folder/new", b"x")
    for key in ("file", "dangling"):
        with pytest.raises(StorageNoSuchKeyError):
            store.get("data", key)
        with pytest.raises(StorageNoSuchKeyError):
            store.head("data", key)
        store.put("data", key, b"mine")
        assert read(store, "data", key) == b"mine"
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"secret": b"secret"}


def test_the_folder_of_a_bucket_may_be_a_link_to_another_disk(tmp_path: Path, store: LocalhostStorage) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "data").symlink_to(tmp_path / "disk")
    store.put("data", "a/b", b"x")
    assert keys(store) == ["a/b"]
    assert (tmp_path / "disk" / "a%" / "b").read_bytes() == b"x"


def test_what_is_planted_in_the_way_of_a_key_is_no_object(tmp_path: Path, store: LocalhostStorage) -> None:
    store.put("data", "key", b"x")
    bucket = tmp_path / "root" / "data"
    os.mkfifo(bucket / "pipe")
    (bucket / "folder").mkdir()
    (bucket / "file%").write_bytes(b"where a folder should be")
    (bucket / "%41").write_bytes(b"an escape that no key has")
    os.close(os.open(os.fsencode(bucket) + b"/\xff", os.O_CREAT))
    assert keys(store) == ["key"]
    for key in ("pipe", "folder", "file/x", "A"):
        with pytest.raises(StorageNoSuchKeyError):
            store.get("data", key)
        with pytest.raises(StorageNoSuchKeyError):
            store.head("data", key)
        store.delete("data", ["file/x"])
    for key in ("folder", "file/x"):
        with pytest.raises(StorageError, match="cannot write object"):
            store.put("data", key, b"x")
    assert list((bucket / "%tmp").iterdir()) == []


def test_files_that_a_user_puts_into_the_bucket_are_objects(tmp_path: Path, store: LocalhostStorage) -> None:
    store.create_bucket("data")
    (tmp_path / "root" / "data" / "table 1.csv").write_bytes(b"a,b\n")
    assert keys(store) == ["table 1.csv"]
    assert read(store, "data", "table 1.csv") == b"a,b\n"


def test_ten_thousand_keys_are_listed_in_order_and_few_of_them_read_few_folders(
    tmp_path: Path, store: LocalhostStorage
) -> None:
    store.create_bucket("data")
    for folder in range(100):
        path = tmp_path / "root" / "data" / f"{folder:02d}%"
        path.mkdir()
        for number in range(100):
            (path / f"{number:02d}").touch()
    expected = [f"{number // 100:02d}/{number % 100:02d}" for number in range(10_000)]
    assert keys(store) == expected
    assert keys(store, after="49/99") == expected[5000:]
    assert keys(store, "42/1") == expected[4210:4220]
    infos = store.list("data")
    assert [info.key for info in islice(infos, 2)] == ["00/00", "00/01"]
    for number in range(100):  # not yet read: what is listed is what is there when it comes to it
        (tmp_path / "root" / "data" / "02%" / f"{number:02d}").unlink()
    assert [info.key for info in infos] == expected[2:200] + expected[300:]


def test_streams_are_written_and_read_in_bounded_memory(store: LocalhostStorage, tmp_path: Path) -> None:
    size_bytes = 64 << 20
    with open(tmp_path / "big", "wb") as file:
        file.truncate(size_bytes)
    tracemalloc.start()
    try:
        with open(tmp_path / "big", "rb") as file:
            store.put("data", "big", file)
        stream = store.get("data", "big")
        assert sum(map(len, iter(lambda: stream.read(1 << 20), b""))) == size_bytes
        stream.close()
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_buffers_are_written_without_a_copy(store: LocalhostStorage) -> None:
    parts = [bytes(8 << 20)] * 8
    tracemalloc.start()
    try:
        assert store.put("data", "big", parts).size_bytes == 64 << 20
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_deep_key_needs_no_deep_stack(store: LocalhostStorage) -> None:
    deep = "/" * 1024
    store.put("data", deep, b"x")
    assert keys(store) == [deep]
    store.delete("data", [deep])
    assert keys(store) == []


@pytest.mark.skipif(os.getuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_says_so(store: LocalhostStorage, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="check who owns"):
        store.put("data", "key", b"x")


def test_the_users_storage_opens_it_by_configuration(tmp_path: Path) -> None:
    config = {
        "lithops": {"backend": "localhost", "storage": "localhost"},
        "localhost": {"storage_root": str(tmp_path / "root"), "storage_bucket": "mine"},
    }
    storage = Storage(config=config)
    assert (storage.backend, storage.bucket) == ("localhost", "mine")
    assert list(tmp_path.iterdir()) == []
    storage.put_object("mine", "a/b", "text")
    again = pickle.loads(pickle.dumps(storage))
    assert again.get_object("mine", "a/b") == b"text"
    assert again.list_keys("mine", "a/") == ["a/b"]


def test_it_does_what_the_store_in_memory_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    names = st.text("a/%.\u6587!", min_size=1, max_size=5)
    steps = st.lists(st.tuples(st.sampled_from(["put", "new", "delete"]), names), max_size=30)

    @settings(max_examples=60, deadline=None)
    @given(steps, names, names)
    def check(steps: list[tuple[str, str]], prefix: str, after: str) -> None:
        real, model = localhost(tmp_path_factory.mktemp("root")), MemoryStorage()
        model.create_bucket("data")
        for number, (verb, key) in enumerate(steps):
            for store in (real, model):
                if verb == "delete":
                    store.delete("data", [key])
                elif verb == "put" or key not in [info.key for info in store.list("data")]:
                    store.put("data", key, b"%d" % number, if_absent=verb == "new")
        for arguments in ({}, {"prefix": prefix}, {"after": after}, {"prefix": prefix[:1], "after": after}):
            assert _listed(real.list("data", **arguments)) == _listed(model.list("data", **arguments))
        for info in model.list("data"):
            assert read(real, "data", info.key) == read(model, "data", info.key)

    check()


def _listed(infos: Iterator[object]) -> list[tuple[object, object]]:
    return [(getattr(info, "key", None), getattr(info, "size_bytes", None)) for info in infos]


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
