"""Large bodies: how many requests they take, and that a failure cancels the upload."""

from __future__ import annotations

import io
import json
import random
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO, cast

import pytest
from tests.emulators.servers import Server

from lithops.errors import NoSuchBucketError, ObjectExistsError, StorageError, TransientError
from lithops.testing import FaultProxy, HttpFault
from lithops_gcp.config import GcpStorageConfig
from lithops_gcp.storage import GcpStorage

CHUNK_BYTES = 1 << 20
_SIZE = 2 * CHUNK_BYTES + 300_001
_TEXT = random.Random(0).randbytes(2 * _SIZE)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithops_gcp.storage.CHUNK_BYTES", CHUNK_BYTES)


class _Stream(io.RawIOBase):
    """Gives bytes; may tell its length, and may fail."""

    def __init__(self, size: int, *, tells: int | None = None, fails: tuple[int, BaseException] | None = None) -> None:
        self._at, self._size, self._tells, self._fails = 0, size, tells, fails

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._tells is not None

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = io.SEEK_SET, /) -> int:
        if self._tells is None:
            raise OSError("cannot seek")
        if whence == io.SEEK_END:
            return self._tells
        self._at = at
        return at

    def read(self, size: int = -1, /) -> bytes:
        if self._fails and self._at >= self._fails[0]:
            raise self._fails[1]
        data = pattern(self._at, min(size, self._size - self._at))
        self._at += len(data)
        return data


def pattern(at: int, size: int) -> bytes:
    """Give `size` bytes of a text without repetitions, from `at` on."""
    return _TEXT[at : at + size]


def stream(size: int = _SIZE, **how: Any) -> BinaryIO:
    return cast(BinaryIO, _Stream(size, **how))


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy: FaultProxy) -> Iterator[GcpStorage]:
    with closing(GcpStorage(GcpStorageConfig(endpoint=proxy.url))) as store:
        yield store


def methods(proxy: FaultProxy) -> list[str]:
    return [request.method for request in proxy.requests]


def uploads(server: Server) -> list[str]:
    with urllib.request.urlopen(f"{server.url}/lithops-tests/uploads", timeout=30) as answer:
        return list(json.load(answer)["uploads"])


def keep_of_the_next_chunk(server: Server, count: int) -> None:
    body = json.dumps({"bytes": count}).encode()
    with urllib.request.urlopen(f"{server.url}/lithops-tests/keep", body, timeout=30) as answer:
        answer.read()


def whole(store: GcpStorage, bucket: str, key: str) -> bytes:
    with closing(store.get(bucket, key)) as opened:
        return opened.read()


def test_a_body_of_known_length_is_one_stream(proxied: GcpStorage, proxy: FaultProxy, bucket: str) -> None:
    info = proxied.put(bucket, "key", stream(tells=_SIZE))
    assert methods(proxy) == ["POST", "PUT"]
    assert info == proxied.head(bucket, "key")
    assert whole(proxied, bucket, "key") == pattern(0, _SIZE)


def test_a_body_of_unknown_length_goes_in_chunks(proxied: GcpStorage, proxy: FaultProxy, bucket: str) -> None:
    proxied.put(bucket, "key", stream())
    assert methods(proxy) == ["POST", "PUT", "PUT", "PUT"]
    assert whole(proxied, bucket, "key") == pattern(0, _SIZE)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES])
def test_what_fits_into_a_chunk_is_one_request(proxied: GcpStorage, proxy: FaultProxy, bucket: str, size: int) -> None:
    proxied.put(bucket, "key", stream(size))
    proxied.put(bucket, "other", stream(size, tells=size))
    assert methods(proxy) == ["POST", "POST"]
    assert whole(proxied, bucket, "key") == whole(proxied, bucket, "other") == pattern(0, size)


def test_a_body_of_exactly_two_chunks_is_whole(proxied: GcpStorage, proxy: FaultProxy, bucket: str) -> None:
    proxied.put(bucket, "key", stream(2 * CHUNK_BYTES))
    assert methods(proxy) == ["POST", "PUT", "PUT"]
    assert proxied.head(bucket, "key").size_bytes == 2 * CHUNK_BYTES


@pytest.mark.parametrize("kept", [256 * 1024, CHUNK_BYTES - 256 * 1024])
def test_what_was_not_kept_of_a_chunk_is_sent_again(server: Server, store: GcpStorage, bucket: str, kept: int) -> None:
    keep_of_the_next_chunk(server, kept)
    store.put(bucket, "key", stream())
    assert whole(store, bucket, "key") == pattern(0, _SIZE)


def test_a_chunk_of_which_nothing_is_kept_is_a_failure(server: Server, store: GcpStorage, bucket: str) -> None:
    keep_of_the_next_chunk(server, 0)
    with pytest.raises(TransientError, match="kept nothing"):
        store.put(bucket, "key", stream())
    assert (list(store.list(bucket)), uploads(server)) == ([], [])


@pytest.mark.parametrize("tells", [None, _SIZE])
@pytest.mark.parametrize(
    "error", [ValueError("mine"), OSError("mine"), BrokenPipeError("mine"), TimeoutError("mine")], ids=repr
)
def test_a_stream_s_own_exception_comes_through_and_cancels(
    server: Server, store: GcpStorage, bucket: str, tells: int | None, error: BaseException
) -> None:
    with pytest.raises(type(error)) as caught:
        store.put(bucket, "key", stream(tells=tells, fails=(CHUNK_BYTES + 600_000, error)))
    assert caught.value is error
    assert (list(store.list(bucket)), uploads(server)) == ([], [])


def test_a_file_that_shrinks_is_not_written(server: Server, store: GcpStorage, bucket: str) -> None:
    with pytest.raises(StorageError, match="too early"):
        store.put(bucket, "key", stream(_SIZE - 5, tells=_SIZE))
    assert (list(store.list(bucket)), uploads(server)) == ([], [])


def test_a_file_that_grows_is_written_as_long_as_it_was(store: GcpStorage, bucket: str) -> None:
    store.put(bucket, "key", stream(_SIZE + 1_000_000, tells=_SIZE))
    assert whole(store, bucket, "key") == pattern(0, _SIZE)


@pytest.mark.parametrize("tells", [None, _SIZE])
def test_a_connection_that_breaks_cancels(
    server: Server, proxied: GcpStorage, proxy: FaultProxy, bucket: str, tells: int | None
) -> None:
    proxy.plan(HttpFault(resets=True, method="PUT"))
    with pytest.raises(TransientError):
        proxied.put(bucket, "key", stream(tells=tells))
    assert methods(proxy)[-1] == "DELETE"
    assert (list(proxied.list(bucket)), uploads(server)) == ([], [])


@pytest.mark.parametrize("tells", [None, _SIZE])
def test_the_condition_is_checked_again_at_the_end(
    server: Server, store: GcpStorage, bucket: str, tells: int | None
) -> None:
    class Racing(_Stream):
        def read(self, size: int = -1, /) -> bytes:
            if self._at > CHUNK_BYTES:
                store.put(bucket, "key", b"the winner")
            return super().read(size)

    with pytest.raises(ObjectExistsError):
        store.put(bucket, "key", cast(BinaryIO, Racing(_SIZE, tells=tells)), if_absent=True)
    assert whole(store, bucket, "key") == b"the winner"
    assert uploads(server) == []


def test_a_missing_bucket_is_told_before_the_body_is_sent(store: GcpStorage) -> None:
    with pytest.raises(NoSuchBucketError):
        store.put("lithops-gcp-missing", "key", stream(tells=_SIZE))
