"""The user's `Storage`: the shapes of its answers, lazy listings, references to objects, and copies by pickle."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from lithops.errors import NoSuchBucketError, StorageNoSuchKeyError
from lithops.storage import CloudObject, Storage
from lithops.testing import Fault, FaultyStorage, MemoryStorage
from lithops.testing.storage_faulty import transient
from lithops.types import Artifact, CallMessage, JobMessage, ObjectInfo, Payload
from lithops.worker import context


class Counting(MemoryStorage):
    """Counts the objects that a listing gave."""

    listed = 0

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        for info in list(super().list(bucket, prefix, after=after)):
            self.listed += 1
            yield info


@pytest.fixture
def backend() -> Counting:
    backend = Counting()
    backend.create_bucket("b")
    return backend


@pytest.fixture
def storage(backend: Counting) -> Storage:
    return Storage.over(backend, "b", "memory")


def test_it_tells_its_names(storage: Storage, backend: Counting) -> None:
    assert (storage.bucket, storage.backend, repr(storage)) == ("b", "memory", "Storage(backend='memory', bucket='b')")
    assert storage.get_client() is backend


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("\u6587", "\u6587".encode()),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"x"), b"x"),
        (memoryview(b"xyz")[1:], b"yz"),
        (io.BytesIO(b"file"), b"file"),
        (io.StringIO("text\u00e9"), "text\u00e9".encode()),
        ("", b""),
    ],
)
def test_an_object_is_text_bytes_or_a_file(storage: Storage, body: str | bytes | io.BytesIO, written: bytes) -> None:
    storage.put_object("b", "key", body)
    assert storage.get_object("b", "key") == written


@pytest.mark.parametrize("body", [None, 1, ["x"], {"a": 1}])
def test_what_is_no_object_is_refused(storage: Storage, body: object) -> None:
    with pytest.raises(TypeError, match="text, bytes or a file"):
        storage.put_object("b", "key", body)  # type: ignore[arg-type]


def test_a_stream_is_a_file(storage: Storage) -> None:
    storage.put_object("b", "key", b"one\ntwo\nthree")
    with storage.get_object("b", "key", stream=True) as stream:
        assert stream.read(2) == b"on"
        assert stream.readline() == b"e\n"
        assert list(stream) == [b"two\n", b"three"]
        assert stream.read() == b""
    with io.TextIOWrapper(storage.get_object("b", "key", stream=True)) as text:
        assert text.read().splitlines() == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        *[("bytes=0-0", b"0"), ("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-3", b"789"), ("bytes=-0", b"")],
        *[("bytes=5-100", b"56789"), ("bytes=10-", b""), ("bytes=-100", b"0123456789"), (" bytes = 1 - 2 ", b"12")],
    ],
)
def test_a_range_includes_both_ends(storage: Storage, text: str, part: bytes) -> None:
    storage.put_object("b", "key", b"0123456789")
    assert storage.get_object("b", "key", extra_get_args={"Range": text}) == part
    with storage.get_object("b", "key", stream=True, extra_get_args={"Range": text}) as stream:
        assert stream.read() == part


@pytest.mark.parametrize(("text", "heads"), [("bytes=2-4", 0), ("bytes=7-", 0), ("bytes=-3", 1)])
def test_a_size_is_asked_for_only_to_count_from_the_end(backend: Counting, text: str, heads: int) -> None:
    backend.put("b", "key", b"0123456789")
    faulty = FaultyStorage(backend, [])
    Storage.over(faulty, "b").get_object("b", "key", extra_get_args={"Range": text})
    assert faulty.requests == {"get": 1, "read": 1} | ({"head": heads} if heads else {})


@pytest.mark.parametrize(
    "text", ["", "bytes=", "bytes=-", "bytes=4-2", "lines=0-1", "bytes=a-b", "bytes=1-2,3-4", "0-1"]
)
def test_what_is_no_range_is_refused(storage: Storage, text: str) -> None:
    storage.put_object("b", "key", b"0123456789")
    with pytest.raises(ValueError, match="bytes=0-99"):
        storage.get_object("b", "key", extra_get_args={"Range": text})


def test_unknown_arguments_of_get_are_refused(storage: Storage) -> None:
    with pytest.raises(ValueError, match="IfMatch"):
        storage.get_object("b", "key", extra_get_args={"IfMatch": "x"})


def test_files_go_up_and_come_down(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "up.bin").write_bytes(b"x" * 3_000_000)
    assert storage.upload_file(tmp_path / "up.bin", "b")
    assert storage.upload_file(str(tmp_path / "up.bin"), "b", "folder/key")
    assert storage.download_file("b", "up.bin", tmp_path / "new" / "down.bin")
    assert storage.download_file("b", "folder/key")
    assert (
        (tmp_path / "new" / "down.bin").read_bytes() == (tmp_path / "folder" / "key").read_bytes() == b"x" * 3_000_000
    )


def test_a_failed_download_leaves_what_was_there(storage: Storage, backend: Counting, tmp_path: Path) -> None:
    storage.put_object("b", "key", b"x" * 100)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(StorageNoSuchKeyError):
        storage.download_file("b", "missing", tmp_path / "missing" / "file")
    broken = Storage.over(FaultyStorage(backend, [Fault("read", lambda: OSError("broken"), times=None)]), "b")
    with pytest.raises(OSError, match="broken"):
        broken.download_file("b", "key", tmp_path / "file")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}
    with pytest.raises(FileNotFoundError):
        storage.upload_file(tmp_path / "nothing", "b", "new")


@pytest.mark.parametrize("key", ["../up", "/etc/passwd", "a/../../up", "..", "."])
def test_a_key_names_no_file_outside_of_the_folder(storage: Storage, key: str) -> None:
    storage.put_object("b", key, b"")
    with pytest.raises(ValueError, match="pass file_name"):
        storage.download_file("b", key)


def test_head_describes_as_lithops_3_does(storage: Storage) -> None:
    storage.put_object("b", "key", b"0123456789")
    head = storage.head_object("b", "key")
    assert head["content-length"] == "10"
    assert set(head) == {"content-length", "last-modified", "etag"}
    assert parsedate_to_datetime(head["last-modified"]).tzinfo is not None
    assert storage.head_bucket("b")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_what_is_missing_is_said_to_be_missing(storage: Storage) -> None:
    for error in (StorageNoSuchKeyError, KeyError, FileNotFoundError):
        with pytest.raises(error):
            storage.get_object("b", "missing")
        with pytest.raises(error):
            storage.get_object("b", "missing", stream=True)
        with pytest.raises(error):
            storage.head_object("b", "missing")
    with pytest.raises(NoSuchBucketError):
        storage.head_bucket("missing")
    with pytest.raises(NoSuchBucketError):
        storage.list_objects("missing")
    storage.create_bucket("missing")
    assert storage.list_keys("missing") == []


@pytest.mark.parametrize("bucket", [None, ""])
def test_a_bucket_that_is_not_given_is_asked_for(storage: Storage, bucket: str) -> None:
    for call in (
        lambda: storage.put_object(bucket, "key", b""),
        lambda: storage.get_object(bucket, "key"),
        lambda: storage.list_objects(bucket),
        lambda: storage.list_keys(bucket),
        lambda: storage.head_bucket(bucket),
        lambda: storage.delete_object(bucket, "key"),
        lambda: storage.create_bucket(bucket),
    ):
        with pytest.raises(ValueError, match=r"storage\.bucket"):
            call()
    with pytest.raises(ValueError, match="a key is needed"):
        storage.put_object("b", "", b"")
    with pytest.raises(ValueError, match=r"storage\.bucket"):
        Storage.over(MemoryStorage()).put_cloudobject(b"")


def test_a_listing_has_the_shape_of_lithops_3(storage: Storage) -> None:
    storage.put_object("b", "b", b"xx")
    storage.put_object("b", "a", b"")
    objects = storage.list_objects("b")
    assert [(item["Key"], item["Size"]) for item in objects] == [("a", 0), ("b", 2)]
    assert all(isinstance(item["LastModified"], datetime) for item in objects)
    assert storage.list_keys("b") == ["a", "b"]
    assert storage.list_keys("b", "b") == ["b"]


def test_a_listing_is_lazy_until_it_is_treated_as_a_list(storage: Storage, backend: Counting) -> None:
    for number in range(100):
        storage.put_object("b", f"{number:03d}", b"")
    objects = storage.list_objects("b")
    assert bool(objects)
    for item in objects:
        if item["Key"] == "009":
            break
    assert objects[4]["Key"] == "004"
    assert backend.listed == 10
    assert len(objects) == 100
    assert objects[-1]["Key"] == "099"
    assert [item["Key"] for item in objects[97:]] == ["097", "098", "099"]
    assert [item["Key"] for item in objects] == storage.list_keys("b")
    assert sorted(objects, key=lambda item: str(item["Key"]))[0]["Key"] == "000"


@pytest.mark.parametrize(
    ("prefix", "pattern", "found"),
    [
        (None, "*.csv", ["a.csv"]),
        (None, "data/*.csv", ["data/b.csv"]),
        (None, "**/*.csv", ["a.csv", "data/b.csv", "data/x/c.csv"]),
        (None, "data/**", ["data/b.csv", "data/b.txt", "data/x/c.csv"]),
        ("data/x", "**.csv", ["data/x/c.csv"]),
        ("data/", "data/?.txt", ["data/b.txt"]),
        ("other", "data/*", []),
    ],
)
def test_a_pattern_matches_whole_keys(storage: Storage, prefix: str | None, pattern: str, found: list[str]) -> None:
    for key in ("a.csv", "data/b.csv", "data/b.txt", "data/x/c.csv"):
        storage.put_object("b", key, b"")
    assert [item["Key"] for item in storage.list_objects("b", prefix, match_pattern=pattern)] == found


def test_objects_are_deleted_one_or_many_missing_or_not(storage: Storage) -> None:
    for key in "abcd":
        storage.put_object("b", key, b"")
    storage.delete_object("b", "a")
    storage.delete_object("b", "a")
    storage.delete_objects("b", ["b", "missing", "c"])
    assert storage.list_keys("b") == ["d"]
    with pytest.raises(TypeError, match="list of keys"):
        storage.delete_objects("b", "d")


def test_many_are_deleted_by_thousands(backend: Counting) -> None:
    for number in range(2001):
        backend.put("b", str(number), b"")
    faulty = FaultyStorage(backend, [])
    Storage.over(faulty, "b").delete_objects("b", (str(number) for number in range(2001)))
    assert faulty.requests == {"delete": 3}
    assert list(backend.list("b")) == []
    Storage.over(faulty, "b").delete_objects("b", [])
    assert faulty.requests == {"delete": 3}


def test_inside_a_call_it_is_the_store_of_the_job(backend: Counting) -> None:
    backend.put("b", "key", b"x")
    ref = backend.ref("b")._replace(name="memory")
    job = JobMessage("x-0", "M001", Artifact("", Payload(())), store=ref)
    context.begin(CallMessage(job, "00007", Payload(())))
    try:
        storage = Storage()
        assert (storage.bucket, storage.backend, storage.get_client()) == ("b", "memory", backend)
        assert storage.get_object("b", "key") == b"x"
        assert Storage(backend="localhost").backend == "localhost"
    finally:
        context.end()
    assert Storage(config={"lithops": {"backend": "localhost"}}).backend == "localhost"


def test_a_cloud_object_refers_to_what_was_written(storage: Storage) -> None:
    first, second = storage.put_cloudobject(b"first"), storage.put_cloudobject("second", bucket="b", key="mine")
    assert first.key.startswith("lithops.jobs/cloudobjects/")
    assert second == CloudObject("memory", "b", "mine")
    assert storage.cloudobjects == [first, second]
    assert storage.get_cloudobject(first) == b"first"
    with storage.get_cloudobject(second, stream=True) as stream:
        assert stream.read() == b"second"
    storage.delete_cloudobject(first)
    storage.delete_cloudobjects([first, second])
    assert storage.list_keys("b") == []


def test_keys_of_cloud_objects_are_unique_and_below_the_prefix(storage: Storage) -> None:
    storage.cloudobject_prefix = "lithops.jobs/x-0/cloudobjects/"
    keys = {storage.put_cloudobject(b"").key for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith("lithops.jobs/x-0/cloudobjects/") for key in keys)


def test_inside_a_call_cloud_objects_belong_to_its_job(storage: Storage) -> None:
    job = JobMessage("x-0", "M001", Artifact("", Payload(())))
    context.begin(CallMessage(job, "00007", Payload(())))
    try:
        assert storage.put_cloudobject(b"").key.startswith("lithops.jobs/x-0/M001/cloudobjects/00007/")
    finally:
        context.end()


def test_a_cloud_object_of_another_store_is_refused(storage: Storage) -> None:
    with pytest.raises(ValueError, match="backend='other'"):
        storage.get_cloudobject(CloudObject("other", "b", "key"))
    with pytest.raises(TypeError, match="put_cloudobject"):
        storage.get_cloudobject("key")  # type: ignore[call-overload]
    storage.put_object("b", "key", b"x")
    assert storage.get_cloudobject(CloudObject("", "b", "key")) == b"x"


def test_a_cloud_object_is_a_value() -> None:
    one = CloudObject("memory", "b", "key")
    assert {one: 1}[pickle.loads(pickle.dumps(one))] == 1
    assert repr(one) == "CloudObject(backend='memory', bucket='b', key='key')"
    with pytest.raises(AttributeError):
        one.key = "other"  # type: ignore[misc]


def test_a_copy_by_pickle_opens_the_same_store_by_reference(storage: Storage) -> None:
    storage.put_object("b", "key", b"x")
    storage.password = "hunter2"  # type: ignore[attr-defined]
    text = pickle.dumps(storage)
    assert b"hunter2" not in text
    copy = pickle.loads(text)
    assert (copy.bucket, copy.backend) == ("b", "memory")
    assert copy.get_object("b", "key") == b"x"


def test_failures_that_may_pass_are_retried(backend: Counting) -> None:
    faulty = FaultyStorage(backend, [Fault("put", transient, times=1)])
    Storage.over(faulty, "b").put_object("b", "key", b"x")
    assert faulty.requests["put"] == 2


def test_opening_sends_no_request(backend: Counting) -> None:
    faulty = FaultyStorage(backend, [])
    Storage.over(faulty, "b")
    assert faulty.requests == {}


def test_a_worker_loads_nothing_third_party_for_it() -> None:
    program = "import sys; from lithops.storage import Storage; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert {"msgspec", "yaml", "cloudpickle", "pluggy", "email"} & set(done.stdout.split()) == set()


def test_names_that_programs_import_are_the_same_objects() -> None:
    from lithops.storage import utils

    assert utils.CloudObject is CloudObject
    assert utils.StorageNoSuchKeyError is StorageNoSuchKeyError


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "a\0"])
def test_a_name_that_leads_out_of_a_folder_is_no_bucket(name: str) -> None:
    with pytest.raises(ValueError, match="is no bucket's name"):
        Storage.over(MemoryStorage(), "jobs").put_object(name, "key", b"")
