"""Files from objects: big ones by ranges at once, all of one version, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lithops.errors import StorageError, StorageNoSuchKeyError
from lithops.spi.storage import ByteStream, StorageFeature
from lithops.storage import Storage, downloads
from lithops.storage.downloads import download_file
from lithops.testing import Fault, FaultyStorage, MemoryStorage
from lithops.testing.storage.fixtures import content
from lithops.testing.storage_faulty import transient
from lithops.types import Span

RANGE = 1000
BIG = content(20 * RANGE + 17)


class Recording(MemoryStorage):
    """Notes the ranges that are asked for; `at_get` is told their numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.create_bucket("b")
        self.spans: list[Span | None] = []
        self.heads = 0
        self.at_get: Callable[[int], object] = lambda _: None
        self.has_etags = True

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        self.spans.append(span)
        self.at_get(len(self.spans))
        stream = super().get(bucket, key, span=span)
        if not self.has_etags:
            stream.etag = None  # type: ignore[attr-defined]
        return stream

    def head(self, bucket: str, key: str):  # type: ignore[no-untyped-def]
        self.heads += 1
        return super().head(bucket, key)


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "RANGE_BYTES", RANGE)
    monkeypatch.setattr(downloads, "PARALLEL_BYTES", 4 * RANGE)


@pytest.fixture
def store() -> Recording:
    return Recording()


@pytest.mark.parametrize("size", [0, 1, RANGE - 1])
def test_a_small_object_is_one_request(store: Recording, tmp_path: Path, size: int) -> None:
    store.put("b", "key", BIG[:size])
    download_file(store, "b", "key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BIG[:size]
    assert (store.spans, store.heads) == ([Span(0, RANGE)], 0)


@pytest.mark.parametrize("size", [RANGE, RANGE + 1, 4 * RANGE - 1])
def test_the_rest_of_a_middling_one_is_one_more(store: Recording, tmp_path: Path, size: int) -> None:
    store.put("b", "key", BIG[:size])
    download_file(store, "b", "key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BIG[:size]
    assert store.heads == 1
    assert store.spans[1:] == ([Span(RANGE, size)] if size > RANGE else [])


def test_a_big_one_is_read_by_ranges_at_once(store: Recording, tmp_path: Path) -> None:
    store.put("b", "key", BIG)
    before = set(threading.enumerate())  # of tests of other parts
    together = threading.Barrier(4, timeout=20)
    store.at_get = lambda number: together.wait() if number > 1 else None  # 20 more, by fours
    told: list[int] = []
    download_file(store, "b", "key", tmp_path / "file", advance=told.append)
    assert (tmp_path / "file").read_bytes() == BIG
    assert sorted(span for span in store.spans if span)[1:] == [
        Span(at, min(len(BIG), at + RANGE)) for at in range(RANGE, len(BIG), RANGE)
    ]
    assert sum(told) == len(BIG)
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("lithops")]


def test_breaking_streams_are_resumed(store: Recording, tmp_path: Path) -> None:
    store.put("b", "key", BIG)
    faulty = FaultyStorage(store, [Fault("read", transient, after_bytes=300, times=5)])
    Storage.over(faulty, "b").download_file("b", "key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BIG


def test_an_object_that_is_overwritten_once_is_read_anew(store: Recording, tmp_path: Path) -> None:
    store.put("b", "key", BIG)
    store.at_get = lambda number: store.put("b", "key", BIG[::-1]) if number == 5 else None
    told: list[int] = []
    download_file(store, "b", "key", tmp_path / "file", advance=told.append)
    assert (tmp_path / "file").read_bytes() == BIG[::-1]
    assert sum(told) == len(BIG)


def test_one_that_became_small_meanwhile_is_read_anew(store: Recording, tmp_path: Path) -> None:
    store.put("b", "key", BIG)
    store.at_get = lambda number: store.put("b", "key", b"small") if number == 5 else None
    download_file(store, "b", "key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"small"


def test_one_that_is_overwritten_all_the_time_is_an_error_and_leaves_what_was(store: Recording, tmp_path: Path) -> None:
    store.put("b", "key", BIG)
    (tmp_path / "file").write_bytes(b"old")
    store.at_get = lambda number: store.put("b", "key", BIG[number:] + BIG[:number])
    with pytest.raises(StorageError, match="object 'key' of bucket 'b': it was overwritten while it was read"):
        download_file(store, "b", "key", tmp_path / "file")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_a_store_that_names_no_versions_is_read_by_one_stream(store: Recording, tmp_path: Path) -> None:
    store.put("b", "key", BIG)
    store.has_etags = False
    download_file(store, "b", "key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BIG
    assert store.spans == [Span(0, RANGE), None]


def test_a_store_of_local_files_is_read_by_one_stream(store: Recording, tmp_path: Path) -> None:
    store.put("b", "key", BIG)
    store.features = StorageFeature.LOCAL_PATHS  # type: ignore[misc]
    download_file(store, "b", "key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BIG
    assert (store.spans, store.heads) == ([None], 0)


def test_a_missing_object_makes_no_folder(store: Recording, tmp_path: Path) -> None:
    with pytest.raises(StorageNoSuchKeyError):
        download_file(store, "b", "gone", tmp_path / "folder" / "file")
    assert list(tmp_path.iterdir()) == []
