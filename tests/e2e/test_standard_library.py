"""`lithops.concurrent.futures`: what the standard library promises of executors and futures holds here too."""

from __future__ import annotations

import concurrent.futures as standard
import gc
import itertools
import os
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops.concurrent import futures
from lithops.concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    LithopsExecutor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from lithops.errors import WorkerLostError


def capture(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    return args, kwargs


def fails(x: Any) -> Any:
    raise ValueError(f"failed {x}")


def until(path: str, x: Any = None) -> Any:
    """Wait for a file, as long as a test may run."""
    limit = time.monotonic() + 30
    while not os.path.exists(path) and time.monotonic() < limit:
        time.sleep(0.005)
    return x


@pytest.fixture(scope="module")
def pool(executor: lithops.FunctionExecutor) -> Iterator[LithopsExecutor]:
    with LithopsExecutor(executor=executor) as made:
        yield made


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()


def test_it_is_an_executor_of_the_standard_library(pool: LithopsExecutor) -> None:
    assert isinstance(pool, standard.Executor)
    assert isinstance(pool.submit(abs, -1), standard.Future)
    assert ProcessPoolExecutor is ThreadPoolExecutor is LithopsExecutor
    for name in ("wait", "as_completed", "Future", "CancelledError", "TimeoutError", "FIRST_COMPLETED"):
        assert getattr(futures, name) is getattr(standard, name)


def test_submit_passes_every_argument(pool: LithopsExecutor) -> None:
    assert pool.submit(pow, 2, 8).result() == 256
    assert pool.submit(capture, 1, self=2, fn=3, func=4, data=5).result() == (
        (1,),
        {"self": 2, "fn": 3, "func": 4, "data": 5},
    )
    assert pool.submit(capture, (1, 2), {"a": 3}).result() == (((1, 2), {"a": 3}), {})
    with pytest.raises(TypeError):
        pool.submit()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        pool.submit(fn=capture, arg=1)  # type: ignore[call-arg]


def test_map_takes_iterables_as_zip_does(pool: LithopsExecutor) -> None:
    assert list(pool.map(pow, range(10), range(10))) == list(map(pow, range(10), range(10)))
    assert list(pool.map(pow, [2, 3, 4], itertools.repeat(2))) == [4, 9, 16]
    assert list(pool.map(capture, [(1, 2), {"a": 1}])) == [(((1, 2),), {}), (({"a": 1},), {})]
    assert list(pool.map(pow, range(40), range(40), chunksize=6)) == list(map(pow, range(40), range(40)))
    assert list(pool.map(pow, range(40), range(40), chunksize=50)) == list(map(pow, range(40), range(40)))
    assert list(pool.map(abs, [])) == []
    with pytest.raises(ValueError, match="chunksize"):
        pool.map(pow, [1], [1], chunksize=0)


def test_map_raises_at_its_turn(pool: LithopsExecutor) -> None:
    results = pool.map(divmod, [1, 1, 1, 1], [2, 3, 0, 5])
    assert next(results) == (0, 1)
    assert next(results) == (0, 1)
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_map_times_out(pool: LithopsExecutor, gate: Path) -> None:
    results = pool.map(until, [os.devnull, str(gate)], ["quick", "slow"], timeout=0.5)
    assert next(results) == "quick"
    with pytest.raises(standard.TimeoutError):
        next(results)


def test_map_submits_before_the_first_result_is_asked_for(pool: LithopsExecutor, tmp_path: Path) -> None:
    pool.map(Path.touch, [tmp_path / "made"])
    until(str(tmp_path / "made"))
    assert (tmp_path / "made").exists()


def test_wait_knows_its_three_conditions(pool: LithopsExecutor, gate: Path) -> None:
    slow = pool.submit(until, str(gate), "slow")
    quick = pool.submit(abs, -1)
    assert wait([slow, quick], return_when=FIRST_COMPLETED, timeout=20) == ({quick}, {slow})
    bad = pool.submit(fails, 1)
    opens = threading.Timer(5, gate.touch)
    opens.start()
    assert wait([slow, bad], return_when=FIRST_EXCEPTION) == ({bad}, {slow})
    assert wait([slow, quick], timeout=0.05) == ({quick}, {slow})
    opens.cancel()
    gate.touch()
    assert wait([slow, quick, bad], return_when=ALL_COMPLETED, timeout=20) == ({slow, quick, bad}, set())


def test_as_completed_gives_each_once_and_times_out(pool: LithopsExecutor, gate: Path) -> None:
    quick = [pool.submit(abs, -x) for x in range(10)]
    assert sorted(one.result() for one in as_completed([*quick, quick[0]], timeout=20)) == list(range(10))
    slow = pool.submit(until, str(gate))
    ended = as_completed([slow, quick[0]], timeout=0.05)
    assert next(ended) is quick[0]
    with pytest.raises(standard.TimeoutError):
        next(ended)


def test_a_future_tells_its_state(pool: LithopsExecutor, gate: Path) -> None:
    future = pool.submit(until, str(gate), 5)
    assert not future.done()
    assert not future.cancelled()
    with pytest.raises(standard.TimeoutError):
        future.result(timeout=0.01)
    with pytest.raises(standard.TimeoutError):
        future.exception(timeout=0.01)
    gate.touch()
    assert future.result(timeout=20) == 5
    assert future.done()
    assert not future.running()
    assert not future.cancel()
    assert future.exception() is None
    bad = pool.submit(fails, "x")
    assert isinstance(bad.exception(20), ValueError)
    with pytest.raises(ValueError, match="failed x"):
        bad.result()


def test_callbacks_get_the_future_in_order_and_their_exceptions_do_no_harm(pool: LithopsExecutor, gate: Path) -> None:
    heard: list[Any] = []
    ended = threading.Event()
    future = pool.submit(until, str(gate), 3)

    def raises(_: Any) -> None:
        heard.append("raises")
        raise RuntimeError("in a callback")

    future.add_done_callback(raises)
    future.add_done_callback(heard.append)
    future.add_done_callback(lambda _: ended.set())
    gate.touch()
    assert ended.wait(20)
    assert heard == ["raises", future]
    future.add_done_callback(heard.append)
    assert heard[2:] == [future]
    assert pool.submit(abs, -1).result(20) == 1


def test_a_result_can_be_read_in_a_callback(pool: LithopsExecutor) -> None:
    heard: list[Any] = []
    ended = threading.Event()

    def reads(future: standard.Future[Any]) -> None:
        heard.append(future.result())
        ended.set()

    pool.submit(abs, -4).add_done_callback(reads)
    assert ended.wait(20)
    assert heard == [4]


def test_calls_can_be_submitted_in_a_callback(pool: LithopsExecutor) -> None:
    made: list[standard.Future[int]] = []
    ended = threading.Event()

    def submits(_: Any) -> None:
        made.append(pool.submit(abs, -5))
        ended.set()

    pool.submit(abs, -4).add_done_callback(submits)
    assert ended.wait(20)
    assert made[0].result(20) == 5


def test_cancelling_wakes_those_who_wait(pool: LithopsExecutor, gate: Path) -> None:
    slow = [pool.submit(until, str(gate)) for _ in range(6)]
    assert slow[5].cancel()
    assert slow[5].cancelled()
    with pytest.raises(CancelledError):
        slow[5].result(20)
    with pytest.raises(CancelledError):
        slow[5].exception(20)
    done, _ = wait(slow, return_when=FIRST_COMPLETED, timeout=20)
    assert done == {slow[5]}
    gate.touch()
    assert [one.result(20) for one in slow[:5]] == [None] * 5


def test_a_dead_worker_breaks_its_own_call_only(pool: LithopsExecutor) -> None:
    some = [pool.submit(abs, -x) for x in range(10)]
    with pytest.raises(WorkerLostError):
        pool.submit(os._exit, 3).result(20)
    assert [one.result(20) for one in some] == list(range(10))


def test_shutdown_waits_and_then_takes_no_more() -> None:
    made = ProcessPoolExecutor(max_workers=2)
    calls = [made.submit(time.sleep, 0.05) for _ in range(4)]
    made.shutdown()
    assert all(call.done() for call in calls)
    assert [call.result() for call in calls] == [None] * 4
    made.shutdown()
    for use in (lambda: made.submit(abs, -1), lambda: made.map(abs, [1])):
        with pytest.raises(RuntimeError, match="shutdown"):
            use()


def test_leaving_the_block_waits_for_all_calls() -> None:
    with ProcessPoolExecutor(max_workers=2) as made:
        calls = list(made.map(abs, range(-5, 0)))
        last = made.submit(time.sleep, 0.1)
    assert calls == [5, 4, 3, 2, 1]
    assert last.result(timeout=0) is None


def test_shutdown_without_waiting_still_ends_what_was_taken() -> None:
    made = ProcessPoolExecutor(max_workers=1)
    calls = [made.submit(pow, 2, x) for x in range(20)]
    made.shutdown(wait=False)
    assert [call.result(20) for call in calls] == [2**x for x in range(20)]


def test_shutdown_can_cancel_what_waits(gate: Path) -> None:
    made = ProcessPoolExecutor(max_workers=1)
    calls = [made.submit(until, str(gate)) for _ in range(10)]
    made.shutdown(wait=True, cancel_futures=True)
    assert all(call.done() for call in calls)
    assert calls[-1].cancelled()


@pytest.mark.parametrize("count", [0, -1])
def test_max_workers_must_be_above_zero(count: int) -> None:
    with pytest.raises(ValueError, match="max_workers"):
        ProcessPoolExecutor(max_workers=count)


def test_a_pool_does_not_end_an_executor_that_it_was_given(executor: lithops.FunctionExecutor) -> None:
    with LithopsExecutor(executor=executor) as made:
        assert made.submit(abs, -1).result() == 1
    assert executor.call_async(abs, -2).result() == 2


def test_exceptions_do_not_keep_what_they_should_not(pool: LithopsExecutor) -> None:
    with pytest.raises(TypeError):
        pool.submit(capture, threading.Lock()).result(20)
    assert pool.submit(abs, -1).result(20) == 1


def test_map_with_a_buffer_reads_its_input_as_it_goes(pool: LithopsExecutor) -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for x in itertools.count():
            taken.append(x)
            yield x

    results = pool.map(abs, numbers(), buffersize=4)
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(taken) <= 16


_given = "nothing"


def give(what: str) -> None:
    global _given
    _given = f"{what} to {os.getpid()}"


def given(_x: int = 0) -> tuple[str, int]:
    return _given, os.getpid()


def refuse() -> None:
    raise OSError("nothing to be had")


def test_the_initializer_runs_before_the_calls_of_each_worker() -> None:
    with ProcessPoolExecutor(2, initializer=give, initargs=("this",), mp_context=None) as made:
        found = [made.submit(given).result(30), *made.map(given, range(20)), *made.map(given, range(9), buffersize=3)]
    assert len(found) == 30
    assert all(what == f"this to {process}" for what, process in found)


def test_what_the_initializer_raises_its_calls_raise() -> None:
    with (
        ProcessPoolExecutor(max_workers=1, initializer=refuse) as made,
        pytest.raises(OSError, match="nothing to be had"),
    ):
        made.submit(given).result(30)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"initializer": 3}, TypeError),
        ({"max_tasks_per_child": 0}, ValueError),
        ({"max_tasks_per_child": "2"}, TypeError),
    ],
)
def test_wrong_options_are_refused_as_the_standard_library_does(
    options: dict[str, Any], error: type[Exception]
) -> None:
    for library in (standard, futures):
        with pytest.raises(error):
            library.ProcessPoolExecutor(1, **options)


def test_results_that_nobody_holds_are_freed() -> None:
    with ProcessPoolExecutor(max_workers=1) as made:
        for one in made.map(frozenset[int], [[1], [2], [3]]):
            kept = weakref.ref(one)
            del one
            gc.collect()
            assert kept() is None
        assert made.submit(len, "abc").result(30) == 3
        assert not made._executor.futures
