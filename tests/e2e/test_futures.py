"""Futures: waiting, time-outs, percentages, awaiting, and the standard library's view of them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING, Any

import pytest

import lithops
from lithops.errors import CallCancelledError
from lithops.utils import FuturesList
from lithops.wait import ALL_COMPLETED, ALWAYS, ANY_COMPLETED, get_result, wait

if TYPE_CHECKING:
    from tests.e2e.conftest import Gate


def increment(x: int) -> int:
    return x + 1


def fail(x: Any) -> Any:
    raise ValueError(f"no {x}")


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


def test_a_task_that_is_cancelled_cancels_its_call(executor: lithops.FunctionExecutor, gate: Gate) -> None:
    future = executor.call_async(gate, 1)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(future.standard), 0.05)

    asyncio.run(main())
    assert isinstance(future.exception(20), CallCancelledError)


def test_five_hundred_awaits_at_once(executor: lithops.FunctionExecutor) -> None:
    async def main() -> list[int]:
        async def one(x: int) -> int:
            result: int = await executor.call_async(increment, x)
            return result

        return list(await asyncio.gather(*(one(x) for x in range(500))))

    assert asyncio.run(main()) == list(range(1, 501))


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
