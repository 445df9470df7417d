"""Workers of this machine open a cloud's store whose keys stand in the configuration, and nothing shows the keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.emulators.servers import HERE, running

import lithops
from lithops import FunctionExecutor

SECRET = "hunter2-is-the-secret"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running([sys.executable, "-P", str(HERE / "moto_server.py"), "{port}"]) as one:
        yield one.url


@pytest.fixture
def config(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # no keys but those of the configuration
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    keys = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET}
    return {
        "lithops": {"backend": "localhost", "storage": "aws_s3"},
        "aws_s3": {"storage_bucket": f"jobs-{os.urandom(4).hex()}", "region": "us-east-1", "endpoint": server, **keys},
    }


def test_a_call_reads_and_writes_the_store(config: dict[str, Any]) -> None:
    def shout(key: str, storage: lithops.Storage) -> str:
        assert storage.bucket is not None
        storage.put_object(storage.bucket, "loud/" + key, storage.get_object(storage.bucket, key).upper())
        return key

    with FunctionExecutor(config=config) as fexec:
        bucket = fexec.storage.bucket
        assert bucket is not None
        fexec.storage.put_object(bucket, "a.txt", b"quiet")
        assert fexec.call_async(shout, "a.txt").result(timeout=30) == "a.txt"
        assert fexec.storage.get_object(bucket, "loud/a.txt") == b"QUIET"


def test_big_inputs_and_results_go_through_the_store(config: dict[str, Any]) -> None:
    big = os.urandom(5 * 1024 * 1024)
    with FunctionExecutor(config=config) as fexec:
        assert fexec.map(lambda data: data[::-1], [big]).get_result(timeout=40) == [big[::-1]]


def test_parts_of_an_object_are_read_by_the_workers(config: dict[str, Any]) -> None:
    def count(obj: Any) -> int:
        return sum(1 for _ in obj.data_stream)

    with FunctionExecutor(config=config) as fexec:
        bucket = fexec.storage.bucket
        assert bucket is not None
        fexec.storage.put_object(bucket, "data/lines.txt", b"one line\n" * 10_000)
        futures = fexec.map(count, f"{bucket}/data/", obj_chunk_size=20_000)
        assert sum(futures.get_result(timeout=40)) == 10_000
        assert len(futures) == 5


def test_a_worker_shows_the_secret_nowhere(config: dict[str, Any]) -> None:
    def look(secret: str) -> list[str]:
        with open("/proc/self/cmdline", "rb") as file:
            places = {"command line": file.read(), "environment": repr(dict(os.environ)).encode()}
        return [place for place, text in places.items() if secret[:6].encode() + secret[6:].encode() in text]

    with FunctionExecutor(config=config) as fexec:
        assert fexec.call_async(look, SECRET).result(timeout=30) == []
        assert SECRET not in repr(fexec.config)
