"""Killed workers, time-outs and memory limits: the call says why it has no result, and nothing else is harmed."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops.errors import CallTimeoutError, WorkerLostError

needs_memory_limits = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory need Linux")


def kill_by(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(30)


def exit_with(code: int) -> None:
    os._exit(code)


def segfault() -> None:
    ctypes.string_at(0)


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT, signal.SIGHUP])
def test_a_worker_killed_by_a_signal_is_told_with_it(
    executor: lithops.FunctionExecutor, number: signal.Signals
) -> None:
    future = executor.call_async(kill_by, int(number))
    with pytest.raises(WorkerLostError, match=number.name) as caught:
        future.result(timeout=20)
    assert (caught.value.signal, caught.value.exit_code) == (number, None)
    assert caught.value.call_id == "00000"
    assert caught.value.job_id == future.job_id
    assert not isinstance(caught.value, MemoryError)
    assert executor.call_async(abs, -1).result(timeout=20) == 1


def test_a_real_segfault_is_told(executor: lithops.FunctionExecutor) -> None:
    with pytest.raises(WorkerLostError, match="SIGSEGV"):
        executor.call_async(segfault, ()).result(timeout=20)


@pytest.mark.parametrize("code", [0, 1, 77])
def test_a_worker_that_exits_is_told_with_its_code(executor: lithops.FunctionExecutor, code: int) -> None:
    with pytest.raises(WorkerLostError, match=str(code)) as caught:
        executor.call_async(exit_with, code).result(timeout=20)
    assert (caught.value.signal, caught.value.exit_code) == (None, code)


def test_the_message_names_the_function_and_says_what_to_do(executor: lithops.FunctionExecutor) -> None:
    with pytest.raises(WorkerLostError, match=r"exit_with.*retries"):
        executor.call_async(exit_with, 3).result(timeout=20)


def test_a_dead_worker_fails_only_its_own_call(executor: lithops.FunctionExecutor) -> None:
    def dies_at_some(x: int) -> int:
        if x % 25 == 24:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    futures = executor.map(dies_at_some, range(100))
    results = executor.get_result(futures, throw_except=False, timeout=40)
    assert [x for x, one in enumerate(results) if isinstance(one, WorkerLostError)] == [24, 49, 74, 99]
    assert [one for one in results if isinstance(one, int)] == [x for x in range(100) if x % 25 != 24]


def test_no_call_runs_twice_when_its_neighbours_worker_dies(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def notes(x: int) -> None:
        with open(tmp_path / str(x), "a", encoding="utf-8") as file:
            file.write("x")
        if x in (10, 60, 61):
            os._exit(1)

    executor.wait(executor.map(notes, range(120)), throw_except=False, timeout=40)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {str(x): "x" for x in range(120)}


def test_every_call_may_die_and_the_executor_goes_on(executor: lithops.FunctionExecutor) -> None:
    results = executor.get_result(executor.map(exit_with, [5] * 12), throw_except=False, timeout=40)
    assert [type(one) for one in results] == [WorkerLostError] * 12
    assert executor.map(abs, [-1, -2]).get_result(timeout=20) == [1, 2]


def test_killing_an_idle_worker_from_outside_harms_nothing(executor: lithops.FunctionExecutor) -> None:
    def worker(_: int) -> int:
        time.sleep(0.02)
        return os.getpid()

    pids = set(executor.map(worker, range(4)).get_result())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        with contextlib.suppress(ChildProcessError):  # the pool has buried it
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # until the system tells of the death
    assert executor.map(abs, range(-50, 0)).get_result(timeout=20) == list(range(50, 0, -1))


def test_a_stopped_worker_is_ended_by_the_time_out(executor: lithops.FunctionExecutor) -> None:
    def stops() -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    with pytest.raises(CallTimeoutError):
        executor.call_async(stops, (), timeout=0.3).result(timeout=20)


# Time


def test_over_time_is_a_time_out_error_and_the_worker_is_gone(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    def hangs() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(60)

    future = executor.call_async(hangs, (), timeout=0.5)
    with pytest.raises(TimeoutError, match=r"0\.5") as caught:
        future.result(timeout=20)
    assert isinstance(caught.value, CallTimeoutError)
    assert caught.value.call_id == "00000"
    assert is_gone(int((tmp_path / "pid").read_text()))
    assert executor.call_async(abs, -1, timeout=0.5).result() == 1


@pytest.mark.parametrize("kind", ["busy", "deaf", "stuck"])
def test_no_function_outlives_its_time_out(executor: lithops.FunctionExecutor, kind: str) -> None:
    def runs() -> None:
        if kind == "deaf":
            for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
        while True:
            try:
                if kind == "stuck":
                    threading.Lock().acquire() and threading.Event().wait()
            except BaseException:
                continue

    with pytest.raises(TimeoutError):
        executor.call_async(runs, (), timeout=0.2).result(timeout=20)


def test_time_outs_work_from_a_thread_that_is_not_the_main_one(executor: lithops.FunctionExecutor) -> None:
    heard: list[Any] = []

    def submits() -> None:
        with lithops.FunctionExecutor(worker_processes=1) as own:
            heard.append(own.call_async(time.sleep, 60, timeout=0.2).exception(20))
        heard.append(executor.call_async(time.sleep, 60, timeout=0.2).exception(20))

    thread = threading.Thread(target=submits)
    thread.start()
    thread.join(40)
    assert [type(one) for one in heard] == [CallTimeoutError] * 2


def test_a_time_out_is_for_each_call_and_not_for_the_job(executor: lithops.FunctionExecutor) -> None:
    results = executor.map(time.sleep, [0.01] * 40 + [30.0] + [0.0], timeout=0.3).get_result(throw_except=False)
    assert [type(one) for one in results].count(CallTimeoutError) == 1
    assert isinstance(results[40], CallTimeoutError)


def test_calls_behind_a_slow_one_are_not_charged_with_its_time(fresh: lithops.FunctionExecutor) -> None:
    quick = fresh.map(abs, range(200))
    assert fresh.map(time.sleep, [0.1] * 8, timeout=0.4).get_result() == [None] * 8
    assert quick.get_result() == list(range(200))


@pytest.mark.parametrize("timeout", [float("inf"), 1e300, 1e10])
def test_an_endless_time_out_is_no_time_out(fresh: lithops.FunctionExecutor, timeout: float) -> None:
    future = fresh.call_async(abs, -1, timeout=timeout)
    assert future.result(timeout=timeout) == 1
    assert fresh.wait(fresh.call_async(abs, -2), timeout=timeout)[1] == []
    assert fresh.map(abs, [-1, -2]).get_result(timeout=20) == [1, 2]


def test_the_configuration_sets_a_time_out() -> None:
    with lithops.FunctionExecutor(config={"lithops": {"execution_timeout": 0.2}}, worker_processes=1) as made:
        with pytest.raises(CallTimeoutError):
            made.call_async(time.sleep, 60).result(timeout=20)
        assert made.call_async(time.sleep, 0.3, timeout=20).result() is None


def test_processes_of_a_call_end_with_its_time_out(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def starts_one() -> None:
        child = subprocess.Popen(["sleep", "60"])
        (tmp_path / "child").write_text(str(child.pid))
        child.wait()

    with pytest.raises(CallTimeoutError):
        executor.call_async(starts_one, (), timeout=0.5).result(timeout=20)
    limit = time.monotonic() + 10
    while not is_gone(int((tmp_path / "child").read_text())) and time.monotonic() < limit:
        time.sleep(0.01)
    assert is_gone(int((tmp_path / "child").read_text()))


def test_a_process_that_returns_from_the_function_a_second_time_is_not_heard(
    executor: lithops.FunctionExecutor,
) -> None:
    def forks() -> str:
        pid = os.fork()
        if pid == 0:
            return "child"
        os.waitpid(pid, 0)
        return "parent"

    assert executor.call_async(forks, (), timeout=10).result(timeout=20) == "parent"
    assert executor.map(abs, range(-20, 0)).get_result(timeout=20) == list(range(20, 0, -1))


def test_a_function_that_writes_on_every_descriptor_ends_only_its_own_call(executor: lithops.FunctionExecutor) -> None:
    def rubbish() -> None:
        for fd in map(int, os.listdir("/proc/self/fd")):
            if fd < 3:
                continue
            try:
                os.write(fd, b"\0" * 100 + b"rubbish")
            except OSError:
                continue
        time.sleep(30)

    futures = [executor.call_async(rubbish, ()), *executor.map(abs, range(-20, 0))]
    results = executor.get_result(futures, throw_except=False, timeout=30)
    assert isinstance(results[0], WorkerLostError)
    assert results[1:] == list(range(20, 0, -1))


@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_a_call_can_have_a_pool_of_processes_of_its_own(executor: lithops.FunctionExecutor, kind: str) -> None:
    def pool() -> list[int]:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(kind)) as own:
            return list(own.map(abs, range(-5, 0)))

    assert executor.call_async(pool, ()).result(timeout=30) == [5, 4, 3, 2, 1]


# Memory


def allocate(mib: int) -> int:
    return len(bytearray(mib << 20))


def allocate_by_pieces(mib: int) -> int:
    return len([bytes([number % 256]) * (1 << 20) for number in range(mib)])


@needs_memory_limits
@pytest.mark.parametrize("function", [allocate, allocate_by_pieces])
def test_more_than_the_memory_limit_is_a_lost_worker_and_a_memory_error(
    executor: lithops.FunctionExecutor, function: Any
) -> None:
    future = executor.call_async(function, 600, runtime_memory=256)
    with pytest.raises(MemoryError, match="256") as caught:
        future.result(timeout=20)
    assert isinstance(caught.value, WorkerLostError)
    assert future.runtime_memory == 256
    assert executor.call_async(function, 100, runtime_memory=256).result(timeout=20) >= 100
    assert executor.call_async(function, 300).result(timeout=20) >= 300


@needs_memory_limits
def test_a_memory_limit_ends_only_its_own_calls(executor: lithops.FunctionExecutor) -> None:
    results = executor.map(allocate, [1, 600, 2, 600, 3], runtime_memory=200).get_result(throw_except=False)
    assert [results[at] for at in (0, 2, 4)] == [1 << 20, 2 << 20, 3 << 20]
    assert all(isinstance(results[at], MemoryError) for at in (1, 3))


@needs_memory_limits
def test_memory_that_was_swallowed_by_the_function_is_its_own_affair(executor: lithops.FunctionExecutor) -> None:
    def careful() -> str:
        try:
            bytearray(600 << 20)
        except MemoryError:
            return "was careful"
        return "had it"

    assert executor.call_async(careful, (), runtime_memory=200).result(timeout=20) == "was careful"


@needs_memory_limits
def test_a_result_that_breaks_the_limit_is_told_as_memory(executor: lithops.FunctionExecutor) -> None:
    def big_text() -> list[str]:
        return ["x" * (90 << 20)]  # its pickle is a copy

    with pytest.raises(MemoryError):
        executor.call_async(big_text, (), runtime_memory=130).result(timeout=20)


@needs_memory_limits
def test_the_configuration_sets_a_memory_limit() -> None:
    with lithops.FunctionExecutor(runtime_memory=200, worker_processes=1) as made:
        with pytest.raises(MemoryError):
            made.call_async(allocate, 500).result(timeout=20)
        assert made.call_async(allocate, 500, runtime_memory=1000).result(timeout=20) == 500 << 20


@needs_memory_limits
def test_a_tiny_memory_limit_is_told_and_does_not_hang(executor: lithops.FunctionExecutor) -> None:
    exc = executor.call_async(allocate, 50, runtime_memory=1).exception(20)
    assert isinstance(exc, MemoryError)
    assert executor.call_async(allocate, 1).result(timeout=20) == 1 << 20
