"""Futures: waiting, time-outs, percentages, chaining, futures as inputs and as results, awaiting, cancelling."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops.errors import CallCancelledError, CallRejectedError
from lithops.future import ResponseFuture
from lithops.utils import FuturesList
from lithops.wait import ALL_COMPLETED, ALWAYS, ANY_COMPLETED, get_result, wait


def increment(x: int) -> int:
    return x + 1


def add(a: int, b: int) -> int:
    return a + b


def fail(x: Any) -> Any:
    raise ValueError(f"no {x}")


class Gate:
    """Calls wait before it until it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, x: Any) -> Any:
        limit = time.monotonic() + 30
        while not self.path.exists() and time.monotonic() < limit:
            time.sleep(0.005)
        return x

    def open(self) -> None:
        self.path.touch()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "open")
    yield made
    made.open()


def test_the_names_of_return_when_have_their_values() -> None:
    assert (ALWAYS, ANY_COMPLETED, ALL_COMPLETED) == (0, -1, 100)


def test_wait_gives_done_and_not_done(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    quick = executor.map(increment, range(3))
    slow = executor.call_async(gate, 1)
    done, not_done = executor.wait([*quick, slow], return_when=75)
    assert (set(done), not_done) == (set(quick), [slow])
    assert isinstance(done, FuturesList)
    assert isinstance(not_done, FuturesList)
    done, not_done = executor.wait([slow], return_when=ALWAYS)
    assert (done, not_done) == ([], [slow])
    gate.open()
    assert wait([slow]) == ([slow], [])
    assert lithops.wait(slow) == ([slow], [])


def test_any_completed_means_at_least_one_also_of_before(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    first = executor.call_async(increment, 1)
    slow = executor.call_async(gate, 2)
    assert executor.wait([first, slow], return_when=ANY_COMPLETED) == ([first], [slow])
    assert executor.wait([first, slow], return_when=ANY_COMPLETED, timeout=5) == ([first], [slow])
    with pytest.raises(TimeoutError):
        executor.wait([slow], return_when=ANY_COMPLETED, timeout=0.05)
    gate.open()
    assert executor.wait([slow], return_when=ANY_COMPLETED) == ([slow], [])


@pytest.mark.parametrize("when", [-2, 101, "all", None, True])
def test_return_when_must_be_known(executor: lithops.FunctionExecutor, when: Any) -> None:
    with pytest.raises(ValueError, match="return_when"):
        executor.wait(executor.map(increment, [1]), return_when=when)


@pytest.mark.parametrize("percentage", [1, 10, 50, 99, 100])
def test_percentages_are_of_the_calls(executor: lithops.FunctionExecutor, percentage: int) -> None:
    futures = executor.map(increment, range(10))
    done, not_done = executor.wait(futures, return_when=percentage)
    assert len(done) * 10 >= percentage
    assert len(done) + len(not_done) == 10


def test_waits_take_fractions_of_seconds_and_the_call_goes_on(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    future = executor.call_async(gate, 5)
    futures = FuturesList([future], executor)
    for over in (
        lambda: executor.wait(future, timeout=0.05),
        lambda: executor.get_result(future, timeout=0.05),
        lambda: get_result(future, timeout=0.05),
        lambda: future.result(timeout=0.05),
        lambda: futures.get_result(timeout=0.05),
        lambda: future.standard.result(timeout=0.05),
    ):
        with pytest.raises(TimeoutError):
            over()
    assert executor.wait(future, timeout=0.05, throw_except=False) == ([], [future])
    assert not future.wait(0.01)
    assert not future.done
    gate.open()
    assert future.result() == 5


def test_a_time_out_of_zero_looks_and_does_not_wait(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    future = executor.call_async(gate, 5)
    with pytest.raises(TimeoutError):
        future.result(timeout=0)
    gate.open()
    future.wait(20)
    assert future.result(timeout=0) == 5
    assert executor.get_result(future, timeout=0) == 5


def test_waiting_works_in_other_threads(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    future = executor.call_async(gate, 5)
    heard: list[Any] = []

    def waits() -> None:
        try:
            executor.get_result(future, timeout=0.05)
        except BaseException as exc:
            heard.append(exc)
        gate.open()
        heard.append(executor.get_result(future))

    thread = threading.Thread(target=waits)
    thread.start()
    thread.join(20)
    assert [type(heard[0]), *heard[1:]] == [TimeoutError, 5]


def test_wait_downloads_results_when_asked(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(increment, range(3))
    done, _ = executor.wait(futures, download_results=True)
    assert [future.result(timeout=0) for future in done] == [1, 2, 3]


def test_a_failure_is_raised_by_wait_while_others_run(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    slow = executor.call_async(gate, 1)
    bad = executor.call_async(fail, "x")
    with pytest.raises(ValueError, match="no x"):
        executor.wait([slow, bad])
    assert not slow.done
    gate.open()
    assert slow.result() == 1
    assert executor.wait([slow, bad], throw_except=False) == ([slow, bad], [])


def test_waiting_for_something_else_is_a_type_error(executor: lithops.FunctionExecutor) -> None:
    for wrong in (3, "abc", [1], [None], object()):
        with pytest.raises(TypeError, match="future"):
            executor.wait(wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="future"):
            lithops.get_result(wrong)  # type: ignore[arg-type]


def test_iterables_and_nested_lists_of_futures_can_be_awaited(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(increment, range(4))
    assert executor.get_result(tuple(futures)) == [1, 2, 3, 4]
    assert executor.get_result(future for future in futures) == [1, 2, 3, 4]
    assert executor.get_result([futures[:2], futures[2:]]) == [1, 2, 3, 4]  # type: ignore[list-item]
    done, not_done = executor.wait({futures[0], futures[1]})
    assert (set(done), not_done) == (set(futures[:2]), [])


def test_another_executors_futures_can_be_awaited(executor: lithops.FunctionExecutor) -> None:
    with lithops.FunctionExecutor(worker_processes=1) as other:
        futures = other.map(increment, [1, 2])
        assert executor.get_result(futures) == [2, 3]
        mine = executor.call_async(increment, 5)
        assert executor.get_result([mine, *futures]) == [6, 2, 3]


# Chaining


def test_maps_can_be_chained(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(increment, range(5)).map(increment).map(lambda x: x * 10)
    assert futures.get_result() == [20, 30, 40, 50, 60]


def test_a_chain_ends_in_a_reduce(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(increment, range(5)).map_reduce(increment, sum)
    assert futures.get_result() == 20


def test_chained_results_are_spread_as_elements_are(executor: lithops.FunctionExecutor) -> None:
    assert executor.map(lambda x: (x, x), range(3)).map(add).get_result() == [0, 2, 4]
    assert executor.map(lambda x: {"a": x, "b": 5}, range(3)).map(add).get_result() == [5, 6, 7]
    assert executor.map(increment, range(3)).map(add, extra_args=(100,)).get_result() == [101, 102, 103]
    assert executor.map(increment, range(2)).map(lambda x, id: (x, id)).get_result() == [(1, 0), (2, 1)]  # noqa: A006


def test_futures_are_inputs_of_a_map(executor: lithops.FunctionExecutor) -> None:
    first = executor.map(increment, range(4))
    assert executor.map(increment, first).get_result() == [2, 3, 4, 5]
    assert executor.map(add, [(first[0], first[1]), (first[2], 100)]).get_result() == [3, 103]
    assert executor.map(add, [{"a": first[0], "b": first[3]}]).get_result() == [5]
    assert executor.call_async(sum, (list(first),)).result() == 10
    assert executor.call_async(lambda table: table["deep"][0], ({"deep": [first[3]]},)).result() == 4


def test_a_future_of_another_executor_is_an_input(executor: lithops.FunctionExecutor) -> None:
    with lithops.FunctionExecutor(worker_processes=1) as other:
        small = other.call_async(increment, 1)
        big = other.call_async(lambda n: b"x" * n, 3_000_000)
        assert executor.call_async(increment, small).result() == 3
        assert executor.call_async(len, (big,)).result() == 3_000_000
        assert executor.map(add, [(small, 1)]).get_result() == [3]
        assert other.map(increment, executor.map(increment, [1])).get_result() == [3]


def test_a_big_result_in_another_store_is_refused_with_advice(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    config = {"localhost": {"storage_root": str(tmp_path / "elsewhere")}}
    with lithops.FunctionExecutor(config=config, worker_processes=1) as other:
        assert executor.call_async(increment, other.call_async(increment, 1)).result() == 3
        big = other.call_async(lambda n: b"x" * n, 3_000_000)
        with pytest.raises(CallRejectedError, match=r"result\(\)"):
            executor.call_async(len, (big,)).result()


def test_a_chain_starts_when_its_input_is_there_and_no_worker_waits(
    executor: lithops.FunctionExecutor, gate: Gate
) -> None:
    """More stages than workers: a stage that held a worker while it waits would hang."""
    futures = executor.map(gate, range(2))
    for _ in range(5):
        futures = futures.map(increment)
    gate.open()
    assert futures.get_result() == [5, 6]


def test_a_failure_in_a_chain_is_told_by_its_end_and_runs_nothing_after_it(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    def writes(_: Any) -> None:
        (tmp_path / "ran").touch()

    futures = executor.map(fail, [1]).map(writes).map(increment)
    with pytest.raises(ValueError, match="no 1") as caught:
        futures.get_result()
    assert any("needs the result" in note for note in caught.value.__notes__)
    assert not (tmp_path / "ran").exists()
    mixed = executor.map(lambda x: 1 // x, [1, 0, 1]).map(increment)
    results = mixed.get_result(throw_except=False)
    assert results[::2] == [2, 2]
    assert isinstance(results[1], ZeroDivisionError)


def test_a_single_future_can_be_mapped(executor: lithops.FunctionExecutor) -> None:
    assert executor.call_async(increment, 1).map(increment).get_result() in (3, [3])


def test_big_results_are_passed_on_by_reference(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(lambda n: bytearray(n), [2_000_000, 10]).map(len)
    assert futures.get_result() == [2_000_000, 10]


# The standard library's view


def test_futures_can_be_awaited(executor: lithops.FunctionExecutor) -> None:
    async def main() -> tuple[Any, list[Any], Any]:
        one = await executor.call_async(increment, 1)
        many = await asyncio.gather(*executor.map(increment, range(5)))
        try:
            await executor.call_async(fail, "await")
        except ValueError as exc:
            return one, list(many), str(exc)
        return one, list(many), None

    assert asyncio.run(main()) == (2, [1, 2, 3, 4, 5], "no await")


def test_an_await_can_time_out_and_the_loop_goes_on(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    async def main() -> str:
        future = executor.call_async(gate, 1)
        try:
            async with asyncio.timeout(0.05):
                await future
        except TimeoutError:
            return "over"
        return "not over"

    assert asyncio.run(main()) == "over"


def test_standard_futures_work_with_the_standard_functions(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    slow = executor.call_async(gate, "slow").standard
    quick = [future.standard for future in executor.map(increment, range(5))]
    done, not_done = concurrent.futures.wait([slow, *quick], return_when=concurrent.futures.FIRST_COMPLETED)
    assert done
    assert slow in not_done
    assert sorted(future.result() for future in concurrent.futures.as_completed(quick, timeout=20)) == [1, 2, 3, 4, 5]
    bad = executor.call_async(fail, "standard").standard
    assert isinstance(bad.exception(20), ValueError)
    heard = threading.Event()
    slow.add_done_callback(lambda _: heard.set())
    gate.open()
    assert heard.wait(20)
    assert slow.result() == "slow"


def test_as_completed_gives_futures_as_they_end(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    slow = executor.call_async(gate, "slow")
    quick = executor.map(increment, range(3))
    order = []
    for future in executor.as_completed([slow, *quick], timeout=20):
        order.append(future)
        if len(order) == 3:
            gate.open()
    assert order[3] is slow
    assert set(order[:3]) == set(quick)


def test_a_done_callback_is_called_once_also_after_the_end(executor: lithops.FunctionExecutor) -> None:
    heard: list[Any] = []
    event = threading.Event()
    future = executor.call_async(increment, 1)
    future.add_done_callback(heard.append)
    future.add_done_callback(lambda _: event.set())
    assert event.wait(20)
    future.add_done_callback(heard.append)
    assert heard == [future, future]


def test_a_done_callback_that_raises_does_no_harm(executor: lithops.FunctionExecutor) -> None:
    def raises(_: Any) -> None:
        raise RuntimeError("in a callback")

    future = executor.call_async(increment, 1)
    future.add_done_callback(raises)
    assert future.result() == 2
    assert executor.call_async(increment, 2).result() == 3


# Futures that functions return


def test_futures_that_a_function_returns_are_resolved(executor: lithops.FunctionExecutor) -> None:
    def submits(count: int) -> Any:
        inner = lithops.FunctionExecutor(worker_processes=1)
        return inner.map(increment, range(count))

    def submits_one(x: int) -> ResponseFuture:
        return lithops.FunctionExecutor(worker_processes=1).call_async(increment, x)

    assert executor.call_async(submits, 3).result() == [1, 2, 3]
    assert executor.call_async(submits_one, 3).result() == 4
    assert executor.map(submits_one, [1, 2]).get_result() == [2, 3]


# Cancelling


def test_a_running_call_can_be_cancelled(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    future = executor.call_async(gate, 1)
    assert future.cancel()
    with pytest.raises(CallCancelledError):
        future.result(timeout=20)
    assert not future.cancel()
    assert executor.map(increment, range(4)).get_result() == [1, 2, 3, 4]


def test_calls_that_wait_can_be_cancelled_and_the_others_run(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    futures = executor.map(gate, range(40))
    for future in futures[1::2]:
        future.cancel()
    gate.open()
    executor.wait(futures, throw_except=False)
    assert [future.result() for future in futures[::2]] == list(range(0, 40, 2))
    assert all(isinstance(future.exception(), CallCancelledError) for future in futures[1::2])


def test_the_standard_view_is_cancelled_too(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    standard = executor.call_async(gate, 1).standard
    assert standard.cancel()
    assert standard.cancelled()
    with pytest.raises(concurrent.futures.CancelledError):
        standard.result(timeout=20)


def test_what_depends_on_a_cancelled_call_is_cancelled_too(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    first = executor.call_async(gate, 1)
    second = executor.map(increment, [first])
    first.cancel()
    with pytest.raises(CallCancelledError):
        second.get_result(timeout=20)
