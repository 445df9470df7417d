"""Statuses come by Redis from workers on the local Lambda, of calls by event and of answers that were lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("redis")

from tests.aws.lambda_executors import Executors, executors, home, local_lambda
from tests.emulators.redis_server_process import RunningRedis, running_redis

from lithops import FunctionExecutor
from lithops.engine import listen
from lithops.engine.track import Tracker
from lithops.errors import WorkerLostError
from lithops_aws.compute.backend import LambdaCompute

__all__ = ["executors", "home", "local_lambda"]

WAIT_S = 30.0

Config = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningRedis]:
    with running_redis() as found:
        yield found


@pytest.fixture
def client(server: RunningRedis) -> Iterator[Any]:
    from redis import Redis

    with Redis(host=server.host, port=server.port, password=server.password) as opened:
        yield opened


@pytest.fixture(scope="module")
def config(executors: Executors, server: RunningRedis) -> Config:
    """Make what a user writes, by keys of the section aws_lambda."""

    def make(**keys: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "lithops": {"monitoring": "redis"},
            "max_workers": 4,
            "requirements": ["redis"],
            "environment": "local",
            "env_vars": {"LITHOPS_REDIS_PASSWORD": server.password},
            **keys,
        }
        found: dict[str, Any] = executors.config(**given)
        return {**found, "redis": {"host": server.host, "port": server.port, "password": server.password}}

    return make


@pytest.fixture
def unlisted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client never looks for statuses in the store: what it hears, it hears by the broker or by an answer."""
    monkeypatch.setattr(Tracker, "_read_statuses", lambda _self, _calls: None)


def pushed(client: Any) -> int:
    """Count the statuses that workers have published so far."""
    return int(client.info("commandstats").get("cmdstat_rpush", {"calls": 0})["calls"])


@pytest.mark.usefixtures("unlisted")
def test_the_ends_of_events_come_by_the_broker(config: Config, client: Any) -> None:
    def fail(x: int) -> None:
        raise ValueError(f"no {x}")

    before = pushed(client)
    with FunctionExecutor(config=config(invocation="event")) as executor:
        futures = executor.map(lambda x: 2 * x, range(40))
        assert executor.get_result(futures, timeout=WAIT_S) == [2 * x for x in range(40)]
        with pytest.raises(ValueError, match="no 7"):
            executor.call_async(fail, 7).result(timeout=WAIT_S)
        big = executor.call_async(bytes, 3 << 20).result(timeout=WAIT_S)  # more than a status holds
        assert len(big) == 3 << 20
        assert pushed(client) == before + 42
        channel = f"lithops-status:{executor.executor_id}"
    assert not client.exists(channel)


@pytest.mark.usefixtures("unlisted")
def test_an_event_whose_worker_dies_ends_all_the_same(config: Config) -> None:
    with FunctionExecutor(config=config(invocation="event")) as executor:
        future = executor.call_async(lambda: os.kill(os.getpid(), signal.SIGKILL), ())
        with pytest.raises(WorkerLostError):
            future.result(timeout=WAIT_S)


@pytest.mark.usefixtures("unlisted")
def test_answers_do_not_need_the_broker(config: Config, client: Any) -> None:
    before = pushed(client)
    with FunctionExecutor(config=config(invocation="reply")) as executor:
        assert executor.map(lambda x: 2 * x, range(20)).get_result() == [2 * x for x in range(20)]
    assert pushed(client) == before


@pytest.mark.usefixtures("unlisted")
def test_the_end_of_a_call_whose_answer_was_lost_comes_by_the_broker(
    config: Config, client: Any, executors: Executors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LambdaCompute, "commit_after_s", 0.1)  # 10 s: after so long a worker leaves its status behind

    def slow() -> str:
        time.sleep(0.5)
        return "told"

    before = pushed(client)
    with FunctionExecutor(config=config(invocation="reply")) as executor:
        executors.cloud.faults(cut=1.0)
        try:
            future = executor.call_async(slow, ())
            assert future.result(timeout=WAIT_S) == "told"
        finally:
            executors.cloud.faults()
    assert pushed(client) > before


def test_workers_without_the_package_or_the_password_are_heard_of_by_the_store(
    config: Config, client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = "workers end calls and tell the broker nothing"
    monkeypatch.setattr(listen, "UNHEARD_S", 0.0)
    before = pushed(client)
    lacking: list[dict[str, Any]] = [{"requirements": None, "environment": None}, {"env_vars": {}}]
    for keys in lacking:
        with FunctionExecutor(config=config(invocation="event", **keys)) as executor:
            futures = executor.map(lambda x: 2 * x, range(4))
            assert executor.get_result(futures, timeout=WAIT_S) == [0, 2, 4, 6]
            while said not in caplog.text:
                assert executor.call_async(abs, -1).result(timeout=WAIT_S) == 1
            assert executor.call_async(abs, -1).result(timeout=WAIT_S) == 1
        assert caplog.text.count(said) == 1
        caplog.clear()
    assert pushed(client) == before
