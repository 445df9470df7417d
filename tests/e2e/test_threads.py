"""Several threads on one executor, several executors in one process, several jobs at once."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lithops
from lithops.errors import LithopsError

THREADS = 8


def square(x: int) -> int:
    return x * x


def at_once(work: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """Run `work` on threads that begin together."""
    barrier = threading.Barrier(count)

    def begin(number: int) -> Any:
        barrier.wait(20)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count), timeout=40))


def test_eight_threads_map_on_one_executor(executor: lithops.FunctionExecutor) -> None:
    def work(number: int) -> list[Any]:
        found = []
        for round_ in range(10):
            futures = executor.map(square, range(number * 1000, number * 1000 + 20 + round_))
            found.append(executor.get_result(futures))
        return found

    for number, found in enumerate(at_once(work)):
        assert found == [[x * x for x in range(number * 1000, number * 1000 + 20 + round_)] for round_ in range(10)]


def test_jobs_of_threads_have_names_of_their_own(executor: lithops.FunctionExecutor) -> None:
    keys = at_once(lambda number: [executor.call_async(square, number).job_key for _ in range(20)])
    assert len({key for some in keys for key in some}) == THREADS * 20


def test_one_future_is_read_by_eight_threads(executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(lambda n: b"x" * n, 8_000_000)
    standard = [future.standard for _ in range(2)]
    assert standard[0] is standard[1]
    assert at_once(lambda _: len(future.result(timeout=20))) == [8_000_000] * THREADS
    bad = executor.call_async(lambda: 1 // 0, ())
    assert at_once(lambda _: type(bad.exception(20))) == [ZeroDivisionError] * THREADS


def test_threads_that_make_the_standard_view_at_once_get_one(executor: lithops.FunctionExecutor) -> None:
    for _ in range(20):
        future = executor.call_async(square, 3)
        views = at_once(lambda _, future=future: future.standard)  # type: ignore[misc]
        assert len({id(view) for view in views}) == 1
        assert views[0].result(20) == 9


def test_two_jobs_at_once_where_one_fails(executor: lithops.FunctionExecutor) -> None:
    def fails(x: int) -> None:
        raise ValueError(x)

    def work(number: int) -> Any:
        if number % 2:
            futures = executor.map(fails, range(50))
            with pytest.raises(ValueError, match=r"\d"):
                executor.get_result(futures)
            return None
        return executor.get_result(executor.map(square, range(50)))

    assert at_once(work) == [[x * x for x in range(50)], None] * (THREADS // 2)


def test_threads_cancel_and_submit_at_once(executor: lithops.FunctionExecutor) -> None:
    def work(number: int) -> Any:
        if number % 2:
            for _ in range(10):
                for future in executor.map(square, range(20)):
                    future.cancel()
            return None
        return [executor.get_result(executor.map(square, range(20))) for _ in range(10)]

    assert at_once(work) == [[[x * x for x in range(20)]] * 10, None] * (THREADS // 2)


def test_executors_are_made_and_closed_by_threads() -> None:
    def work(number: int) -> int:
        with lithops.FunctionExecutor(worker_processes=1) as own:
            result: int = own.call_async(square, number).result(timeout=20)
            return result

    before = threading.active_count()
    assert at_once(work, 4) == [0, 1, 4, 9]
    assert threading.active_count() <= before + 1


def test_close_while_others_submit_gives_them_errors_and_no_hang() -> None:
    for _ in range(3):
        made = lithops.FunctionExecutor(worker_processes=2)

        def work(number: int, made: lithops.FunctionExecutor = made) -> str:
            if number == 0:
                made.call_async(square, 1).result(timeout=20)
                made.close()
                return "closed"
            try:
                while True:
                    for future in made.map(square, range(10)):
                        future.result(timeout=20)
            except TimeoutError:
                return "hung"
            except LithopsError as exc:
                return "told" if str(exc) else "silent"

        assert at_once(work, 4) == ["closed", "told", "told", "told"]


def test_a_closed_executor_says_so() -> None:
    made = lithops.FunctionExecutor(worker_processes=1)
    future = made.call_async(square, 3)
    assert future.result() == 9
    left = made.call_async(square, 4)
    left.result()
    made.close()
    made.close()
    for use in (lambda: made.call_async(square, 1), lambda: made.map(square, [1, 2]), lambda: made.map(square, [])):
        with pytest.raises(LithopsError, match="closed"):
            use()
    assert future.result() == 9
    assert made.get_result(left) == 16


def test_calls_that_run_when_the_executor_is_closed_are_cancelled() -> None:
    with lithops.FunctionExecutor(worker_processes=1) as made:
        futures = made.map(time.sleep, [30, 30])
    for future in futures:
        with pytest.raises(LithopsError, match=r"cancel|closed"):
            future.result(timeout=20)


def test_no_thread_and_no_process_is_left_by_close() -> None:
    before = threading.enumerate()
    made = lithops.FunctionExecutor(worker_processes=2)
    pids = set(made.map(lambda _: os.getpid(), range(50)).get_result())
    made.call_async(print, "something")
    made.close()
    assert [thread for thread in threading.enumerate() if thread not in before] == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_forgotten_executor_leaves_no_worker_and_no_thread() -> None:
    before = threading.enumerate()

    def scope() -> set[int]:
        return set(lithops.FunctionExecutor(worker_processes=1).map(lambda _: os.getpid(), [1, 2]).get_result())

    pids = scope()
    limit = time.monotonic() + 10
    while time.monotonic() < limit and [thread for thread in threading.enumerate() if thread not in before]:
        gc.collect()
        time.sleep(0.01)
    assert [thread for thread in threading.enumerate() if thread not in before] == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_executor_is_usable_after_every_kind_of_error(executor: lithops.FunctionExecutor) -> None:
    with pytest.raises(TypeError):
        executor.map(square, [(1, 2, 3)])
    with pytest.raises(TypeError):
        executor.call_async(square, threading.Lock())
    with pytest.raises(ZeroDivisionError):
        executor.call_async(lambda: 1 // 0, ()).result()
    with pytest.raises(LithopsError):
        executor.call_async(os._exit, 1).result()
    with pytest.raises(TimeoutError):
        executor.call_async(time.sleep, 30, timeout=0.01).result()
    with pytest.raises(ValueError, match="return_when"):
        executor.wait(return_when=1000)
    assert executor.map(square, range(3)).get_result() == [0, 1, 4]
