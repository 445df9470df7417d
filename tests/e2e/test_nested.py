"""Executors inside calls, and futures that travel to other processes."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import lithops
from lithops.errors import LithopsError
from lithops.future import ResponseFuture

RunClient = Callable[..., CompletedProcess[str]]


def increment(x: int) -> int:
    return x + 1


def test_a_call_can_map(executor: lithops.FunctionExecutor) -> None:
    def outer(count: int) -> list[int]:
        with lithops.FunctionExecutor(worker_processes=1) as inner:
            results: list[int] = inner.map(increment, range(count)).get_result(timeout=20)
            return results

    assert executor.map(outer, [1, 2, 3]).get_result(timeout=30) == [[1], [1, 2], [1, 2, 3]]


def test_a_call_of_a_call_can_call(executor: lithops.FunctionExecutor) -> None:
    def deep(levels: int) -> int:
        if levels == 0:
            return 0
        with lithops.FunctionExecutor(worker_processes=1) as inner:
            below: int = inner.call_async(deep, levels - 1).result(timeout=30)
            return below + 1

    assert executor.call_async(deep, 3).result(timeout=40) == 3


def test_a_nested_failure_comes_through(executor: lithops.FunctionExecutor) -> None:
    def outer() -> Any:
        with lithops.FunctionExecutor(worker_processes=1) as inner:
            return inner.call_async(lambda: [][1], ()).result(timeout=20)

    with pytest.raises(IndexError) as caught:
        executor.call_async(outer, ()).result(timeout=30)
    assert "outer" in str(caught.value.__cause__)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are seen in /proc")
def test_a_nested_executor_ends_with_its_call() -> None:
    def outer() -> int:
        inner = lithops.FunctionExecutor(worker_processes=1)
        pid: int = inner.call_async(os.getpid, ()).result(timeout=20)
        inner.call_async(time.sleep, 60)
        return pid

    with lithops.FunctionExecutor(worker_processes=1) as own:
        pid = own.call_async(outer, ()).result(timeout=30)
    state = Path(f"/proc/{pid}/stat")
    limit = time.monotonic() + 10
    while state.exists() and time.monotonic() < limit:
        time.sleep(0.01)
    assert not state.exists()


def test_nested_output_is_seen(fresh: lithops.FunctionExecutor, capfd: pytest.CaptureFixture[str]) -> None:
    def outer() -> None:
        with lithops.FunctionExecutor(worker_processes=1) as inner:
            inner.call_async(print, "from deep inside").result(timeout=20)

    fresh.call_async(outer, ()).result(timeout=30)
    fresh.close()
    assert "from deep inside" in capfd.readouterr().out


def test_futures_returned_by_a_map_of_a_call_can_be_passed_on(executor: lithops.FunctionExecutor) -> None:
    def outer(x: int) -> Any:
        return lithops.FunctionExecutor(worker_processes=1).call_async(increment, x)

    futures = executor.map(outer, [1, 2])
    assert executor.get_result(futures, timeout=30) == [2, 3]
    assert executor.map(increment, futures).get_result(timeout=30) == [3, 4]


def test_a_future_in_a_structure_that_is_returned_can_be_read(executor: lithops.FunctionExecutor) -> None:
    def outer() -> dict[str, Any]:
        return {"future": lithops.FunctionExecutor(worker_processes=1).call_async(increment, 5)}

    found = executor.call_async(outer, ()).result(timeout=30)["future"]
    assert isinstance(found, ResponseFuture)
    assert found.result(timeout=20) == 6


def test_the_storage_of_a_call_is_the_executors(tmp_path: Path) -> None:
    def writes(storage: Any) -> str:
        storage.put_object(storage.bucket, "from-a-call", "text")
        return str(storage.get_object(storage.bucket, "from-a-call").decode())

    config = {"localhost": {"storage_root": str(tmp_path / "root"), "worker_processes": 1}}
    with lithops.FunctionExecutor(config=config) as made:
        assert made.call_async(writes, ()).result(timeout=20) == "text"
        assert made.storage.get_object(made.storage.bucket or "", "from-a-call") == b"text"
    assert list((tmp_path / "root").rglob("from-a-call*"))


READS = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    futures = pickle.load(file)
for future in futures:
    try:
        result = future.result(timeout=20)
        print(future.call_id, len(result) if isinstance(result, bytes) else result, flush=True)
    except ValueError as exc:
        print(future.call_id, type(exc).__name__, exc, flush=True)
"""


def work(x: Any) -> Any:
    if x == "fails":
        raise ValueError("it failed")
    if x == "big":
        return b"x" * 8_000_000
    return x


def test_futures_that_have_ended_are_read_in_another_process(
    executor: lithops.FunctionExecutor, run_client: RunClient, tmp_path: Path
) -> None:
    futures = executor.map(work, [1, "fails", "big"])
    executor.wait(futures, throw_except=False)
    (tmp_path / "futures").write_bytes(pickle.dumps(futures))
    done = run_client(READS, argv=[str(tmp_path / "futures")])
    assert done.stdout.splitlines() == ["00000 1", "00001 ValueError it failed", "00002 8000000"]


def test_futures_that_still_run_are_followed_from_another_process(
    executor: lithops.FunctionExecutor, start_client: Callable[..., Any], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    def waits(x: Any) -> Any:
        limit = time.monotonic() + 30
        while not gate.exists() and time.monotonic() < limit:
            time.sleep(0.005)
        return work(x)

    futures = executor.map(waits, [1, "fails", "big"])
    (tmp_path / "futures").write_bytes(pickle.dumps(futures))
    client = start_client(READS, argv=[str(tmp_path / "futures")])
    gate.touch()
    assert client.finish().stdout.splitlines() == ["00000 1", "00001 ValueError it failed", "00002 8000000"]
    assert len(futures[2].result(timeout=20)) == 8_000_000


def test_a_pickled_future_is_small_and_has_no_secret() -> None:
    secret = "another-pla" + "nted-secret"
    config = {"aws": {"secret_access_key": secret}}
    with lithops.FunctionExecutor(config=config, worker_processes=1) as made:
        data = pickle.dumps(made.call_async(bytes, 8_000_000))
        assert len(data) < 20_000
        assert secret.encode() not in data
        again = pickle.loads(data)
        assert again.result(timeout=20) == bytes(8_000_000)
        assert again.function_name == "bytes"


def test_a_future_of_a_client_that_is_gone_is_an_error_or_a_time_out(run_client: RunClient, tmp_path: Path) -> None:
    path = tmp_path / "future"
    done = run_client(
        "import lithops, pickle, sys, time\n"
        "fexec = lithops.FunctionExecutor(worker_processes=1)\n"
        f"open({str(path)!r}, 'wb').write(pickle.dumps(fexec.call_async(time.sleep, 60)))\n"
    )
    assert done.returncode == 0
    future = pickle.loads(path.read_bytes())
    with pytest.raises((TimeoutError, LithopsError)):
        future.result(timeout=0.3)
