"""The file system itself: how it is found and opened, told apart, and travels."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import fsspec
import pytest
from tests.core.storage.fs_watched import WatchedStorage, fill

from lithops import Storage
from lithops.storage.fs import LithopsFileSystem, filesystem

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def fs(store: WatchedStorage) -> LithopsFileSystem:
    return LithopsFileSystem(store)


def test_opening_asks_the_store_for_nothing(store: WatchedStorage) -> None:
    filesystem(store)
    assert store.asked == []


def test_stores_whose_text_is_equal_are_not_mixed_up() -> None:
    one, two = (Storage.over(WatchedStorage(), "b", "memory") for _ in range(2))
    assert repr(one) == repr(two)
    first, second = LithopsFileSystem(one), LithopsFileSystem(storage=two)
    assert first.storage is one
    assert second.storage is two
    assert first != second
    assert first == LithopsFileSystem(one)


def test_a_file_system_of_the_configuration_is_made_once(tmp_path: Path) -> None:
    config = {"lithops": {"storage": "localhost"}, "localhost": {"storage_root": str(tmp_path)}}
    one = fsspec.filesystem("lithops", config=config)
    assert fsspec.filesystem("lithops", config=config) is one
    assert fsspec.filesystem("lithops", config=config, threads=2) is not one


def test_a_store_and_a_configuration_cannot_both_be_given(store: WatchedStorage) -> None:
    with pytest.raises(ValueError, match="leave out"):
        LithopsFileSystem(store, backend="localhost")
    with pytest.raises(TypeError, match=r"lithops\.Storage"):
        LithopsFileSystem("localhost")  # type: ignore[arg-type]


def test_pandas_and_others_find_it_by_the_protocol(tmp_path: Path) -> None:
    options = {"config": {"lithops": {"storage": "localhost"}, "localhost": {"storage_root": str(tmp_path)}}}
    with fsspec.open("lithops://storage/a/table.csv", "w", newline="", **options) as file:
        file.write("x,y\n1,2\n")
    with fsspec.open("lithops://storage/a/table.csv", "rt", **options) as file:
        assert file.read() == "x,y\n1,2\n"
    mapper = fsspec.get_mapper("lithops://storage/a", **options)
    mapper["chunk/0.0"] = b"zarr"
    assert sorted(mapper) == ["chunk/0.0", "table.csv"]
    assert mapper.getitems(["chunk/0.0", "none"], on_error="omit") == {"chunk/0.0": b"zarr"}


def test_the_entry_point_names_the_class() -> None:
    project = tomllib.loads((ROOT / "packages" / "core" / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["fsspec.specs"] == {
        "lithops": f"{LithopsFileSystem.__module__}:{LithopsFileSystem.__name__}"
    }


def test_without_fsspec_the_error_has_the_command() -> None:
    program = "import sys; sys.modules['fsspec'] = None\nimport lithops.storage.fs"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert "MissingDependencyError: cannot use lithops.storage.fs: " in done.stderr
    assert 'pip install "lithops-core[fs]"' in done.stderr


class SecretStorage(WatchedStorage):
    def credentials(self) -> dict[str, str]:
        return {"key": "s3cr3t"}


def test_a_pickled_copy_is_equal_and_carries_no_secret() -> None:
    store = SecretStorage()
    fill(store, "a")
    fs = LithopsFileSystem(store, threads=3)
    pickled = pickle.dumps(fs)
    assert b"s3cr3t" not in pickled
    copy = pickle.loads(pickled)
    assert copy == fs
    assert hash(copy) == hash(fs)
    assert copy.cat_file("b/a") == b"a"
    assert copy.threads == 3
    assert pickle.loads(pickled) is copy


def test_a_secret_of_the_configuration_does_not_travel(tmp_path: Path) -> None:
    config = {"lithops": {"storage": "localhost", "log_format": "s3cr3t"}, "localhost": {"storage_root": str(tmp_path)}}
    fs = LithopsFileSystem(config=config)
    assert b"s3cr3t" not in pickle.dumps(fs)
    assert "s3cr3t" not in fs.to_json()
    assert fsspec.AbstractFileSystem.from_json(fs.to_json()) == fs
    assert json.loads(fs.to_json())["protocol"] == "lithops"


def test_an_open_file_travels_with_its_place_and_version(fs: LithopsFileSystem, store: WatchedStorage) -> None:
    fill(store, "abcdef")
    with fs.open("b/abcdef") as file:
        file.seek(2)
        copy = pickle.loads(pickle.dumps(file))
    assert copy.read() == b"cdef"
    copy.close()
