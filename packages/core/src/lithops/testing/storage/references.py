"""The storage kit: buckets, references that workers open, local files, and the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module

import pytest

from lithops.errors import NotSupportedError
from lithops.spi.storage import StorageBackend, StorageFeature
from lithops.testing.storage.fixtures import StorageFixtures, content, read
from lithops.types import StorageRef
from lithops.worker import credentials

__all__ = ["ReferenceTests"]

_WORKER = """
import json, sys
from importlib import import_module
from lithops.types import StorageRef
from lithops.worker.credentials import take_from
asked = json.load(sys.stdin)
take_from(asked["keys"])
module, _, name = asked["factory"].partition(":")
store = getattr(import_module(module), name).from_ref(StorageRef(asked["factory"], asked["bucket"], asked["options"]))
stream = store.get(asked["bucket"], "asked")
data = b"".join(iter(lambda: stream.read(65536), b""))
stream.close()
store.put(asked["bucket"], "answer", data[::-1])
store.close()
"""
_WAIT_S = 60.0


class ReferenceTests(StorageFixtures):
    """A store as a whole."""

    def test_a_bucket_can_be_created_twice(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "key", b"x")
        backend.create_bucket(bucket)
        assert backend.has_bucket(bucket)
        assert read(backend, bucket, "key") == b"x"

    def test_the_default_bucket_is_a_name_or_none(self, backend: StorageBackend) -> None:
        name = backend.default_bucket()
        assert name is None or name

    def test_a_reference_is_json_without_secrets(self, backend: StorageBackend, bucket: str) -> None:
        ref = backend.ref(bucket)
        text = json.dumps([ref.factory, ref.bucket, dict(ref.options)])
        assert json.loads(text) == [ref.factory, bucket, dict(ref.options)]
        assert [secret for secret in self.secrets if secret in text] == []

    @pytest.fixture
    def keys(self, backend: StorageBackend, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
        """The file from which a worker of this machine takes the configured keys of the store; this process does too."""
        file = credentials.anonymous_file()
        monkeypatch.setattr(credentials, "_entrusted", {})
        monkeypatch.setattr(credentials, "_source", file)
        credentials.entrust(file, backend.ref(bucket), backend.credentials())
        yield file
        os.close(file)

    def test_a_reference_opens_the_same_store(self, backend: StorageBackend, bucket: str, keys: int) -> None:
        backend.put(bucket, "key", b"x")
        ref = backend.ref(bucket)
        module, _, name = ref.factory.partition(":")
        factory = getattr(import_module(module), name)
        opened = factory.from_ref(StorageRef(ref.factory, ref.bucket, json.loads(json.dumps(dict(ref.options)))))
        assert isinstance(opened, StorageBackend)
        with closing(opened):
            assert read(opened, bucket, "key") == b"x"
            assert opened.ref(bucket) == ref

    def test_a_reference_opens_the_store_in_another_process(
        self, backend: StorageBackend, bucket: str, keys: int
    ) -> None:
        if not self.is_shared:
            pytest.skip(f"{type(backend).__name__} lives in one process: is_shared is False")
        ref = backend.ref(bucket)
        backend.put(bucket, "asked", content(100_000))
        asked = json.dumps({"factory": ref.factory, "bucket": ref.bucket, "options": dict(ref.options), "keys": keys})
        done = subprocess.run(
            [sys.executable, "-c", _WORKER],
            input=asked,
            capture_output=True,
            text=True,
            timeout=_WAIT_S,
            pass_fds=[keys],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert read(backend, bucket, "answer") == content(100_000)[::-1]

    def test_local_files_are_had_or_refused(self, backend: StorageBackend, bucket: str) -> None:
        backend.put(bucket, "folder/key", b"x")
        if StorageFeature.LOCAL_PATHS not in backend.features:
            with pytest.raises(NotSupportedError):
                backend.local_path(bucket, "folder/key")
            return
        with open(backend.local_path(bucket, "folder/key"), "rb") as file:
            assert file.read() == b"x"

    def test_the_client_is_something(self, backend: StorageBackend) -> None:
        assert backend.client() is not None

    def test_a_stranger_s_exception_is_not_translated(self, backend: StorageBackend) -> None:
        assert backend.translate(ZeroDivisionError("not of a store")) is None

    def test_close_may_be_called_again(self, backend: StorageBackend, missing_bucket: str) -> None:
        assert not backend.has_bucket(missing_bucket)
        backend.close()
        backend.close()
