"""Inside a call, storage without arguments is that of the call's job, whatever it was configured by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import lithops
from lithops.storage.cloud_proxy import CloudFileProxy, open, os  # noqa: A004


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lithops.FunctionExecutor]:
    """Configured by a dict that no worker finds."""
    root = tmp_path_factory.mktemp("elsewhere")
    config = {"localhost": {"storage_root": str(root), "storage_bucket": "mine", "worker_processes": 2}}
    with lithops.FunctionExecutor(config=config) as made:
        yield made


def through_storage(number: int) -> tuple[str | None, str, bytes]:
    storage = lithops.Storage()
    storage.put_object(storage.bucket or "", f"in/{number}", str(number))
    return storage.bucket, storage.backend, storage.get_object(storage.bucket or "", f"in/{number}")


def through_files(number: int) -> Any:
    os.makedirs("files", exist_ok=True)
    with open(f"files/{number}", "w") as file:
        file.write(f"line {number}\n")
    with open(f"files/{number}") as file:
        return os.path.isdir("files"), os.path.getsize(f"files/{number}"), file.read()


def test_storage_is_that_of_the_job(executor: lithops.FunctionExecutor) -> None:
    assert executor.map(through_storage, [1, 2]).get_result() == [
        ("mine", "localhost", b"1"),
        ("mine", "localhost", b"2"),
    ]
    assert executor.storage.list_keys("mine", "in/") == ["in/1", "in/2"]


def test_files_are_objects_of_the_job(executor: lithops.FunctionExecutor) -> None:
    assert executor.map(through_files, [1, 2]).get_result() == [(True, 7, "line 1\n"), (True, 7, "line 2\n")]
    outside = CloudFileProxy(executor.storage)
    assert outside.listdir("files") == ["1", "2"]


def test_a_proxy_of_a_storage_travels(executor: lithops.FunctionExecutor) -> None:
    proxy = CloudFileProxy(executor.storage)

    def read(name: str) -> str:
        with proxy.open(name) as file:
            text: str = file.read()
        return text

    with proxy.open("travels", "w") as file:
        file.write("far")
    assert executor.call_async(read, "travels").result() == "far"
