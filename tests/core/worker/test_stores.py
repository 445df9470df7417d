"""Stores in a worker: opened once, payloads back as they were written, short failures survived, truncation found."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import NoSuchBucketError, StorageError, StorageNoSuchKeyError, ThrottledError, TransientError
from lithops.spi import ObjectInfo, Payload, StorageFeature, StorageRef
from lithops.testing import MemoryStorage
from lithops.worker.pickles import dump, load
from lithops.worker.stores import MAPPED_BYTES, Stores, patiently, read_payload, write_payload

parts_of_any_size = st.lists(st.binary(max_size=200), min_size=1, max_size=4)


def test_a_store_is_opened_once_for_all_equal_references() -> None:
    storage = MemoryStorage()
    stores = Stores()
    opened = [stores.open(storage.ref(bucket)) for bucket in ("a", "a", "b")]
    assert opened == [storage] * 3


def test_stores_with_other_options_are_others() -> None:
    first, second = MemoryStorage(), MemoryStorage()
    stores = Stores()
    assert stores.open(first.ref("a")) is first
    assert stores.open(second.ref("a")) is second


def test_many_threads_open_one_store() -> None:
    storage = MemoryStorage()
    opened: list[object] = []
    stores = Stores()
    threads = [threading.Thread(target=lambda: opened.append(stores.open(storage.ref("a")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert opened == [storage] * 8


@pytest.mark.parametrize(
    ("factory", "text"),
    [
        ("no_such_module_here:Store", "install the store's package"),
        ("lithops.testing:NoSuchStore", "install the store's package"),
        ("lithops.testing", "install the store's package"),
        ("os:system", "no StorageBackend"),
        ("builtins:dict", "no StorageBackend"),
    ],
)
def test_a_reference_to_what_is_no_store_is_refused(factory: str, text: str) -> None:
    with pytest.raises(StorageError, match=text):
        Stores().open(StorageRef(factory, "bucket"))


@given(parts_of_any_size)
def test_parts_come_back_as_they_were_written(parts: list[bytes]) -> None:
    storage = MemoryStorage()
    payload = write_payload(storage, "b", "k", parts, pads=False)
    assert [bytes(part) for part in read_payload(storage, "b", payload)] == parts
    assert payload.size_bytes == sum(map(len, parts)) == storage.head("b", "k").size_bytes


@given(parts_of_any_size)
def test_padding_lengthens_the_first_part_only_so_that_the_others_are_aligned(parts: list[bytes]) -> None:
    storage = MemoryStorage()
    payload = write_payload(storage, "b", "k", parts)
    first, *others = [bytes(part) for part in read_payload(storage, "b", payload)]
    assert first.rstrip(b"\0") == parts[0].rstrip(b"\0")
    assert others == parts[1:]
    assert len(first) == len(parts[0]) if len(parts) == 1 else len(first) % 64 == 0


def test_a_padded_pickle_is_loaded_as_before() -> None:
    storage = MemoryStorage()
    payload = write_payload(storage, "b", "k", [*dump({"a": 1}), b"buffer"])
    assert load(read_payload(storage, "b", payload)[:1]) == {"a": 1}


def test_a_payload_may_lie_in_the_middle_of_an_object() -> None:
    storage = MemoryStorage()
    storage.create_bucket("b")
    storage.put("b", "k", b"0123456789")
    parts = read_payload(storage, "b", Payload(key="k", offset=3, sizes=(2, 0, 4)))
    assert [bytes(part) for part in parts] == [b"34", b"", b"5678"]


def test_parts_of_a_stored_payload_can_be_written() -> None:
    storage = MemoryStorage()
    (part,) = read_payload(storage, "b", write_payload(storage, "b", "k", [b"x" * 100]))
    memoryview(part)[0] = 7
    assert part[0] == 7


def test_an_inline_payload_needs_no_store() -> None:
    assert read_payload(MemoryStorage(), "b", Payload((b"a", b"b"))) == (b"a", b"b")


@pytest.mark.parametrize(("offset", "size"), [(0, 11), (8, 3), (20, 1)])
def test_an_object_that_is_too_short_is_an_error_that_names_it(offset: int, size: int) -> None:
    storage = MemoryStorage()
    storage.create_bucket("b")
    storage.put("b", "some/key", b"0123456789")
    with pytest.raises(StorageError, match=r"'some/key' in bucket 'b' .* truncated; run the job again"):
        read_payload(storage, "b", Payload(key="some/key", offset=offset, sizes=(size,)))


class Files(MemoryStorage):
    """A store whose objects are files too."""

    features = StorageFeature.CONDITIONAL_PUT | StorageFeature.LOCAL_PATHS
    folder: Path

    def local_path(self, bucket: str, key: str) -> str:
        path = self.folder / f"{bucket}-{key}"
        path.write_bytes(self.get(bucket, key).read())
        return str(path)


def test_big_payloads_of_local_files_are_mapped_and_private(tmp_path: Path) -> None:
    storage = Files()
    storage.folder = tmp_path
    content = [bytes([number]) * MAPPED_BYTES for number in (1, 2)]
    payload = write_payload(storage, "b", "k", content, pads=False)
    parts = read_payload(storage, "b", payload)
    assert [bytes(part) for part in parts] == content
    assert isinstance(parts[1], memoryview)
    parts[1][0] = 9
    assert (tmp_path / "b-k").read_bytes() == b"".join(content)
    (tmp_path / "b-k").unlink()
    assert bytes(parts[1][1:3]) == b"\2\2"


def test_a_mapped_file_that_is_too_short_is_an_error(tmp_path: Path) -> None:
    storage = Files()
    storage.folder = tmp_path
    write_payload(storage, "b", "k", [b"x" * MAPPED_BYTES])
    for size in (MAPPED_BYTES + 1, 10**9):
        with pytest.raises(StorageError, match="truncated"):
            read_payload(storage, "b", Payload(key="k", sizes=(size,)))


@pytest.mark.parametrize("size", [0, 10])
def test_a_mapped_file_that_is_empty_or_gone_is_a_storage_error(tmp_path: Path, size: int) -> None:
    class Emptied(Files):
        def local_path(self, bucket: str, key: str) -> str:
            path = Path(super().local_path(bucket, key))
            path.write_bytes(b"")
            if size:
                path.unlink()
            return str(path)

    storage = Emptied()
    storage.folder = tmp_path
    payload = write_payload(storage, "b", "k", [b"x" * MAPPED_BYTES])
    with pytest.raises(StorageError):
        read_payload(storage, "b", payload)


def test_the_bucket_is_made_when_the_first_is_written() -> None:
    storage = MemoryStorage()
    with pytest.raises(NoSuchBucketError):
        storage.head("new", "k")
    write_payload(storage, "new", "k", [b"x"])
    assert storage.head("new", "k").size_bytes == 1


# Patience


class Flaky:
    """Fails with the given errors, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.mark.parametrize("failures", [0, 1, 4])
def test_short_failures_are_survived(failures: int) -> None:
    waits: list[float] = []
    flaky = Flaky(*[TransientError("?") for _ in range(failures)])
    assert patiently(flaky, sleep=waits.append) == "answer"
    assert len(waits) == failures
    assert all(0 <= wait <= 0.1 * 2.0**at for at, wait in enumerate(waits))


def test_after_five_failures_it_is_given_up() -> None:
    flaky = Flaky(*[TransientError(str(number)) for number in range(9)])
    with pytest.raises(TransientError, match="4"):
        patiently(flaky, sleep=lambda _: None)
    assert flaky.tries == 5


def test_the_store_s_wish_is_honoured() -> None:
    waits: list[float] = []
    patiently(Flaky(ThrottledError("slow", 3.5)), sleep=waits.append)
    assert waits == [3.5]


@pytest.mark.parametrize("error", [StorageError("denied"), StorageNoSuchKeyError("b", "k"), ValueError("a bug")])
def test_other_failures_are_raised_at_once(error: Exception) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        patiently(flaky, sleep=lambda _: pytest.fail("it waits"))
    assert flaky.tries == 1


def test_writing_and_reading_are_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithops.worker.stores._BASE_S", 0.0001)

    class Hiccups(MemoryStorage):
        failures = 0

        def put(self, *args: Any, **kwargs: Any) -> ObjectInfo:
            self.hiccup()
            return super().put(*args, **kwargs)

        def get(self, *args: Any, **kwargs: Any) -> Any:
            self.hiccup()
            return super().get(*args, **kwargs)

        def hiccup(self) -> None:
            self.failures += 1
            if self.failures % 3:
                raise TransientError("hiccup")

    storage = Hiccups()
    payload = write_payload(storage, "b", "k", [b"content"])
    assert [bytes(part) for part in read_payload(storage, "b", payload)] == [b"content"]
