"""What programs written for joblib rely on: results, laziness, generators, errors, time-outs, nesting."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest
from joblib import Parallel, delayed

from lithops import FunctionExecutor
from lithops.errors import ConfigError, NotSupportedError, SerializationError, WorkerLostError
from lithops.util.joblib import close_executors
from lithops.util.joblib_backend import LithopsBackend


def square(x: int) -> int:
    return x * x


def fail_at_three(x: int) -> int:
    if x == 3:
        raise KeyError("three")
    return x


def who(_x: int) -> int:
    return os.getpid()


def die(_x: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def nested(x: int) -> tuple[list[int], str, str, list[str]]:
    backend, _ = joblib.parallel.get_active_backend()
    values = Parallel(n_jobs=2)(delayed(square)(x + one) for one in range(3))
    deeper = Parallel(n_jobs=2)(delayed(active)() for _ in range(2))
    return values, type(backend).__name__, joblib.parallel.DEFAULT_BACKEND, deeper


def active() -> str:
    return type(joblib.parallel.get_active_backend()[0]).__name__


def touch(folder: str, x: int) -> int:
    """Note that call `x` runs, and how many run with it."""
    mine = Path(folder, str(x))
    mine.touch()
    time.sleep(0.02)
    seen = len(list(Path(folder).iterdir()))
    mine.unlink()
    return seen


@pytest.mark.parametrize("count", [0, 1, 2, 7, 1000])
def test_results_come_in_the_order_of_the_input(count: int) -> None:
    assert Parallel(backend="lithops")(delayed(square)(x) for x in range(count)) == [x * x for x in range(count)]


@pytest.mark.parametrize("context", [joblib.parallel_backend, joblib.parallel_config])
def test_a_context_chooses_the_backend(context: Any) -> None:
    with context("lithops"):
        assert os.getpid() not in Parallel()(delayed(who)(x) for x in range(4))


def test_closures_and_lambdas_travel() -> None:
    more = 7
    assert Parallel(backend="lithops")(delayed(lambda x: x + more)(x) for x in range(3)) == [7, 8, 9]


def test_generators_give_results_in_order_or_as_they_end() -> None:
    calls = [delayed(square)(x) for x in range(50)]
    assert list(Parallel(backend="lithops", return_as="generator")(calls)) == [x * x for x in range(50)]
    unordered = Parallel(backend="lithops", return_as="generator_unordered")(calls)
    assert sorted(unordered) == [x * x for x in range(50)]


def test_an_abandoned_generator_leaves_a_backend_that_works() -> None:
    with joblib.parallel_config("lithops"):
        results = Parallel(return_as="generator", batch_size=1)(delayed(square)(x) for x in range(200))
        assert next(results) == 0
        with pytest.warns(UserWarning, match="tasks"):
            results.close()
        assert Parallel()(delayed(square)(x) for x in range(3)) == [0, 1, 4]


def test_two_calls_of_one_context_run_at_the_same_time() -> None:
    with joblib.parallel_config("lithops"):
        first = Parallel(return_as="generator")(delayed(square)(x) for x in range(40))
        second = Parallel(return_as="generator")(delayed(square)(x) for x in range(40, 80))
        assert [one for pair in zip(first, second, strict=True) for one in pair][:4] == [0, 1600, 1, 1681]


def test_the_input_is_read_lazily() -> None:
    read = []

    def numbers() -> Iterator[Any]:
        for x in range(100):
            read.append(x)
            yield delayed(square)(x)

    results = Parallel(backend="lithops", return_as="generator", pre_dispatch=4, batch_size=1)(numbers())
    early = len(read)
    assert len(list(results)) == 100
    assert early < 100
    assert len(read) == 100


def test_an_exception_has_its_type_and_where_it_was_raised() -> None:
    with pytest.raises(KeyError, match="three") as caught:
        Parallel(backend="lithops")(delayed(fail_at_three)(x) for x in range(10))
    assert "in fail_at_three" in str(caught.value.__cause__)


def test_an_exception_of_the_input_is_raised() -> None:
    def numbers() -> Iterator[Any]:
        for x in range(100):
            if x == 40:
                raise OSError("no more input")
            yield delayed(square)(x)

    with pytest.raises(OSError, match="no more input"):
        Parallel(backend="lithops", batch_size=1)(numbers())


@pytest.mark.parametrize("at", [0, 30])
def test_what_cannot_be_pickled_is_an_error(at: int) -> None:
    calls = [delayed(square)(threading.Lock() if x == at else x) for x in range(40)]
    with pytest.raises(SerializationError, match="cannot be pickled"):
        Parallel(backend="lithops", batch_size=1)(calls)


def test_a_time_out_ends_the_calls() -> None:
    with pytest.raises(multiprocessing.TimeoutError):  # joblib's own
        Parallel(backend="lithops", timeout=0.2)(delayed(time.sleep)(50) for _ in range(2))
    assert Parallel(backend="lithops")(delayed(square)(x) for x in range(3)) == [0, 1, 4]


def test_a_killed_worker_is_an_error_and_the_next_call_works() -> None:
    with pytest.raises(WorkerLostError):
        Parallel(backend="lithops", batch_size=1)(delayed(die if x == 5 else square)(x) for x in range(20))
    assert Parallel(backend="lithops")(delayed(square)(x) for x in range(3)) == [0, 1, 4]


def test_nested_calls_run_on_threads_then_one_after_the_other() -> None:
    with joblib.parallel_config("lithops"):
        values, backend, _, deeper = Parallel()(delayed(nested)(x) for x in (0, 1))[1]
    assert values == [1, 4, 9]
    assert backend == "ThreadingBackend"
    assert set(deeper) == {"SequentialBackend"}


def test_workers_stay_warm_from_call_to_call() -> None:
    first = set(Parallel(backend="lithops", batch_size=1)(delayed(who)(x) for x in range(20)))
    second = set(Parallel(backend="lithops", batch_size=1)(delayed(who)(x) for x in range(20)))
    assert first & second
    assert len(first | second) <= 2


def test_a_parallel_object_can_be_used_again_and_again() -> None:
    with Parallel(backend="lithops") as parallel:
        for start in range(3):
            assert parallel(delayed(square)(start + x) for x in range(5)) == [(start + x) ** 2 for x in range(5)]
        with pytest.raises(KeyError):
            parallel(delayed(fail_at_three)(x) for x in range(5))
        assert parallel([delayed(square)(3)] * 2) == [9, 9]


def test_n_jobs_bounds_what_runs_at_once(tmp_path: Path) -> None:
    (folder := tmp_path / "calls").mkdir()
    with FunctionExecutor(config={"localhost": {"worker_processes": 4, "storage_root": str(tmp_path / "s")}}) as fexec:
        parallel = Parallel(n_jobs=2, backend=LithopsBackend(executor=fexec), batch_size=1, pre_dispatch="all")
        assert max(parallel(delayed(touch)(str(folder), x) for x in range(12))) <= 2


@pytest.mark.parametrize(("asked", "effective"), [(-1, 2), (-2, 1), (-9, 1), (1, 1), (2, 2), (64, 2), (None, 2)])
def test_n_jobs_is_counted_as_joblib_counts_it(asked: int | None, effective: int) -> None:
    with joblib.parallel_config("lithops"):
        assert Parallel(n_jobs=asked)._effective_n_jobs() == effective


def test_n_jobs_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="n_jobs == 0"):
        Parallel(n_jobs=0, backend="lithops")([delayed(square)(1)])


def test_verbose_tells_how_far_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    Parallel(backend="lithops", verbose=5)(delayed(square)(x) for x in range(10))
    assert re.search(r"LithopsBackend with 2 .*Done  10 out of  10", capfd.readouterr().err, re.DOTALL)


def test_an_unknown_option_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError, match="wrong_option"):
        Parallel(n_jobs=2, backend="lithops", wrong_option=1)([delayed(square)(1)])


def test_arrays_of_the_caller_cannot_be_written() -> None:
    with pytest.raises(NotSupportedError, match="'c'"):
        Parallel(n_jobs=2, backend="lithops", mmap_mode="r+")([delayed(square)(1)])


def test_no_thread_is_left() -> None:
    Parallel(backend="lithops")(delayed(square)(x) for x in range(10))
    assert "lithops-joblib" not in {thread.name for thread in threading.enumerate()}


PROGRAM = """
import os, signal, sys, threading, time
from joblib import Parallel, delayed
from lithops.util.joblib import register_lithops

class Point:
    def __init__(self, x): self.x = x
def move(point, by): return Point(point.x + by)
def wait(folder, number):
    open(f"{folder}/{number}-{os.getpid()}", "w").close()
    time.sleep(100)

if __name__ == "__main__":
    register_lithops(worker_processes=2)
    parallel = Parallel(backend="lithops", n_jobs=2)
    print([type(one) is Point and one.x for one in parallel(delayed(move)(Point(x), 1) for x in range(3))], flush=True)
    if sys.argv[1:]:
        parallel(delayed(wait)(sys.argv[1], number) for number in range(2))
"""


def test_classes_of_the_main_program_travel_and_nothing_is_left(tmp_path: Path) -> None:
    done = _program(tmp_path)
    out, err = done.communicate(timeout=30)
    assert (done.returncode, out, err) == (0, "[1, 2, 3]\n", "")
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file() and "lithops.jobs" in str(path)]


def test_ctrl_c_ends_program_and_workers(tmp_path: Path) -> None:
    (calls := tmp_path / "calls").mkdir()
    program = _program(tmp_path, str(calls))
    limit = time.monotonic() + 30
    while len(found := list(calls.iterdir())) < 2 and time.monotonic() < limit:
        time.sleep(0.02)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=20)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert len(found) == 2
    for worker in {int(path.name.partition("-")[2]) for path in found}:
        while Path(f"/proc/{worker}").exists() and time.monotonic() < limit:
            time.sleep(0.02)
        assert not Path(f"/proc/{worker}").exists()


def _program(folder: Path, *args: str) -> subprocess.Popen[str]:
    (folder / "home").mkdir()
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(folder / "program.py"), *args],
        env={**os.environ, "HOME": str(folder / "home")},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_closing_ends_the_workers_and_the_next_call_starts_new_ones() -> None:
    before = set(Parallel(n_jobs=2, backend="lithops")([delayed(who)(0)] * 2))
    close_executors()
    after = set(Parallel(n_jobs=2, backend="lithops")([delayed(who)(0)] * 2))
    assert not before & after


def test_one_job_runs_here_and_what_is_nested_runs_by_lithops() -> None:
    def inner(_x: int) -> tuple[int, list[int]]:
        return os.getpid(), Parallel(n_jobs=2)(delayed(who)(x) for x in range(4))

    with joblib.parallel_config("lithops"):
        ((outer, nested_in),) = Parallel(n_jobs=1)([delayed(inner)(0)])
    assert outer == os.getpid()
    assert os.getpid() not in nested_in


def test_a_time_out_that_is_not_kept_is_told() -> None:
    with pytest.warns(UserWarning, match="does not support timeout"):
        Parallel(n_jobs=1, backend="lithops", timeout=1)([delayed(square)(1)])


def test_what_cannot_be_pickled_is_the_error_of_pickle_too() -> None:
    with pytest.raises(pickle.PicklingError, match="task to send"):
        Parallel(n_jobs=2, backend="lithops")([delayed(square)(threading.Lock())] * 2)


def test_many_short_calls_and_dropped_generators_leave_nothing() -> None:
    def state() -> tuple[int, int]:
        gc.collect()
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    with joblib.parallel_config("lithops"):
        Parallel(n_jobs=2)(delayed(square)(x) for x in range(10))
        before = state()
        for _ in range(30):
            assert Parallel(n_jobs=2)(delayed(square)(x) for x in range(3)) == [0, 1, 4]
        for return_as in ("generator", "generator_unordered"):
            results = Parallel(n_jobs=2, return_as=return_as, batch_size=1)(delayed(square)(x) for x in range(100))
            next(results)
            with pytest.warns(UserWarning, match="tasks"):
                del results
        Parallel(n_jobs=2)(delayed(square)(x) for x in range(10))
    threads, files = state()
    assert threads <= before[0]
    assert files <= before[1] + 2  # a worker that was ended may be starting again


def test_one_context_serves_many_threads() -> None:
    wrong = []

    def loop(start: int) -> None:
        with joblib.parallel_config("lithops"):
            for _ in range(3):
                got = Parallel(n_jobs=2)(delayed(square)(start + x) for x in range(6))
                if got != [(start + x) ** 2 for x in range(6)]:
                    wrong.append(got)

    threads = [threading.Thread(target=loop, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
