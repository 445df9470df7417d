"""The store in Google Cloud Storage passes both storage kits; a server of others gives a second opinion."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.emulators.servers import HERE, Server, is_in_ci, running
from tests.gcp.accounts import key_file, private_key

from lithops.spi.storage import StorageBackend
from lithops.testing import Answer, HttpStorageContract, StorageContract
from lithops_gcp.config import GcpStorageConfig
from lithops_gcp.storage import GcpStorage

_TOKEN = "ya29.the-token-of-tests"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running([sys.executable, "-P", str(HERE / "gcs_server.py"), "{port}", "--token", _TOKEN]) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


def takes(key: str) -> bool:
    return key not in (".", "..") and "\n" not in key


def failure(status: int, reason: str, message: str) -> Answer:
    error = {"code": status, "message": message, "errors": [{"message": message, "domain": "global", "reason": reason}]}
    return Answer(status, json.dumps({"error": error}).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def fill(endpoint: str, bucket: str, keys: Sequence[str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=30)
    connection.request("POST", "/lithops-tests/fill", json.dumps({"bucket": bucket, "keys": list(keys)}))
    assert connection.getresponse().status == 200
    connection.close()


class TestGcp(StorageContract):
    secrets = (_TOKEN, private_key().splitlines()[1])

    @pytest.fixture
    def backend(self, server: Server, folder: Path) -> Iterator[StorageBackend]:
        path = key_file(folder, server.url)
        store = GcpStorage(GcpStorageConfig(endpoint=server.url, credentials_path=path, region="europe-west1"))
        yield store
        store.close()

    def takes(self, key: str) -> bool:
        return takes(key)

    def fill(self, backend: StorageBackend, bucket: str, keys: Sequence[str]) -> None:
        fill(str(backend.ref(bucket).options["endpoint"]), bucket, keys)


class TestGcpByHttp(HttpStorageContract):
    secrets = (_TOKEN, "wrong-token", private_key().splitlines()[1])
    throttled = failure(429, "rateLimitExceeded", "The object exceeded the rate limit for object mutation operations.")
    denied = failure(403, "forbidden", "tests@lithops does not have storage.objects.get access to the object.")
    failed = failure(500, "backendError", "Backend Error")
    skewed = None  # a clock that is wrong shows when a token is asked for: see tests/gcp/test_credentials.py
    server_url = ""
    folder = Path()

    @pytest.fixture
    def upstream(self, server: Server, folder: Path) -> str:
        type(self).server_url, type(self).folder = server.url, folder
        return server.url

    def connect(self, endpoint: str) -> StorageBackend:
        return self._opened(endpoint, "tests")

    def connect_wrong(self, endpoint: str) -> StorageBackend:
        return self._opened(endpoint, "wrong")

    def fill(self, backend: StorageBackend, bucket: str, keys: Sequence[str]) -> None:
        fill(self.server_url, bucket, keys)

    def _opened(self, endpoint: str, account: str) -> StorageBackend:
        path = key_file(self.folder, self.server_url, account)
        return GcpStorage(GcpStorageConfig(endpoint=endpoint, credentials_path=path))


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    command = shutil.which("gcp-storage-emulator", path=str(Path(sys.executable).parent))
    if command is None:
        if is_in_ci():
            pytest.fail("gcp-storage-emulator is not installed")
        pytest.skip("gcp-storage-emulator is not installed")
    with running([command, "start", "--host=127.0.0.1", "--port={port}", "--in-memory"]) as server:
        yield server


_NO_CONDITIONS = "it ignores ifGenerationMatch, and overwrites"
_NO_EMPTY = "it breaks off when an empty body is uploaded as media"
_NO_SUCH_KEYS = "its keys are paths: it breaks off at '..' and '//'"
_LEFT_OUT = {
    "test_a_conditional_put_leaves_what_exists": _NO_CONDITIONS,
    "test_an_empty_object_counts_for_a_conditional_put": _NO_EMPTY,
    "test_one_of_many_conditional_writers_wins": _NO_CONDITIONS,
    "test_a_key_leads_to_no_other_place": _NO_SUCH_KEYS,
    "test_hostile_keys_are_names_like_any_other": _NO_SUCH_KEYS,
    "test_hostile_prefixes_and_marks_select_by_bytes": _NO_SUCH_KEYS,
    "test_a_listing_is_an_iterator": _NO_EMPTY,
    "test_a_mark_outside_of_the_prefix_is_a_mark": _NO_EMPTY,
    "test_a_part_of_a_key_is_another_key": _NO_EMPTY,
    "test_a_prefix_is_no_folder": _NO_EMPTY,
    "test_a_span_of_an_empty_object_is_empty": _NO_EMPTY,
    "test_an_empty_object_is_an_object": _NO_EMPTY,
    "test_buffers_are_written_back_to_back": _NO_EMPTY,
    "test_deleting_what_is_missing_is_no_error": _NO_EMPTY,
    "test_many_keys_are_listed_in_order_and_above_marks": "it takes 24 s to delete 510 objects, and has no pages",
    "test_many_objects_are_deleted_at_once": _NO_EMPTY,
    "test_a_missing_bucket_is_said_to_be_missing": "it answers 200 for each call of a batch on a missing bucket",
    "test_a_stream_has_the_etag_of_its_object": "its answers about media have no X-Goog-Generation",
}


class TestGcpByAnotherEmulator(StorageContract):
    """A server that is single-threaded and slow: sizes are small."""

    big_bytes = 17 * 1024 * 1024 + 1
    multipart_bytes = 0
    many_keys = 0
    very_many_keys = 0
    threads = 2
    writers = 2
    rounds = 2

    @pytest.fixture(autouse=True)
    def _leave_out(self, request: pytest.FixtureRequest) -> None:
        if reason := _LEFT_OUT.get(request.node.originalname):
            pytest.skip(reason)

    @pytest.fixture
    def backend(self, emulator: Server) -> Iterator[StorageBackend]:
        store = GcpStorage(GcpStorageConfig(endpoint=emulator.url, project_name="lithops-tests"))
        yield store
        store.close()

    def takes(self, key: str) -> bool:
        return takes(key)

    def fill(self, backend: StorageBackend, bucket: str, keys: Sequence[str]) -> None:
        for key in keys:  # its queue of connections holds five
            backend.put(bucket, key, key.encode())


def test_what_is_left_out_has_a_name_of_the_kit() -> None:
    assert [name for name in _LEFT_OUT if not hasattr(StorageContract, name)] == []
