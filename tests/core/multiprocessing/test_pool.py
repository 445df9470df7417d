"""`Pool` behaves as the standard one: results, order, errors, callbacks, initializer, its end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from lithops.errors import WorkerLostError
from lithops.executor import FunctionExecutor
from lithops.multiprocessing import TimeoutError, cpu_count, current_process, get_context  # noqa: A004
from lithops.multiprocessing import config as mp_config
from lithops.multiprocessing.pool import MaybeEncodingError, Pool, ThreadPool

TIMEOUT_S = 30

_given = "nothing"
_runs = 0


def _double(x: int) -> int:
    return 2 * x


def _add(a: int, b: int = 0) -> int:
    return a + b


def _fail_at_three(x: int) -> int:
    if x == 3:
        raise ValueError("three", x)
    return x


def _initialize(value: str) -> None:
    global _given, _runs
    _given = value
    _runs += 1


def _refuse() -> None:
    raise OSError("no worker is to be had")


def _see(_x: int) -> tuple[str, int, int]:
    return _given, _runs, os.getpid()


def _die(_x: int) -> None:
    os._exit(7)


def _sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def _read_flag(_x: int) -> str:
    return os.environ.get("POOL_FLAG", "unset")


def test_map_keeps_the_order_for_every_chunk_size(pool: Pool) -> None:
    for chunksize in (None, 1, 3, 100):
        assert pool.map(_double, range(20), chunksize) == [2 * x for x in range(20)]
    assert pool.map(_double, iter([4])) == [8]
    assert pool.map(_double, []) == []


def test_apply_takes_positional_and_keyword_arguments(pool: Pool) -> None:
    assert pool.apply(_add, (1,), {"b": 5}) == 6
    assert pool.apply(_add, [1]) == 1


def test_starmap_spreads_each_element(pool: Pool) -> None:
    assert pool.starmap(_add, [(1, 2), (3,)]) == [3, 3]
    assert pool.starmap_async(_add, ((x, x) for x in range(5)), 2).get(TIMEOUT_S) == [0, 2, 4, 6, 8]


def test_functions_that_cannot_be_named_travel(pool: Pool) -> None:
    base = 10
    assert pool.map(lambda x: x + base, [1, 2]) == [11, 12]


def test_thousands_of_small_calls_end(pool: Pool) -> None:
    assert pool.map(_double, range(3000), 1) == [2 * x for x in range(3000)]
    results = [pool.apply_async(_double, (x,)) for x in range(300)]
    assert [result.get(TIMEOUT_S) for result in results] == [2 * x for x in range(300)]


def test_the_exception_of_a_function_comes_with_its_type_and_traceback(pool: Pool) -> None:
    with pytest.raises(ValueError, match="three") as info:
        pool.map(_fail_at_three, range(6), 1)
    assert info.value.args == ("three", 3)
    assert "_fail_at_three" in str(info.value.__cause__)
    assert pool.map(_double, [1]) == [2]


def test_an_input_that_cannot_be_pickled_fails_its_call_only(pool: Pool) -> None:
    result = pool.apply_async(_double, (threading.Lock(),))
    with pytest.raises(TypeError, match="cannot pickle") as info:
        result.get(TIMEOUT_S)
    assert "the input of call 0 cannot be pickled" in info.value.__notes__[0]
    assert not result.successful()
    assert pool.apply(_double, (2,)) == 4


def test_a_result_that_cannot_be_pickled_says_so(pool: Pool) -> None:
    with pytest.raises(MaybeEncodingError, match="cannot be pickled"):
        pool.apply(threading.Lock)


def test_a_killed_worker_fails_its_call_and_no_other(pool: Pool) -> None:
    with pytest.raises(WorkerLostError, match="code 7"):
        pool.apply_async(_die, (1,)).get(TIMEOUT_S)
    assert pool.map(_double, range(4)) == [0, 2, 4, 6]


def test_get_times_out_and_the_call_goes_on(pool: Pool) -> None:
    result = pool.apply_async(_sleep, (0.5,))
    with pytest.raises(TimeoutError):
        result.get(0.01)
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    assert result.get(TIMEOUT_S) == 0.5
    assert result.ready()
    assert result.successful()


def test_callbacks_get_the_result_or_the_error(pool: Pool) -> None:
    results: list[object] = []
    errors: list[BaseException] = []
    pool.map_async(_double, [1, 2], callback=results.append, error_callback=errors.append).wait(TIMEOUT_S)
    pool.apply_async(_fail_at_three, (3,), callback=results.append, error_callback=errors.append).wait(TIMEOUT_S)
    assert results == [[2, 4]]
    assert [type(error) for error in errors] == [ValueError]


def test_a_callback_that_raises_hangs_nothing(pool: Pool) -> None:
    def refuse(_value: object) -> None:
        raise RuntimeError("a bug of the user's")

    def leave(_value: object) -> None:
        sys.exit(3)

    assert pool.apply_async(_double, (1,), callback=refuse).get(TIMEOUT_S) == 2
    assert pool.apply_async(_double, (2,), callback=leave).get(TIMEOUT_S) == 4
    assert pool.apply_async(_double, (3,)).get(TIMEOUT_S) == 6


def test_imap_gives_results_in_order_and_goes_on_after_an_error(pool: Pool) -> None:
    found = pool.imap(_fail_at_three, range(6))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(found)
    assert list(found) == [4, 5]
    assert list(pool.imap(_double, range(50), 7)) == [2 * x for x in range(50)]
    assert list(pool.imap(_double, [])) == []


def test_imap_unordered_gives_all_results(pool: Pool) -> None:
    assert sorted(pool.imap_unordered(_double, range(50), 3)) == [2 * x for x in range(50)]


def test_imap_reads_its_input_only_as_far_as_needed(pool: Pool) -> None:
    seen = 0

    def endless() -> Iterator[int]:
        nonlocal seen
        while True:
            seen += 1
            yield seen

    found = pool.imap(_double, endless())
    assert [next(found) for _ in range(5)] == [2, 4, 6, 8, 10]
    time.sleep(0.1)
    assert seen < 200


def test_imap_takes_an_input_that_waits_for_results(pool: Pool) -> None:
    came: list[int] = []
    turn = threading.Semaphore(1)

    def input_of_results() -> Iterator[int]:
        for x in range(5):
            assert turn.acquire(timeout=TIMEOUT_S)
            yield x

    for result in pool.imap(_double, input_of_results()):
        came.append(result)
        turn.release()
    assert came == [0, 2, 4, 6, 8]


def test_imap_raises_the_error_of_its_input_where_it_happened(pool: Pool) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("the input broke")

    found = pool.imap(_double, broken())
    assert next(found) == 2
    with pytest.raises(LookupError, match="broke"):
        next(found)
    with pytest.raises(StopIteration):
        next(found)


def test_imap_next_takes_a_timeout(pool: Pool) -> None:
    found = pool.imap(_sleep, [0.5])
    with pytest.raises(TimeoutError):
        found.next(0.01)
    assert found.next(TIMEOUT_S) == 0.5


def test_join_ends_what_an_iterator_that_nobody_reads_began() -> None:
    pool = Pool(2)
    pool.imap(_double, range(1000))
    pool.close()
    pool.join()


def test_the_initializer_runs_once_in_each_worker_process() -> None:
    with Pool(2, _initialize, ("set",)) as pool:
        seen = pool.map(_see, range(40), 1) + pool.starmap(_see, [(x,) for x in range(40)], 1)
    assert {one[0] for one in seen} == {"set"}
    by_process: dict[int, set[int]] = {}
    for _, runs, pid in seen:
        by_process.setdefault(pid, set()).add(runs)
    assert all(runs == {1} for runs in by_process.values())


def test_functions_of_the_main_program_see_what_the_initializer_set(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from lithops.multiprocessing import Pool\n"
        "offset, runs = 0, []\n"
        "def prepare(value):\n    global offset\n    offset = value\n    runs.append(1)\n"
        "def add(x):\n    return x + offset\n"
        "def multiply(x):\n    return x * offset, len(runs)\n"
        "if __name__ == '__main__':\n"
        "    with Pool(1, prepare, (100,)) as pool:\n"
        "        print(pool.map(add, [1, 2]), pool.map(multiply, [1, 2]), pool.map(add, [3]))\n",
        "utf-8",
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    assert done.stdout.strip() == "[101, 102] [(100, 1), (200, 1)] [103]"


def test_an_initializer_that_raises_fails_the_calls() -> None:
    with Pool(1, _refuse) as pool:
        for _ in range(2):
            with pytest.raises(OSError, match="no worker is to be had"):
                pool.apply(_double, (1,))


def test_a_worker_is_another_process_after_so_many_chunks() -> None:
    with Pool(1, _initialize, ("set",), maxtasksperchild=2) as pool:
        seen = [pool.apply(_see, (1,)) for _ in range(5)]
    assert {(given, runs) for given, runs, _ in seen} == {("set", 1)}
    processes = [process for _, _, process in seen]
    assert processes[0] == processes[1] != processes[2] == processes[3] != processes[4]


def test_two_pools_on_one_executor_have_initializers_of_their_own() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        with (
            Pool(1, _initialize, ("one",), executor=fexec) as one,
            Pool(1, _initialize, ("two",), executor=fexec) as two,
        ):
            assert one.apply(_see, (1,))[0] == "one"
            assert two.apply(_see, (1,))[0] == "two"
        assert fexec.call_async(_double, 4).result() == 8


def test_functions_see_a_daemonic_process_as_their_own(pool: Pool) -> None:
    name, is_daemon = pool.apply(lambda: (current_process().name, current_process().daemon))
    assert name.startswith("LithopsPoolWorker-")
    assert is_daemon
    assert current_process().name == "MainProcess"


def test_a_closed_pool_takes_no_more_and_finishes() -> None:
    pool = Pool(2)
    result = pool.map_async(_double, range(10))
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    pool.close()
    for submit in (pool.map, pool.imap, pool.apply_async):
        with pytest.raises(ValueError, match="not running"):
            submit(_double, [1])
    pool.join()
    assert result.get(0) == [2 * x for x in range(10)]
    pool.close()
    pool.terminate()


def test_terminate_ends_calls_that_run_and_calls_that_wait() -> None:
    pool = Pool(1)
    results = [pool.apply_async(_sleep, (300,)) for _ in range(3)]
    found = pool.imap(_sleep, [300] * 500)
    pool.terminate()
    pool.join()
    for result in results:
        with pytest.raises(Exception, match=r"cancelled|closed|terminated"):
            result.get(TIMEOUT_S)
    with pytest.raises(Exception, match=r"cancelled|closed|terminated"):
        found.next(TIMEOUT_S)


def test_a_pool_that_is_forgotten_warns_and_ends() -> None:
    pool = Pool(1)
    assert pool.apply(_double, (1,)) == 2
    thread, gone = pool._thread, weakref.ref(pool)
    with pytest.warns(ResourceWarning, match="unclosed running multiprocessing pool"):
        del pool
    assert gone() is None
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Pool(0)
    with pytest.raises(TypeError, match="callable"):
        Pool(1, initializer=3)  # type: ignore[arg-type]
    for most in (0, -1, 1.5):
        with pytest.raises(ValueError, match="maxtasksperchild"):
            Pool(1, maxtasksperchild=most)  # type: ignore[arg-type]
    with Pool(1) as pool:
        with pytest.raises(ValueError, match="Chunksize"):
            pool.imap(_double, [1], 0)
        with pytest.raises(NotImplementedError):
            pool.__reduce__()
        assert "state=RUN pool_size=1" in repr(pool)


def test_environment_variables_of_the_program_reach_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mp_config._values, mp_config.ENV_VARS, {})
    mp_config.set_parameter(mp_config.ENV_VARS, {"POOL_FLAG": "up"})
    with Pool(1) as pool:
        assert pool.apply(_read_flag, (1,)) == "up"


def test_the_configuration_can_be_set_as_a_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mp_config._values, mp_config.LITHOPS_CONFIG, {})
    mp_config.set_parameter(
        mp_config.LITHOPS_CONFIG, {"lithops": {"backend": "localhost"}, "localhost": {"worker_processes": 3}}
    )
    assert cpu_count() == 3
    mp_config.set_parameter(mp_config.LITHOPS_CONFIG, {"backend": "localhost", "worker_processes": 5})
    assert cpu_count() == 5
    with pytest.raises(KeyError, match="LITHOPS_CONFIG"):
        mp_config.set_parameter("NO_SUCH_THING", 1)


def test_details_are_left_where_the_program_wants_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mp_config._values, mp_config.EXPORT_EXECUTION_DETAILS, str(tmp_path))
    pool = get_context("fork").Pool(1)
    pool.map(_double, range(3))
    pool.close()
    pool.join()
    [page] = tmp_path.glob("*.html")
    assert "_double" in page.read_text("utf-8")


def test_a_pool_needs_no_redis(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom lithops.multiprocessing import Pool\n"
        "with Pool(1) as pool:\n    print(pool.map(abs, [-1]), pool.apply(lambda: 'redis' in __import__('sys').modules))\n"
        "print('redis' in sys.modules)\n"
    )
    env = {**os.environ, "LITHOPS_CONFIG": "{}", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=TIMEOUT_S, check=True, env=env
    )
    assert done.stdout.split() == ["[1]", "False", "False"]


def test_the_thread_pool_is_the_one_of_the_standard_library() -> None:
    with ThreadPool(2) as pool:
        assert pool.map(_double, [1, 2]) == [2, 4]
