"""`lithops.multiprocessing` on the local Lambda: its workers have nothing of the client but the network.

What processes share is in a Redis server with a password. Workers find the server by what travels, and the password in
their runtime's environment; the package `redis` is in the runtime, since `requirements` names it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("redis")

from tests.aws.lambda_executors import BUCKET, MAX_WORKERS, Executors, Program, executors, home, local_lambda, program
from tests.aws.lambda_redis import config, server, using
from tests.emulators.redis_server_process import RunningRedis

import lithops
import lithops.multiprocessing as mp
from lithops.errors import BrokerError, LithopsError, MissingDependencyError, NotSupportedError
from lithops.multiprocessing.executors import close_shared
from lithops.multiprocessing.state import dumps

__all__ = ["config", "executors", "home", "local_lambda", "program", "server"]

WAIT_S = 40.0

Configure = Callable[..., None]


@pytest.fixture(scope="module", autouse=True)
def _configured(config: Callable[..., dict[str, Any]]) -> Iterator[None]:
    with using(config()):
        yield


# Pools


def test_the_methods_of_a_pool() -> None:
    def cube(x: int) -> int:
        return int(x**3)

    def where(_: int) -> bool:
        return "AWS_LAMBDA_FUNCTION_NAME" in os.environ

    said: list[Any] = []
    with mp.Pool(4) as pool:
        assert pool.map(where, range(8)) == [True] * 8
        assert pool.map(cube, range(20)) == [x**3 for x in range(20)]
        assert pool.starmap(pow, [(2, 3), (3, 2)]) == [8, 9]
        assert list(pool.imap(cube, iter(range(6)), chunksize=2)) == [x**3 for x in range(6)]
        assert sorted(pool.imap_unordered(cube, range(6))) == [x**3 for x in range(6)]
        assert pool.apply_async(cube, (3,), callback=said.append).get(WAIT_S) == 27
        assert pool.apply(divmod, (7, 2)) == (3, 1)
        pool.close()
        pool.join()
    assert said == [27]


def test_an_error_in_a_pool_comes_with_its_class_and_the_workers_traceback() -> None:
    class OwnError(Exception):
        pass

    def fail(x: int) -> None:
        raise OwnError("of", x)

    said: list[BaseException] = []
    with mp.Pool(2) as pool:
        result = pool.apply_async(fail, (7,), error_callback=said.append)
        with pytest.raises(OwnError) as raised:
            result.get(WAIT_S)
        assert not result.successful()
        with pytest.raises(OwnError):
            pool.map(fail, range(3))
        with pytest.raises(OwnError):
            list(pool.imap(fail, range(3)))
    assert raised.value.args == ("of", 7)
    assert "in fail" in str(raised.value.__cause__)
    assert [type(one) for one in said] == [OwnError]


@pytest.mark.parametrize("invocation", ["reply", "event"])
def test_the_initializer_runs_once_in_each_worker(executors: Executors, invocation: str) -> None:
    def begin(word: str) -> None:
        global said, begun
        said = word
        begun = globals().get("begun", 0) + 1

    def tell(x: int) -> tuple[str, int]:
        return f"{said} {x}", begun

    with mp.Pool(2, begin, ("hello",), executor=executors.open(invocation=invocation)) as pool:
        for _ in range(2):
            assert pool.map(tell, range(4)) == [(f"hello {x}", 1) for x in range(4)]


begun: int
said: str


def test_a_pool_ends_though_lambda_cannot_end_its_calls() -> None:
    with mp.Pool(2) as pool:
        assert pool.apply(abs, (-1,)) == 1
        result = pool.apply_async(time.sleep, (5,))
        with pytest.raises(mp.TimeoutError):
            result.get(0.2)
    with pytest.raises(LithopsError, match=r"terminated|closed"):
        result.get(0)


def test_a_pool_has_as_many_workers_as_lambda_may_run_at_once(config: Callable[..., dict[str, Any]]) -> None:
    assert mp.cpu_count() == MAX_WORKERS
    with using(config(worker_processes=3)):  # of Lithops 3, where it was another number
        assert mp.cpu_count() == MAX_WORKERS
    with mp.Pool() as pool:
        assert f"pool_size={MAX_WORKERS}" in repr(pool)


# Processes


@pytest.mark.parametrize("invocation", ["reply", "event"])
def test_processes_share_a_queue_a_lock_and_a_value(
    config: Callable[..., dict[str, Any]], server: RunningRedis, executors: Executors, invocation: str
) -> None:
    def work(number: int, total: Any, lock: Any, done: Any) -> None:
        for _ in range(5):
            with lock:
                total.value += 1
        done.put(number)

    with lithops.FunctionExecutor(config=config(invocation=invocation)) as executor:
        total, lock, done = mp.Value("i", 0, lock=False), mp.Lock(), mp.Queue()
        processes = [mp.Process(target=work, args=(x, total, lock, done), executor=executor) for x in range(4)]
        assert server.password.encode() not in dumps((total, lock, done, processes))
        for one in processes:
            one.start()
        for one in processes:
            one.join(WAIT_S)
        assert [one.exitcode for one in processes] == [0] * 4
        assert total.value == 20
        assert sorted(done.get(timeout=5) for _ in processes) == [0, 1, 2, 3]
        kept = executors.objects(f"lithops.jobs/{executor.executor_id}/")
        assert kept or invocation == "reply"
        read = executors.cloud.client("s3").get_object
        assert not [key for key in kept if server.password.encode() in read(Bucket=BUCKET, Key=key)["Body"].read()]


def test_processes_that_wait_for_each_other() -> None:
    def produce(queue: Any, count: int) -> None:
        for number in range(count):
            queue.put(number)
        queue.put(None)

    def consume(queue: Any, told: Any, may_end: Any) -> None:
        found = []
        while (number := queue.get(timeout=30)) is not None:
            found.append(number)
        told["sum"] = sum(found)
        may_end.wait(30)
        told["order"] = found == sorted(found)

    with mp.Manager() as manager:
        queue, told, may_end = mp.Queue(maxsize=3), manager.dict(), mp.Event()
        reader = mp.Process(target=consume, args=(queue, told, may_end))
        writer = mp.Process(target=produce, args=(queue, 30))
        reader.start()
        writer.start()
        writer.join(WAIT_S)
        assert reader.is_alive()
        assert mp.active_children() == [reader]
        may_end.set()
        reader.join(WAIT_S)
        assert (writer.exitcode, reader.exitcode) == (0, 0)
        assert dict(told) == {"sum": sum(range(30)), "order": True}


def test_exit_codes_and_what_processes_print(capfd: pytest.CaptureFixture[str]) -> None:
    def end(how: str) -> None:
        import signal
        import sys

        print("a last word:", how)
        if how == "exit":
            sys.exit(3)
        if how == "raise":
            raise ValueError("as asked")
        if how == "leave":
            os._exit(9)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    expected = {"return": 0, "exit": 3, "raise": 1, "leave": 9, "kill": -9}
    processes = {how: mp.Process(target=end, args=(how,)) for how in expected}
    for one in processes.values():
        one.start()
    for one in processes.values():
        one.join(WAIT_S)
    assert {how: one.exitcode for how, one in processes.items()} == expected
    close_shared()  # what is printed is written by a thread of its own
    out, err = capfd.readouterr()
    assert "a last word: exit" in out
    assert "ValueError: as asked" in err


def test_what_cannot_be_ended_goes_on_and_is_said_to() -> None:
    def wait(begun: Any, may_end: Any) -> None:
        begun.set()
        may_end.wait(30)

    begun, may_end = mp.Event(), mp.Event()
    process = mp.Process(target=wait, args=(begun, may_end))
    process.start()
    assert begun.wait(WAIT_S)  # one that has not begun could be ended still
    for end in (process.terminate, process.kill):
        with pytest.raises(NotSupportedError, match=f"'{process.name}' goes on"):
            end()
    assert (process.exitcode, process.is_alive()) == (None, True)
    may_end.set()
    process.join(WAIT_S)
    process.terminate()  # it has ended: nothing happens
    assert (process.exitcode, process.is_alive()) == (0, False)


def test_a_program_ends_without_its_daemons(program: Program) -> None:
    text = """
import sys, time
from lithops.multiprocessing import Process

if __name__ == "__main__":
    daemon = Process(target=time.sleep, args=(100,), daemon=True)
    daemon.start()
    other = Process(target=print, args=("the other one",))
    other.start()
    other.join()
    sys.stdout.write(f"alive: {daemon.is_alive()}, ended: {other.exitcode}\\n")
"""
    assert "alive: True, ended: 0" in program(text).stdout  # and in less than PROGRAM_S


def test_what_a_process_makes_there_is_at_the_clients_server(capfd: pytest.CaptureFixture[str]) -> None:
    def make(out: Any) -> None:
        queue = mp.Queue()
        queue.put(mp.cpu_count())
        out.send(queue.get(timeout=10))

    def alone() -> None:
        mp.Queue().put(1)

    def start() -> None:
        mp.Process(target=abs, args=(1,)).start()

    receiver, sender = mp.Pipe(duplex=False)
    expected: dict[Callable[..., object], int] = {make: 0, alone: 0, start: 1}
    processes = {how: mp.Process(target=how, args=(sender,) if how is make else ()) for how in expected}
    for one in processes.values():
        one.start()
    for one in processes.values():
        one.join(WAIT_S)
    assert {how: one.exitcode for how, one in processes.items()} == expected
    assert receiver.recv() >= 1
    close_shared()
    assert "this worker has no configuration" in capfd.readouterr().err


def test_the_configuration_may_be_made_by_the_program(
    config: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(queue: Any) -> None:
        queue.put("put")

    monkeypatch.delenv("LITHOPS_CONFIG")
    close_shared()
    mp.config.set_parameter(mp.config.LITHOPS_CONFIG, config())
    try:
        queue = mp.Queue()
        process = mp.Process(target=put, args=(queue,))
        process.start()
        assert queue.get(timeout=WAIT_S) == "put"
        process.join(WAIT_S)
        assert process.exitcode == 0
        del queue
    finally:
        close_shared()
        mp.config.set_parameter(mp.config.LITHOPS_CONFIG, {})


# What is missing


@pytest.fixture
def take() -> Callable[[Any], bool]:
    def take(lock: Any) -> bool:
        with lock:
            return True

    return take


def test_a_runtime_without_the_package_is_told(
    config: Callable[..., dict[str, Any]], take: Callable[[Any], bool]
) -> None:
    with using(config(requirements=None, environment=None)), mp.Pool(1) as pool:
        with pytest.raises(MissingDependencyError, match="no package 'redis': add it to 'requirements'"):
            pool.apply(take, (mp.Lock(),))
        assert pool.apply(abs, (-1,)) == 1  # a pool by itself needs no Redis


def test_a_runtime_without_the_password_is_told(
    config: Callable[..., dict[str, Any]], server: RunningRedis, take: Callable[[Any], bool]
) -> None:
    without = using(config(env_vars={"OTHER": "x"}))
    with without, mp.Pool(1) as pool, pytest.raises(BrokerError, match=r"refuses.*LITHOPS_REDIS_PASSWORD") as raised:
        pool.apply(take, (mp.Lock(),))
    assert server.password not in str(raised.value) + str(raised.value.__cause__)
