"""Statuses come to an executor by a broker, whether it works, fails in the middle, or is not there at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.compute.test_accepting import AcceptingCompute
from tests.emulators.redis_server_process import RunningRedis, running_redis
from tests.emulators.servers import free_port

import lithops
from lithops.engine import track
from lithops.errors import UnknownBackendError
from lithops.plugins import registry
from lithops.spi.hooks import BackendInfo, hookimpl
from lithops_localhost.storage import LocalhostStorage

LONG_INTERVAL_S = 1000.0
"""So seldom is the store listed: what comes in a test's time comes by the broker."""


class AcceptingPlugin:
    """A platform whose workers write their statuses, and reply to nobody."""

    @hookimpl
    def lithops_compute_backends(self) -> list[BackendInfo]:
        return [
            BackendInfo(
                "accepting",
                f"{AcceptingCompute.__module__}:AcceptingCompute",
                "lithops_localhost.config:LocalhostConfig",
                default_storage="localhost",
            )
        ]


@pytest.fixture(scope="module", autouse=True)
def _plugin() -> None:
    known = {one.name for one in registry().backends("compute")}
    if "accepting" not in known:
        registry().register(AcceptingPlugin(), "accepting-platform")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningRedis]:
    with running_redis() as found:
        yield found


@pytest.fixture
def config(server: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    monkeypatch.setenv("HOME", str(tmp_path))
    return {
        "lithops": {"backend": "accepting", "monitoring": "redis", "monitoring_interval": LONG_INTERVAL_S},
        "accepting": {"worker_processes": 2, "storage_root": str(tmp_path / "store")},
        "localhost": {"storage_root": str(tmp_path / "store")},
        "redis": {"port": server.port, "password": server.password},
    }


def double(x: int) -> int:
    return 2 * x


def fails(x: int) -> int:
    raise ValueError(f"no {x}")


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prefixes that were listed in the store, while the test runs."""
    prefixes: list[str] = []
    real = LocalhostStorage.list

    def noting(self: LocalhostStorage, bucket: str, prefix: str = "", **rest: Any) -> Any:
        prefixes.append(prefix)
        return real(self, bucket, prefix, **rest)

    monkeypatch.setattr(LocalhostStorage, "list", noting)
    return prefixes


def test_results_and_exceptions_come_by_the_broker(config: Mapping[str, Any], listed: list[str]) -> None:
    with lithops.FunctionExecutor(config=config) as executor:
        futures = executor.map(double, range(300))
        assert executor.get_result(futures) == [2 * x for x in range(300)]
        with pytest.raises(ValueError, match="no 7"):
            executor.get_result(executor.map(fails, [7]))
        before = len(listed)
        assert executor.get_result(executor.map(double, range(20))) == [2 * x for x in range(20)]
        assert len(listed) == before, "the store was listed though the broker works"


def test_a_worker_that_dies_ends_its_call_all_the_same(config: Mapping[str, Any]) -> None:
    import os
    import signal

    with lithops.FunctionExecutor(config=config) as executor:
        assert executor.call_async(double, 4).result(timeout=30) == 8
        future = executor.call_async(lambda: os.kill(os.getpid(), signal.SIGKILL), ())
        with pytest.raises(lithops.errors.WorkerLostError):
            future.result(timeout=40)


def test_without_a_server_the_store_is_listed(
    config: dict[str, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    config["redis"] = {"port": free_port(), "password": "never-shown"}
    config["lithops"]["monitoring_interval"] = 0.2
    with caplog.at_level(logging.WARNING), lithops.FunctionExecutor(config=config) as executor:
        assert executor.get_result(executor.map(double, range(50)), timeout=40) == [2 * x for x in range(50)]
    assert "the store is listed instead" in caplog.text
    assert "section 'redis'" in caplog.text
    assert "never-shown" not in caplog.text


def test_what_the_broker_lost_is_found_in_the_store(
    config: dict[str, dict[str, Any]], server: RunningRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redis

    monkeypatch.setattr(track, "HEARD_LONGEST_S", 0.5)
    config["lithops"]["monitoring_interval"] = 0.2
    stop = threading.Event()

    def thief() -> None:
        client = redis.Redis(port=server.port, password=server.password)
        while not stop.wait(0.001):
            for key in client.keys("lithops-status:*"):
                client.delete(key)
        client.close()

    thread = threading.Thread(target=thief)
    thread.start()
    try:
        with lithops.FunctionExecutor(config=config) as executor:
            assert executor.get_result(executor.map(double, range(200)), timeout=40) == [2 * x for x in range(200)]
    finally:
        stop.set()
        thread.join()


def test_rubbish_on_the_channel_is_ignored(
    config: Mapping[str, Any], server: RunningRedis, caplog: pytest.LogCaptureFixture
) -> None:
    import redis

    with lithops.FunctionExecutor(config=config) as executor, caplog.at_level(logging.WARNING):
        futures = executor.map(slowly, range(4))
        client = redis.Redis(port=server.port, password=server.password)
        for rubbish in (b"", b"\0" * 100, b"LTH\x01rubbish", b"{}"):
            client.rpush(f"lithops-status:{executor.executor_id}", rubbish)
        client.close()
        assert executor.get_result(futures, timeout=40) == [0, 2, 4, 6]
    assert "malformed and ignored" in caplog.text


def slowly(x: int) -> int:
    time.sleep(0.3)
    return 2 * x


def test_nothing_is_left_behind(config: Mapping[str, Any], server: RunningRedis) -> None:
    import redis

    with lithops.FunctionExecutor(config=config) as executor:
        assert executor.call_async(double, 4).result(timeout=30) == 8
        name = executor.executor_id
    client = redis.Redis(port=server.port, password=server.password)
    assert client.exists(f"lithops-status:{name}") == 0
    client.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "lithops-listener"]


def test_the_argument_wins_and_storage_means_listing(config: dict[str, dict[str, Any]], listed: list[str]) -> None:
    config["lithops"]["monitoring_interval"] = 0.1
    with lithops.FunctionExecutor(config=config, monitoring="storage") as executor:
        assert executor.call_async(double, 4).result(timeout=30) == 8
    assert listed


def test_a_name_that_nobody_knows_is_refused_at_once(config: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(
        UnknownBackendError, match=r"'monitoring': there is no broker backend 'reddis': did you mean 'redis'\?"
    ):
        lithops.FunctionExecutor(config=config, monitoring="reddis")
    config["lithops"]["monitoring"] = "kafka"
    with pytest.raises(UnknownBackendError, match="section 'lithops', key 'monitoring'"):
        lithops.FunctionExecutor(config=config)


def test_workers_that_cannot_reach_the_broker_are_heard_of_by_the_store(
    config: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AcceptingCompute, "entrust", lambda *_: None)  # so that they have no password
    config["lithops"]["monitoring_interval"] = 0.2
    with lithops.FunctionExecutor(config=config) as executor:
        assert executor.get_result(executor.map(double, range(20)), timeout=20) == [2 * x for x in range(20)]
