"""The user's `obj`: parts of local files and of a store's objects, what they say of themselves, how they close."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from lithops.errors import StorageError, StorageNoSuchKeyError, TransientError
from lithops.spi import ByteStream, ObjectInfo, Span, StorageBackend, StorageRef
from lithops.types import Buffer
from lithops.worker.data import DataObject, DataPart, open_data

TEXT = b"one\ntwo\r\nthree\n\nfive"
REF = StorageRef("test:Store", "bucket", {"region": "r"})


class Store(StorageBackend):
    """Objects in memory. Its streams fail `failures` times, each after two bytes; the spans of `get` are kept."""

    def __init__(self, objects: dict[str, bytes], failures: int = 0) -> None:
        self.objects = objects
        self.failures = failures
        self.spans: list[Span | None] = []
        self.open_streams = 0

    @classmethod
    def from_ref(cls, ref: StorageRef) -> StorageBackend:
        raise NotImplementedError

    def ref(self, bucket: str) -> StorageRef:
        return StorageRef("test:Store", bucket)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        if key not in self.objects:
            raise StorageNoSuchKeyError(bucket, key)
        self.spans.append(span)
        self.open_streams += 1
        content = self.objects[key]
        return Stream(self, content if span is None else content[span.start : span.end])

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        raise NotImplementedError

    def head(self, bucket: str, key: str) -> ObjectInfo:
        raise NotImplementedError

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        raise NotImplementedError

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        raise NotImplementedError

    def create_bucket(self, bucket: str) -> None:
        raise NotImplementedError

    def has_bucket(self, bucket: str) -> bool:
        raise NotImplementedError


class Stream:
    def __init__(self, store: Store, content: bytes) -> None:
        self.store = store
        self.content = io.BytesIO(content)

    def read(self, size: int = -1, /) -> bytes:
        if self.store.failures:
            if self.content.tell() >= 2:
                self.store.failures -= 1
                raise TransientError("the connection was lost")
            size = 2
        return self.content.read(size)

    def close(self) -> None:
        self.store.open_streams -= 1


def no_store(ref: StorageRef) -> StorageBackend:
    raise AssertionError(f"a store was opened: {ref}")


def of_store(start: int, end: int, newline: bytes | None = b"\n", key: str = "a/b") -> DataPart:
    return DataPart(
        kind="object", backend="s3", bucket="bucket", key=key, store=REF, start=start, end=end, size_bytes=len(TEXT),
        part=2, total_parts=3, chunk_size=5, newline=newline,
    )  # fmt: skip


def open_in(store: Store, part: DataPart) -> DataObject:
    return open_data(part, lambda _: store, sleep=lambda _: None)


@pytest.mark.parametrize("newline", [None, b"\n", b"\r\n", b"e"])
@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_parts_of_a_file_and_of_an_object_are_the_same_and_make_up_the_whole(
    tmp_path: Path, newline: bytes | None, chunk: int
) -> None:
    path = tmp_path / "t\u00e9xt \n"
    path.write_bytes(TEXT)
    whole = b""
    for start in range(0, len(TEXT), chunk):
        end = min(len(TEXT), start + chunk)
        local = DataPart(kind="path", path=str(path), start=start, end=end, size_bytes=len(TEXT), newline=newline)
        with open_data(local, no_store) as file, open_in(Store({"a/b": TEXT}), of_store(start, end, newline)) as obj:
            content = obj.data_stream.read()
            assert file.data_stream.read() == content
        whole += content
    assert whole == TEXT


def test_it_says_what_it_is() -> None:
    obj = open_in(Store({}), of_store(5, 10))
    assert (obj.backend, obj.bucket, obj.key, obj.url, obj.path) == ("s3", "bucket", "a/b", None, None)
    assert (obj.part, obj.total_parts, obj.chunk_size, obj.data_byte_range, obj.newline) == (2, 3, 5, (5, 9), "\n")
    assert repr(obj) == "<DataObject 's3://bucket/a/b' part 2 of 3 bytes 5-9>"
    whole = open_in(Store({}), of_store(0, len(TEXT), None))
    assert whole.data_byte_range is None
    assert whole.newline is None


def test_a_part_pickles_to_an_equal_one() -> None:
    part = of_store(1, 2, b"\xff")
    assert pickle.loads(pickle.dumps(part)) == part


def test_parts_of_one_object_share_a_source_and_others_do_not() -> None:
    assert of_store(0, 5).source == of_store(5, 9).source
    url = DataPart(kind="url", url="http://host/a")
    path = DataPart(kind="path", path="/a")
    assert len({of_store(0, 5).source, of_store(0, 5, key="c").source, url.source, path.source}) == 4


def test_a_store_is_opened_by_the_first_read_and_released_at_the_end() -> None:
    store = Store({"a/b": TEXT})
    obj = open_in(store, of_store(0, len(TEXT)))
    assert store.spans == []
    assert next(obj.data_stream) == b"one\n"
    assert store.spans == [None]
    obj.close()
    obj.close()
    assert store.open_streams == 0


def test_a_stream_that_is_forgotten_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(TEXT)
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    obj = open_data(DataPart(kind="path", path=str(path), end=len(TEXT), size_bytes=len(TEXT)), no_store)
    assert obj.data_stream.read(1) == b"o"
    del obj
    after = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    assert len(after) == len(before)


def test_a_lost_connection_is_opened_again_where_the_reading_stopped() -> None:
    store = Store({"a/b": TEXT}, failures=4)
    with open_in(store, of_store(0, len(TEXT))) as obj:
        assert obj.data_stream.read() == TEXT
    assert [span.start for span in store.spans if span] == [2, 4, 6, 8]
    assert store.open_streams == 0


def test_a_store_that_fails_on_is_an_error() -> None:
    waits: list[float] = []

    def broken(ref: StorageRef) -> StorageBackend:
        raise TransientError(f"the store of {ref.bucket} is down")

    with pytest.raises(TransientError, match="down"):
        open_data(of_store(0, 5), broken, sleep=waits.append).data_stream.read()
    assert 1 <= len(waits) <= 10


def test_an_object_that_is_gone_is_the_stores_error_at_the_first_read() -> None:
    obj = open_in(Store({}), of_store(0, 5))
    with pytest.raises(StorageNoSuchKeyError, match="a/b"):
        obj.data_stream.readline()


def test_an_object_that_became_shorter_is_an_error() -> None:
    with pytest.raises(StorageError, match="changed or truncated"):
        open_in(Store({"a/b": TEXT[:-1]}), of_store(15, len(TEXT), None)).data_stream.read()


def test_a_file_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    part = DataPart(kind="path", path=str(tmp_path / "gone"), end=1, size_bytes=1)
    with pytest.raises(FileNotFoundError, match="gone"):
        open_data(part, no_store).data_stream.read()


def test_an_empty_object_opens_nothing() -> None:
    part = DataPart(kind="object", bucket="bucket", key="a", store=REF, end=0, size_bytes=0)
    obj = open_data(part, no_store)
    assert obj.data_stream.read() == b""
    assert list(obj.data_stream) == []


def test_a_part_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="names nothing"):
        open_data(DataPart(kind="object"), no_store)
