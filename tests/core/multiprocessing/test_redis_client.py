"""Connections that break: no command is sent twice, and one that broke while nobody used it is not noticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from redis.connection import Connection
from tests.core.multiprocessing.breaking_proxy import BreakingProxy, breaking_proxy
from tests.emulators.redis_server_process import RunningRedis

from lithops.errors import BrokerError
from lithops.multiprocessing import redis_client
from lithops.multiprocessing.list_proxy import ListProxy
from lithops.multiprocessing.queues import Queue
from lithops.multiprocessing.redis_client import Client, open_client
from lithops.redis_server import reference


@pytest.fixture
def proxy(redis_server: RunningRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingProxy]:
    with breaking_proxy(redis_server.port) as made:
        section = {"host": "127.0.0.1", "port": made.port, "password": redis_server.password}
        monkeypatch.setenv("LITHOPS_CONFIG", json.dumps({"lithops": {"backend": "localhost"}, "redis": section}))
        yield made


@pytest.fixture
def server(redis_server: RunningRedis) -> Any:
    with redis.Redis(redis_server.host, redis_server.port, password=redis_server.password) as direct:
        yield direct


@pytest.fixture
def client(proxy: BreakingProxy, redis_server: RunningRedis) -> Iterator[Client]:
    made = open_client(reference({"host": "127.0.0.1", "port": proxy.port}), redis_server.password)
    yield made
    made.call("DEL", "counter", "pushed")
    made.close()


def test_a_command_whose_answer_is_lost_is_not_sent_again(proxy: BreakingProxy, client: Client, server: Any) -> None:
    assert client.call("INCR", "counter") == 1
    proxy.lose_answer_to(b"INCR")
    with pytest.raises(BrokerError, match=r"did not answer: .*may be done or not, and is not asked twice") as caught:
        client.call("INCR", "counter")
    assert not caught.value.retryable
    assert server.get("counter") == b"2"
    assert proxy.sent.count(b"INCR") == 2
    assert client.call("INCR", "counter") == 3


def test_a_pipeline_whose_answer_is_lost_is_not_sent_again(proxy: BreakingProxy, client: Client, server: Any) -> None:
    def push(*numbers: int) -> list[Any]:
        with client.pipeline(transaction=False) as pipeline:
            for number in numbers:
                pipeline.rpush("pushed", number)
            return client.run_pipeline(pipeline)

    assert push(0, 1) == [1, 2]
    proxy.lose_answer_to(b"RPUSH")
    with pytest.raises(BrokerError, match="did not answer"):
        push(2, 3)
    assert server.lrange("pushed", 0, -1) == [b"0", b"1", b"2", b"3"]
    assert push(4) == [5]


def test_an_error_in_a_pipeline_is_raised_and_the_connection_kept(proxy: BreakingProxy, client: Client) -> None:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.set("pushed", "text").rpush("pushed", 1).get("pushed")
        with pytest.raises(BrokerError, match="refuses: WRONGTYPE"):
            client.run_pipeline(pipeline)
    assert client.call("GET", "pushed") == b"text"
    assert proxy.connections == 1


def test_an_item_is_not_put_twice(proxy: BreakingProxy) -> None:
    queue: Any = Queue()
    queue.put("first")
    proxy.lose_answer_to(b"EVALSHA")
    with pytest.raises(BrokerError, match="did not answer"):
        queue.put("second")
    queue.put("third")
    assert [queue.get(timeout=10) for _ in range(3)] == ["first", "second", "third"]
    assert queue.empty()


def test_many_items_are_not_appended_twice(proxy: BreakingProxy) -> None:
    shared = ListProxy()
    shared.extend(range(9000))
    proxy.lose_answer_to(b"RPUSH")
    with pytest.raises(BrokerError, match="did not answer"):
        shared.extend(range(9000))
    assert len(shared) == 9000
    proxy.lose_answer_to(b"EVALSHA")
    with pytest.raises(BrokerError, match="did not answer"):
        shared.extend(range(9000))
    assert shared == list(range(9000)) * 2


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_connection_that_was_closed_while_idle_is_not_noticed(how: str, proxy: BreakingProxy, client: Client) -> None:
    for number in range(1, 4):
        assert client.call("INCR", "counter") == number
        proxy.close_all(how)
    with client.pipeline() as pipeline:
        pipeline.incr("counter")
        assert client.run_pipeline(pipeline) == [4]
    assert proxy.sent.count(b"INCR") == 4
    assert proxy.connections == 4


def test_a_connection_that_was_forgotten_while_idle_is_not_noticed(
    proxy: BreakingProxy, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = [client._take() for _ in range(5)]
    for connection in opened:
        client._give_back(connection)
    monkeypatch.setattr(redis_client, "IDLE_S", 0.0)
    monkeypatch.setattr(redis_client, "ALIVE_S", 0.2)
    assert client.call("INCR", "counter") == 1
    assert proxy.sent.count(b"PING") == 1
    proxy.close_all("silence")
    assert client.call("INCR", "counter") == 2
    assert proxy.sent.count(b"INCR") == 2
    assert proxy.sent.count(b"PING") == 1  # the second is not passed on
    assert all(connection._sock is None for connection in opened)


def test_a_connection_in_use_is_not_asked_whether_it_lives(proxy: BreakingProxy, client: Client) -> None:
    for number in range(1, 20):
        assert client.call("INCR", "counter") == number
    assert proxy.connections == 1
    assert b"PING" not in proxy.sent


def test_any_number_of_connections_is_made_in_time(proxy: BreakingProxy, client: Client) -> None:
    client._redis.connection_pool.max_connections = 2
    calls: list[Callable[[], Any]] = [lambda: client.call("INCR", "counter"), lambda: proxy.close_all("end")]
    for number in range(10):
        calls[number % 2]()
    assert proxy.connections == 5


def test_answers_are_read_as_redis_py_5_can(
    proxy: BreakingProxy, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Connection.read_response

    def read_of_5(
        self: Connection,
        disable_decoding: bool = False,
        *,
        disconnect_on_error: bool = True,
        push_request: bool = False,
    ) -> Any:
        return read(self, disable_decoding, disconnect_on_error=disconnect_on_error, push_request=push_request)

    monkeypatch.setattr(Connection, "read_response", read_of_5)
    assert client.call("INCR", "counter") == 1
    assert client.call("BLPOP", "pushed", "0.01", end_s=0.0) is None
    with client.pipeline() as pipeline:
        pipeline.incr("counter")
        assert client.run_pipeline(pipeline) == [2]
    assert proxy.connections <= 2  # the block may be ended by another
