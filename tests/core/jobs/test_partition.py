"""What a job's data is cut into: objects found by as few requests as can be, bytes divided without loss."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError, ThrottledError, UnknownBackendError
from lithops.jobs.partition import partition
from lithops.spi import ByteStream, ObjectInfo, Span, StorageBackend, StorageRef
from lithops.testing import Fault, FaultyStorage, MemoryStorage
from lithops.testing.storage_faulty import transient
from lithops.types import Buffer
from lithops.worker.data import DataPart, open_data


class Store(StorageBackend):
    """Objects of one bucket in memory; the requests are kept. The first `failures` are refused for now."""

    def __init__(self, objects: dict[str, bytes], failures: int = 0) -> None:
        self.objects = objects
        self.failures = failures
        self.requests: list[tuple[str, str]] = []

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        raise NotImplementedError

    def ref(self, bucket: str) -> StorageRef:
        return StorageRef("test:Store", bucket)

    def _request(self, verb: str, bucket: str, name: str) -> None:
        self.requests.append((verb, name))
        if self.failures:
            self.failures -= 1
            raise ThrottledError("slow down", retry_after_s=7)
        if bucket != "bucket":
            raise NoSuchBucketError(bucket)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        self._request("get", bucket, key)
        content = self.objects[key]
        return io.BytesIO(content if span is None else content[span.start : span.end])

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        raise NotImplementedError

    def head(self, bucket: str, key: str) -> ObjectInfo:
        self._request("head", bucket, key)
        if key not in self.objects:
            raise StorageNoSuchKeyError(bucket, key)
        return ObjectInfo(key, len(self.objects[key]))

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        self._request("list", bucket, prefix)
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > (after or ""):
                yield ObjectInfo(key, len(self.objects[key]))

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        raise NotImplementedError

    def create_bucket(self, bucket: str) -> None:
        raise NotImplementedError

    def has_bucket(self, bucket: str) -> bool:
        raise NotImplementedError


@dataclass
class CloudObject:
    backend: str | None
    bucket: str
    key: str


OBJECTS = {
    "a.csv": b"12345", "b/": b"", "b/1.csv": b"1", "b/2.txt": b"22", "b/c/3.csv": b"333", "empty": b"",
    "lithops.jobs/x/function": b"pickle", "odd[1]": b"odd", "odd1": b"1",
}  # fmt: skip


def cut(
    references: Sequence[object],
    store: Store | None = None,
    chunk_size: int | None = None,
    chunk_number: int | None = None,
    newline: str | bytes | None = "\n",
) -> list[list[DataPart]]:
    found = store or Store(OBJECTS)
    return partition(
        references,
        open_store=lambda _: found,
        chunk_size=chunk_size,
        chunk_number=chunk_number,
        newline=newline,
        sleep=lambda _: None,
    )


def keys(reference: object) -> list[str | None]:
    return [part.key for part in cut([reference])[0]]


@pytest.mark.parametrize(
    ("reference", "expected", "request_"),
    [
        ("bucket", ["a.csv", "b/1.csv", "b/2.txt", "b/c/3.csv", "empty", "odd1", "odd[1]"], ("list", "")),
        ("bucket/b/", ["b/1.csv", "b/2.txt", "b/c/3.csv"], ("list", "b/")),
        ("s3://bucket/a.csv", ["a.csv"], ("head", "a.csv")),
        (CloudObject("s3", "bucket", "odd[1]"), ["odd[1]"], ("head", "odd[1]")),
        ("bucket/*.csv", ["a.csv"], ("list", "")),
        ("bucket/**.csv", ["a.csv", "b/1.csv", "b/c/3.csv"], ("list", "")),
        ("bucket/b/?.txt", ["b/2.txt"], ("list", "b/")),
        ("bucket/odd[1]", ["odd[1]"], ("list", "odd")),
        ("bucket/odd[12]", ["odd1"], ("list", "odd")),
        ("bucket/lithops.jobs/", ["lithops.jobs/x/function"], ("list", "lithops.jobs/")),
    ],
)
def test_a_reference_is_found_by_one_request(reference: object, expected: list[str], request_: tuple[str, str]) -> None:
    store = Store(OBJECTS)
    (parts,) = cut([reference], store)
    assert [part.key for part in parts] == expected
    assert [part.size_bytes for part in parts] == [len(OBJECTS[key]) for key in expected]
    assert store.requests == [request_]


@pytest.mark.parametrize(
    ("references", "requests"),
    [
        (["bucket/*.csv", "bucket/*.txt", "bucket/b/*.csv"], [("list", ""), ("list", "b/")]),
        (["bucket/b/"] * 5, [("list", "b/")]),
        (["bucket/a.csv", "bucket/empty", "bucket/a.csv"], [("head", "a.csv"), ("head", "empty")]),
        ([CloudObject(None, "bucket", "a.csv")] * 3, [("head", "a.csv")]),
    ],
)
def test_nothing_is_asked_for_twice(references: list[object], requests: list[tuple[str, str]]) -> None:
    store = Store(OBJECTS)
    if "bucket/*.txt" in references:
        store.objects = {**OBJECTS, "c.txt": b"c"}
    together = cut(references, store)
    assert sorted(store.requests) == sorted(requests)
    assert together == [cut([reference], Store(store.objects))[0] for reference in references]


def test_a_listing_that_breaks_goes_on_behind_its_last_key() -> None:
    inner = MemoryStorage()
    inner.create_bucket("bucket")
    for number in range(100):
        inner.put("bucket", f"{number:02d}", b"x")
    store = FaultyStorage(inner, [Fault("list", transient, after_items=40, times=2)])
    found = partition(["bucket"], open_store=lambda _: store, sleep=lambda _: None)
    assert [part.key for part in found[0]] == [f"{number:02d}" for number in range(100)]


@pytest.mark.parametrize("reference", ["bucket", "bucket/9*", "bucket/99"])
def test_any_store_is_cut_and_read(reference: str) -> None:
    store = MemoryStorage()
    store.create_bucket("bucket")
    store.put("bucket", "99", b"one\ntwo\nthree")
    (parts,) = partition([reference], open_store=lambda _: store, chunk_number=3)
    assert b"".join(open_data(part, lambda _: store).data_stream.read() for part in parts) == b"one\ntwo\nthree"


def test_a_part_says_where_it_is_and_how_to_open_it() -> None:
    names: list[str | None] = []

    def open_store(name: str | None) -> StorageBackend:
        names.append(name)
        return Store(OBJECTS)

    found = partition(
        ["gs://bucket/a.csv", "bucket/a.csv", "bucket/empty"],
        open_store=open_store,
        chunk_size=3,
        default_backend="acme",
    )
    assert names == ["gs", None]
    first = found[0][1]
    assert first == DataPart(
        kind="object", backend="gs", bucket="bucket", key="a.csv", start=3, end=5, size_bytes=5,
        part=2, total_parts=2, chunk_size=3, newline=b"\n", store=StorageRef("test:Store", "bucket"),
    )  # fmt: skip
    assert [part.backend for part in found[1]] == ["acme", "acme"]
    assert [(part.start, part.end, part.total_parts) for part in found[2]] == [(0, 0, 1)]


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("bucket/gone", StorageNoSuchKeyError, "'gone' in bucket 'bucket'"),
        ("bucket/gone/", StorageNoSuchKeyError, "'gone/' in bucket 'bucket'"),
        ("bucket/*.gone", StorageNoSuchKeyError, r"'\*\.gone' in bucket 'bucket'"),
        ("gone", NoSuchBucketError, "'gone'"),
        ("gone/key", NoSuchBucketError, "'gone'"),
        (CloudObject(None, "gone", "key"), NoSuchBucketError, "'gone'"),
        ("/no/such/file", FileNotFoundError, "/no/such/file"),
    ],
)
def test_what_finds_nothing_is_an_error_that_names_it(reference: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        cut([reference])
    assert isinstance(caught.value, FileNotFoundError)


def test_a_bucket_without_objects_is_an_error() -> None:
    with pytest.raises(StorageNoSuchKeyError, match="bucket 'bucket'"):
        cut(["bucket"], Store({}))


def test_a_relative_path_that_exists_is_an_error_that_gives_the_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("folder/file", "bucket/a.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    for name in ("folder", "folder/", "folder/file"):
        with pytest.raises(ValueError, match=f"give the absolute path, '{tmp_path}/{name.rstrip('/')}'"):
            cut([name])
    with pytest.raises(NoSuchBucketError):
        cut(["s3://folder/file"])
    assert keys("bucket/a.csv") == ["a.csv"]  # in the store: no doubt what is meant


def test_an_unknown_scheme_is_the_registrys_error() -> None:
    def open_store(name: str | None) -> StorageBackend:
        raise UnknownBackendError(f"no plugin provides '{name}'")

    with pytest.raises(UnknownBackendError, match="'nosuch'"):
        partition(["nosuch://bucket/key"], open_store=open_store)


def test_kinds_do_not_mix_and_nothing_is_asked() -> None:
    store = Store(OBJECTS)
    with pytest.raises(ValueError, match=r"mixes a key, 'bucket/a\.csv', and a URL, 'http://host/a'"):
        cut(["bucket/a.csv", "http://host/a"], store)
    assert store.requests == []


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True])
def test_a_chunk_that_is_no_whole_number_from_one_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="obj_chunk_size is"):
        cut(["bucket"], chunk_size=value)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="obj_chunk_number is"):
        cut(["bucket"], chunk_number=value)  # type: ignore[arg-type]


def test_a_newline_is_text_or_bytes_and_not_empty() -> None:
    assert cut(["bucket/a.csv"], newline="\u2028")[0][0].newline == "\u2028".encode()
    assert cut(["bucket/a.csv"], newline=b"\xff")[0][0].newline == b"\xff"
    assert cut(["bucket/a.csv"], newline=None)[0][0].newline is None
    with pytest.raises(ValueError, match="obj_newline is empty"):
        cut(["bucket/a.csv"], newline="")
    with pytest.raises(TypeError, match="obj_newline is 10"):
        cut(["bucket/a.csv"], newline=10)  # type: ignore[arg-type]


@given(st.integers(0, 1000), st.none() | st.integers(1, 1200), st.none() | st.integers(1, 1200))
def test_spans_cover_the_object_once_in_as_many_parts_as_asked(
    size: int, chunk_size: int | None, chunk_number: int | None
) -> None:
    (parts,) = cut(["bucket/k"], Store({"k": bytes(size)}), chunk_size, chunk_number)
    assert parts[0].start == 0
    assert parts[-1].end == size
    assert all(before.end == after.start for before, after in itertools.pairwise(parts))
    assert [part.part for part in parts] == list(range(1, len(parts) + 1))
    lengths = [part.end - part.start for part in parts if part.end is not None]
    if size == 0 or chunk_size is chunk_number is None:
        assert len(parts) == 1
    elif chunk_number is not None:
        assert len(parts) == min(size, chunk_number)
        assert max(lengths) - min(lengths) <= 1
    else:
        assert set(lengths[:-1]) <= {chunk_size}
    assert all(part.chunk_size is not None and max(lengths) <= part.chunk_size for part in parts)
    assert {part.total_parts for part in parts} == {len(parts)}


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"word", b"aba"])).map(b"".join),
    st.sampled_from([None, "\n", "\r\n", "\n\n", "aba"]),
    st.none() | st.integers(1, 20),
    st.none() | st.integers(1, 20),
)
def test_what_workers_read_of_an_object_is_the_object(
    content: bytes, newline: str | None, chunk_size: int | None, chunk_number: int | None
) -> None:
    store = Store({"k": content})
    (parts,) = cut(["bucket/k"], store, chunk_size, chunk_number, newline)
    assert b"".join(open_data(part, lambda _: store).data_stream.read() for part in parts) == content
    assert b"".join(b"".join(open_data(part, lambda _: store).data_stream) for part in parts) == content


def test_a_local_file_is_cut_and_read_like_an_object(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"one\ntwo\nthree\n")
    (tmp_path / "a").write_bytes(b"")
    (parts,) = cut([tmp_path], chunk_number=3)
    assert [(part.path, part.part, part.total_parts) for part in parts] == [
        (f"{tmp_path}/a", 1, 1), (f"{tmp_path}/b", 1, 3), (f"{tmp_path}/b", 2, 3), (f"{tmp_path}/b", 3, 3),
    ]  # fmt: skip
    store = Store({})
    contents = [open_data(part, lambda _: store).data_stream.read() for part in parts]
    assert contents == [b"", b"one\n", b"two\nthree\n", b""]
    assert store.requests == []


def test_many_keys_are_asked_for_at_once_and_come_in_order() -> None:
    together = threading.Barrier(4, timeout=10)

    class Slow(Store):
        def head(self, bucket: str, key: str) -> ObjectInfo:
            together.wait()  # passed only by four at a time
            return super().head(bucket, key)

    names = [f"k{number}" for number in range(16)]
    found = cut([f"bucket/{name}" for name in reversed(names)], Slow(dict.fromkeys(names, b"x")))
    assert [parts[0].key for parts in found] == names[::-1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lithops-partition")]


def test_one_bad_key_of_many_is_the_error_and_leaves_no_thread() -> None:
    with pytest.raises(StorageNoSuchKeyError, match="'gone'"):
        cut(["bucket/gone"] + ["bucket/a.csv"] * 200)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lithops-partition")]


def test_a_throttled_request_is_sent_again_after_the_time_that_the_store_wants() -> None:
    waits: list[float] = []
    store = Store(OBJECTS, failures=2)
    found = partition(["bucket/a.csv"], open_store=lambda _: store, sleep=waits.append)
    assert len(found[0]) == 1
    assert waits == [7, 7]


def test_no_references_are_no_parts() -> None:
    assert cut([]) == []
