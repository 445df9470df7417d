"""Futures as inputs and as results: chains, futures of other executors, futures that functions return, cancelling."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lithops
from lithops.errors import CallCancelledError, CallRejectedError
from lithops.future import ResponseFuture

if TYPE_CHECKING:
    from tests.e2e.conftest import Gate


def increment(x: int) -> int:
    return x + 1


def add(a: int, b: int) -> int:
    return a + b


def fail(x: Any) -> Any:
    raise ValueError(f"no {x}")


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
        big = other.call_async(lambda n: b"x" * n, 8_000_000)
        assert executor.call_async(increment, small).result() == 3
        assert executor.call_async(len, (big,)).result() == 8_000_000
        assert executor.map(add, [(small, 1)]).get_result() == [3]
        assert other.map(increment, executor.map(increment, [1])).get_result() == [3]


def test_a_big_result_in_another_store_is_refused_with_advice(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    config = {"localhost": {"storage_root": str(tmp_path / "elsewhere")}}
    with lithops.FunctionExecutor(config=config, worker_processes=1) as other:
        assert executor.call_async(increment, other.call_async(increment, 1)).result() == 3
        big = other.call_async(lambda n: b"x" * n, 8_000_000)
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
    futures = executor.map(lambda n: bytearray(n), [8_000_000, 10]).map(len)
    assert futures.get_result() == [8_000_000, 10]


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


def test_cancelling_while_workers_start_harms_no_other_call(gate: Gate) -> None:
    """A worker that is ended for a cancelled call before it is up is no worker that cannot be started."""
    for _ in range(5):
        with lithops.FunctionExecutor(worker_processes=1) as made:
            unwanted = [made.call_async(gate, x) for x in range(6)]
            wanted = made.map(increment, range(3))
            for future in unwanted:
                future.cancel()
                future.wait(20)
            assert wanted.get_result(timeout=20) == [1, 2, 3]


def test_a_part_of_a_list_of_futures_and_a_sum_can_go_on(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(abs, [-1, -2, -3])
    assert futures[1:].get_result(timeout=20) == [2, 3]
    assert (futures[:1] + executor.map(abs, [-4])).map(abs).get_result(timeout=20) == [1, 4]
    assert futures[0].result(20) == 1
