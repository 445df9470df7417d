"""A broker that dies or freezes holds nobody long: neither a job, nor a worker, nor the end of a program."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.monitoring.test_executor import AcceptingPlugin
from tests.emulators.rabbitmq_server import running_rabbitmq
from tests.emulators.redis_server_process import RunningRedis, running_redis

import lithops
from lithops.config.secret import Secret
from lithops.errors import BrokerError
from lithops.monitoring import rabbitmq_broker, redis_broker
from lithops.monitoring.config import RabbitConfig, RedisConfig
from lithops.monitoring.rabbitmq_broker import RabbitBroker
from lithops.monitoring.redis_broker import RedisBroker
from lithops.plugins import registry


@pytest.fixture
def server() -> Iterator[RunningRedis]:
    with running_redis() as found:
        yield found


def _admin(server: RunningRedis) -> Any:
    import redis

    return redis.Redis(port=server.port, password=server.password)


def double(x: int) -> int:
    import time

    time.sleep(0.01)
    return 2 * x


def test_a_server_that_dies_in_the_middle_of_a_map_costs_no_result(
    server: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if "accepting" not in {one.name for one in registry().backends("compute")}:
        registry().register(AcceptingPlugin(), "accepting-platform")
    config: dict[str, dict[str, Any]] = {
        "lithops": {"backend": "accepting", "monitoring": "redis", "monitoring_interval": 0.2},
        "accepting": {"worker_processes": 2, "storage_root": str(tmp_path / "store")},
        "localhost": {"storage_root": str(tmp_path / "store")},
        "redis": {"port": server.port, "password": server.password},
    }
    with lithops.FunctionExecutor(config=config) as executor:
        futures = executor.map(double, range(200), chunksize=1)
        executor.wait(futures, return_when=20, show_progressbar=False)
        _admin(server).shutdown(nosave=True)
        assert executor.get_result(futures, timeout=45) == [2 * x for x in range(200)]


def test_a_worker_gives_a_redis_server_that_is_frozen_up_soon(
    server: RunningRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "ANSWER_TIMEOUT_S", 0.2)
    broker = RedisBroker(RedisConfig(port=server.port, password=Secret(server.password)))
    try:
        broker.publish("channel", [b"one"])
        admin = _admin(server)
        admin.client_pause(4000)
        with pytest.raises(Exception, match=r"[Tt]ime") as caught:
            broker.publish("channel", [b"two"])
        assert isinstance(broker.translate(caught.value), BrokerError)
        admin.close()
    finally:
        broker.close()


def _descendants(pid: int) -> list[int]:
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(deeper for child in children for deeper in _descendants(child))]


def test_a_rabbitmq_server_that_is_frozen_does_not_hold_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq_broker, "CLOSE_S", 0.2)
    with running_rabbitmq() as server:
        password = Secret(server.password)
        broker = RabbitBroker(RabbitConfig(port=server.port, username=server.username, password=password))
        broker.publish("channel", [b"one"])
        frozen = _descendants(server.pid)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            broker.close()
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        for thread in threading.enumerate():
            if thread.name == "lithops-rabbitmq-closer":
                thread.join(20)
                assert not thread.is_alive()
