"""What lives in Redis: made, shared by reference, kept alive, deleted."""

from __future__ import annotations

import gc
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from tests.emulators.redis_server_process import RunningRedis, running_redis
from tests.emulators.servers import free_port

from lithops.errors import BrokerError
from lithops.multiprocessing import heartbeat, servers
from lithops.multiprocessing.state import (
    ALIVE,
    SharedObject,
    dumps,
    end_identity,
    identity,
    loads,
    new_identity,
    script,
)

COUNT = script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


class Counter(SharedObject):
    _plain = ("_step",)

    def __init__(self, step: int) -> None:
        super().__init__("counter")
        self._step = step

    def count(self) -> int:
        return int(COUNT(self._redis, [self._key], [self._step]))


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that happens soon; the test's own time-out bounds it."""
    while not is_so():
        time.sleep(0.01)


@pytest.fixture
def server(redis_server: RunningRedis) -> Any:
    with redis.Redis(redis_server.host, redis_server.port, password=redis_server.password) as client:
        yield client


def test_a_copy_means_the_same_object() -> None:
    counter = Counter(3)
    copy = pickle.loads(pickle.dumps(counter))
    assert [counter.count(), copy.count(), counter.count()] == [3, 6, 9]


def test_a_pickle_holds_no_password(redis_server: RunningRedis) -> None:
    counter = Counter(1)
    counter.count()
    assert redis_server.password.encode() not in pickle.dumps(counter)


def test_a_script_is_sent_again_to_a_server_that_forgot_it(server: Any) -> None:
    counter = Counter(1)
    counter.count()
    server.script_flush()
    assert counter.count() == 2


def test_an_object_that_nobody_else_knows_is_deleted_when_it_is_gone(server: Any) -> None:
    counter = Counter(1)
    counter.count()
    key = counter._key
    assert server.exists(key)
    del counter
    gc.collect()
    until(lambda: not server.exists(key))


def test_an_object_that_was_pickled_stays(server: Any) -> None:
    counter = Counter(1)
    counter.count()
    data = pickle.dumps(counter)
    witness = Counter(1)
    witness.count()
    witness_key = witness._key
    del counter
    del witness  # deleted after the first would be
    gc.collect()
    until(lambda: not server.exists(witness_key))
    assert pickle.loads(data).count() == 2


def test_keys_of_living_objects_do_not_expire(server: Any) -> None:
    counter = Counter(1)
    counter.count()
    server.pexpire(counter._key, 5000)
    heartbeat._renew_keys()
    assert server.pttl(counter._key) > 3_000_000


def test_an_expiry_has_to_be_positive() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        heartbeat.set_expiry(0)


def test_a_process_in_a_process_has_an_identity_of_its_own(server: Any) -> None:
    Counter(1).count()
    outer = identity()
    inner = new_identity()
    assert identity() == inner != outer
    server.set(ALIVE + inner, 1)
    server.set(ALIVE + outer, 1)
    end_identity()
    assert identity() == outer
    assert not server.exists(ALIVE + inner)
    assert server.exists(ALIVE + outer)


def test_functions_travel_by_value_where_they_cannot_be_imported() -> None:
    factor = 3
    assert loads(dumps(lambda x: x * factor))(2) == 6
    assert loads(dumps({"a": [1, None, b"x"]})) == {"a": [1, None, b"x"]}


def test_what_cannot_be_pickled_says_so() -> None:
    with pytest.raises(TypeError, match="pickle"):
        dumps(identity() for _ in range(1))


def _configure(monkeypatch: pytest.MonkeyPatch, port: int, password: str | None) -> None:
    section = {"host": "127.0.0.1", "port": port} | ({"password": password} if password else {})
    monkeypatch.setenv("LITHOPS_CONFIG", json.dumps({"lithops": {"backend": "localhost"}, "redis": section}))


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    _configure(monkeypatch, port, "open sesame")
    counter = Counter(1)
    for call in (counter.count, lambda: counter._redis.call("GET", "x")):
        with pytest.raises(BrokerError, match=rf"127\.0\.0\.1:{port} .*section 'redis'") as caught:
            call()
        assert "sesame" not in str(caught.value)


def test_a_wrong_password_is_told_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_redis() as other:
        _configure(monkeypatch, other.port, "open sesame")
        with pytest.raises(BrokerError, match=r"refuses.*'password'") as caught:
            Counter(1).count()
        assert "sesame" not in str(caught.value)


def test_a_server_that_ends_is_a_clear_error_and_a_new_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_redis() as other:
        _configure(monkeypatch, other.port, other.password)
        counter = Counter(1)
        assert counter.count() == 1
    with pytest.raises(BrokerError, match="cannot be reached"):
        counter.count()


PROGRAM = """
from lithops.multiprocessing.synchronize import Barrier, Condition, Event, Lock, RLock, Semaphore, BoundedSemaphore
from lithops.multiprocessing.queues import JoinableQueue, Queue
from lithops.multiprocessing.connection import Pipe
import pickle
made = [Lock(), RLock(), Semaphore(), BoundedSemaphore()]
for one in made:
    one.acquire()
queue, joined, event, ends = Queue(), JoinableQueue(), Event(), Pipe()
queue.put(1), joined.put(2), event.set(), ends[0].send(3)
pickle.dumps([made, queue, joined, event, ends])
del joined
condition = Condition()
with condition:
    condition.wait(0.01)
"""


def test_nothing_is_left_after_the_exit_of_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_redis() as other:
        _configure(monkeypatch, other.port, other.password)
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=40, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        with redis.Redis(port=other.port, password=other.password) as client:
            assert client.keys() == []


def test_a_forked_child_has_its_own_client_and_deletes_nothing() -> None:
    counter = Counter(1)
    counter.count()
    mine = identity()
    child = os.fork()
    if not child:
        is_right = counter.count() == 2 and identity() != mine and servers.clients()
        del counter
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert counter.count() == 3
