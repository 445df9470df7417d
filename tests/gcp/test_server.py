"""The server that stands in for Cloud Storage does what the API does: Google's own client is the judge."""

from __future__ import annotations

import io
import json
import urllib.request
from typing import Any

import pytest
from google.api_core import exceptions
from tests.emulators.servers import Server

from lithops_gcp.storage import GcpStorage

_MIB = 1 << 20
_CONTENT = bytes(range(256)) * 5000  # 1,280,000 bytes


def test_uploads_of_each_kind_are_read_with_their_checksums(google_bucket: Any) -> None:
    by_multipart = google_bucket.blob("multipart")
    by_multipart.metadata = {"colour": "red"}
    by_multipart.upload_from_string(_CONTENT, content_type="text/plain", checksum="md5")
    in_chunks = google_bucket.blob("resumable", chunk_size=256 * 1024)
    in_chunks.upload_from_file(io.BytesIO(_CONTENT), checksum="crc32c")
    of_unknown_length = google_bucket.blob("unknown", chunk_size=512 * 1024)
    with of_unknown_length.open("wb", ignore_flush=True) as file:
        file.write(_CONTENT)
    for name in ("multipart", "resumable", "unknown"):
        for checksum in ("md5", "crc32c"):
            assert google_bucket.blob(name).download_as_bytes(checksum=checksum) == _CONTENT
    found = google_bucket.get_blob("multipart")
    assert (found.size, found.content_type, found.metadata) == (len(_CONTENT), "text/plain", {"colour": "red"})
    assert found.md5_hash == google_bucket.get_blob("unknown").md5_hash
    assert found.time_created.utcoffset() is not None


def test_a_wrong_checksum_is_refused(google_bucket: Any) -> None:
    blob = google_bucket.blob("key")
    blob.md5_hash = "AAAAAAAAAAAAAAAAAAAAAA=="
    with pytest.raises(exceptions.BadRequest):
        blob.upload_from_string(b"x", checksum=None)


def test_a_range_is_read_or_not_satisfiable(google_bucket: Any) -> None:
    blob = google_bucket.blob("key")
    blob.upload_from_string(b"0123456789")
    assert blob.download_as_bytes(start=2, end=4) == b"234"
    assert blob.download_as_bytes(start=7) == b"789"
    assert blob.download_as_bytes(start=8, end=100) == b"89"
    assert blob.download_as_bytes(start=-3) == b"789"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=10, end=12)


def test_preconditions_hold_or_fail(google_bucket: Any) -> None:
    blob = google_bucket.blob("key")
    blob.upload_from_string(b"first", if_generation_match=0)
    first = blob.generation
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"second", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        google_bucket.blob("key", chunk_size=_MIB).upload_from_file(io.BytesIO(_CONTENT), if_generation_match=0)
    blob.upload_from_string(b"second", if_generation_match=first)
    with pytest.raises(exceptions.PreconditionFailed):
        google_bucket.blob("key").delete(if_generation_match=first)
    with pytest.raises(exceptions.PreconditionFailed):
        google_bucket.blob("key").download_as_bytes(if_metageneration_match=7)
    with pytest.raises(exceptions.NotModified):
        google_bucket.blob("key").reload(if_generation_not_match=blob.generation)
    assert google_bucket.blob("key").download_as_bytes() == b"second"


def test_fields_are_patched(google_bucket: Any) -> None:
    blob = google_bucket.blob("key")
    blob.upload_from_string(b"x")
    etag, generation = blob.etag, blob.generation
    blob.metadata = {"a": "1"}
    blob.content_type = "text/html"
    blob.patch()
    assert (blob.metageneration, blob.generation) == (2, generation)
    assert blob.etag != etag
    assert google_bucket.get_blob("key").content_type == "text/html"


def test_objects_are_composed_copied_and_rewritten(google_bucket: Any) -> None:
    parts = [google_bucket.blob(f"part/{number}") for number in range(33)]
    for number, part in enumerate(parts):
        part.upload_from_string(b"%02d" % number)
    whole = google_bucket.blob("whole")
    whole.compose(parts[:32], if_generation_match=0)
    assert whole.download_as_bytes(checksum="crc32c") == b"".join(b"%02d" % number for number in range(32))
    assert (whole.component_count, whole.md5_hash) == (32, None)
    with pytest.raises(exceptions.BadRequest):
        whole.compose(parts)
    copied = google_bucket.copy_blob(parts[3], google_bucket, "copy/../é")
    assert copied.download_as_bytes() == b"03"
    assert google_bucket.blob("again").rewrite(parts[4])[1:] == (2, 2)
    with pytest.raises(exceptions.NotFound):
        google_bucket.copy_blob(google_bucket.blob("missing"), google_bucket, "copy")


def test_listings_have_pages_prefixes_and_ends(server: Server, google_bucket: Any) -> None:
    keys = [f"a/{number:04d}" for number in range(1500)]
    aside(server, "fill", {"bucket": google_bucket.name, "keys": [*keys, "b/x/y", "b/z", "b//", "c"]})
    client = google_bucket.client
    pages = [[blob.name for blob in page] for page in client.list_blobs(google_bucket, prefix="a/").pages]
    assert [len(page) for page in pages] == [1000, 500]
    assert [*pages[0], *pages[1]] == keys
    small = [len(list(page)) for page in client.list_blobs(google_bucket, prefix="a/00", page_size=40).pages]
    assert small == [40, 40, 20]
    some = client.list_blobs(google_bucket, start_offset="a/0003", end_offset="a/0006")
    assert [blob.name for blob in some] == keys[3:6]
    below = client.list_blobs(google_bucket, delimiter="/")
    assert [blob.name for blob in below] == ["c"]
    assert sorted(below.prefixes) == ["a/", "b/"]
    below = client.list_blobs(google_bucket, prefix="b/", delimiter="/", page_size=1)
    assert [blob.name for blob in below] == ["b/z"]
    assert sorted(below.prefixes) == ["b//", "b/x/"]


def test_a_batch_answers_each_call(google_bucket: Any) -> None:
    blobs = [google_bucket.blob(f"key/{number}") for number in range(3)]
    for blob in blobs:
        blob.upload_from_string(b"x")
    batch = google_bucket.client.batch()
    with pytest.raises(exceptions.NotFound), batch:  # noqa: PT012 - it raises when it is left
        for blob in [*blobs, google_bucket.blob("missing")]:
            blob.delete()
    assert list(google_bucket.list_blobs()) == []


def test_names_are_decoded_once(google_bucket: Any) -> None:
    names = ["a%2Fb", "a/b", "a//b", "a/../b", "%", "+ +", "a?b#c", "\u6587\u5b57", "~", "a%252Fb"]
    for name in names:
        google_bucket.blob(name).upload_from_string(name)
    assert sorted(blob.name for blob in google_bucket.list_blobs()) == sorted(names)
    for name in names:
        assert google_bucket.blob(name).download_as_bytes() == name.encode()
    for name in (".", "..", "a\nb", "a\rb", ".well-known/acme-challenge/x", "x" * 1025):
        with pytest.raises(exceptions.BadRequest):
            google_bucket.blob(name).upload_from_string(b"x")


def test_buckets_are_made_found_and_deleted(store: GcpStorage) -> None:
    client = store.client()
    client.create_bucket("lithops-gcp-made", location="europe-west1")
    assert client.get_bucket("lithops-gcp-made").location == "EUROPE-WEST1"
    assert "lithops-gcp-made" in [bucket.name for bucket in client.list_buckets()]
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("lithops-gcp-made")
    client.bucket("lithops-gcp-made").blob("key").upload_from_string(b"x")
    with pytest.raises(exceptions.Conflict):
        client.bucket("lithops-gcp-made").delete()
    client.bucket("lithops-gcp-made").delete(force=True)
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        client.get_bucket("lithops-gcp-made")
    with pytest.raises(exceptions.NotFound, match="No such object: "):
        client.create_bucket("lithops-gcp-made").blob("x").reload()


def aside(server: Server, verb: str, asked: dict[str, Any]) -> None:
    body = json.dumps(asked).encode()
    with urllib.request.urlopen(f"{server.url}/lithops-tests/{verb}", body, timeout=30) as answer:
        answer.read()
