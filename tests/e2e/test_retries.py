"""Retries: counted attempts, of the policy, of `RetryingFunctionExecutor`, and of the configuration."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops.errors import CallCancelledError, CallTimeoutError, LithopsError, WorkerLostError
from lithops.retries import Retry, RetryingFunctionExecutor, RetryingFuture


class Flaky:
    """Fails until it was called often enough; each attempt leaves a file."""

    def __init__(self, folder: Path, failures: int, how: str = "raise") -> None:
        self.folder = folder
        self.failures = failures
        self.how = how

    def __call__(self, x: Any = "x") -> int:
        attempt = len(list(self.folder.glob(f"{x}-*")))
        (self.folder / f"{x}-{attempt}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if attempt >= self.failures:
            return attempt + 1
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "hang":
            time.sleep(60)
        if self.how == "exit":
            raise SystemExit(1)
        raise ConnectionError(f"attempt {attempt}")

    def attempts(self, x: Any = "x") -> int:
        return len(list(self.folder.glob(f"{x}-*")))


@pytest.fixture
def retrying(executor: lithops.FunctionExecutor) -> RetryingFunctionExecutor:
    return RetryingFunctionExecutor(executor)


def test_attempts_are_retries_and_one(retrying: RetryingFunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=100)
    future = retrying.call_async(flaky, "x", retries=2)
    with pytest.raises(ConnectionError, match="attempt 2"):
        future.result(timeout=20)
    assert flaky.attempts() == 3
    assert isinstance(future, RetryingFuture)


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_a_call_that_succeeds_is_tried_no_more(
    retrying: RetryingFunctionExecutor, tmp_path: Path, retries: int
) -> None:
    flaky = Flaky(tmp_path, failures=0)
    assert retrying.call_async(flaky, "x", retries=retries).result(timeout=20) == 1
    assert flaky.attempts() == 1


@pytest.mark.parametrize(("failures", "result"), [(1, 2), (3, 4)])
def test_the_first_success_is_the_result(
    retrying: RetryingFunctionExecutor, tmp_path: Path, failures: int, result: int
) -> None:
    flaky = Flaky(tmp_path, failures)
    future = retrying.call_async(flaky, "x", retries=5)
    assert future.result(timeout=20) == result
    assert (future.success, future.error) == (True, False)
    assert flaky.attempts() == result


def test_without_retries_there_is_one_attempt(retrying: RetryingFunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=100)
    with pytest.raises(ConnectionError):
        retrying.call_async(flaky, "x").result(timeout=20)
    assert flaky.attempts() == 1


@pytest.mark.parametrize(("how", "kind"), [("kill", WorkerLostError), ("hang", CallTimeoutError)])
def test_lost_workers_and_time_outs_are_tried_again_too(
    retrying: RetryingFunctionExecutor, tmp_path: Path, how: str, kind: type[Exception]
) -> None:
    (tmp_path / "well").mkdir()
    well = Flaky(tmp_path / "well", failures=1, how=how)
    assert retrying.call_async(well, "x", retries=1, timeout=0.4).result(timeout=20) == 2
    (tmp_path / "ill").mkdir()
    ill = Flaky(tmp_path / "ill", failures=100, how=how)
    with pytest.raises(kind):
        retrying.call_async(ill, "x", retries=1, timeout=0.4).result(timeout=20)
    assert ill.attempts() == 2


def test_each_call_of_a_map_has_its_own_attempts(retrying: RetryingFunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=2)
    futures = retrying.map(flaky, ["a", "b", "c"], retries=3)
    assert retrying.get_result(futures, timeout=20) == [3, 3, 3]
    assert [flaky.attempts(x) for x in "abc"] == [3, 3, 3]


def test_only_failing_calls_are_tried_again(retrying: RetryingFunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=100)

    def sometimes(x: int) -> int:
        if x % 3 == 0:
            return flaky(x)
        (flaky.folder / f"{x}-0").touch()
        return x

    results = retrying.map(sometimes, range(1, 7), retries=2).get_result(throw_except=False, timeout=20)
    assert [results[at] for at in (0, 1, 3, 4)] == [1, 2, 4, 5]
    assert [flaky.attempts(x) for x in range(1, 7)] == [1, 1, 3, 1, 1, 3]


def test_a_call_is_tried_again_while_its_siblings_still_run(retrying: RetryingFunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=1)
    folder = tmp_path

    def work(x: str) -> int:
        if x == "flaky":
            return flaky(x)
        limit = time.monotonic() + 20
        while len(list(folder.glob("flaky-*"))) < 2 and time.monotonic() < limit:
            time.sleep(0.005)
        return len(list(folder.glob("flaky-*")))

    assert retrying.map(work, ["flaky", "slow"], retries=1).get_result(timeout=30) == [2, 2]


def test_the_wrapper_has_every_method_and_a_default(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=1)
    wrapped = RetryingFunctionExecutor(executor, retries=1)
    futures = wrapped.map_reduce(flaky, ["m", "n"], sum)
    assert wrapped.get_result(futures) == 4
    assert wrapped.executor_id == executor.executor_id
    future = wrapped.call_async(flaky, "o")
    assert wrapped.wait(future) == ([future], [])
    assert wrapped.job_summary()
    wrapped.clean(future)
    assert wrapped.storage is executor.storage
    assert wrapped.config == executor.config


def test_the_wrapper_is_a_context_manager(tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=1)
    with RetryingFunctionExecutor(lithops.FunctionExecutor(worker_processes=1)) as wrapped:
        assert wrapped.call_async(flaky, "x", retries=1).result(timeout=20) == 2
    with pytest.raises(LithopsError, match="closed"):
        wrapped.call_async(flaky, "x")


def test_retries_are_an_argument_of_every_submitting_method(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=1)
    assert executor.call_async(flaky, "a", retries=1).result(timeout=20) == 2
    assert executor.map(flaky, ["b"], retries=1).get_result(timeout=20) == [2]
    assert executor.map_reduce(flaky, ["c"], sum, retries=1).get_result(timeout=20) == 2
    assert list(executor.imap(flaky, ["d"], retries=1)) == [2]


def test_a_reducer_is_tried_again_with_the_same_input(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=2)

    def reduce(results: list[int]) -> tuple[int, list[int]]:
        return flaky("reduce"), results

    assert executor.map_reduce(abs, [-1, -2], reduce, retries=2).get_result(timeout=20) == (3, [1, 2])


def test_what_depends_on_a_call_waits_for_its_last_attempt(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=2)
    assert executor.map(flaky, ["x"], retries=2).map(lambda x: x * 10).get_result(timeout=20) == [30]


def test_a_policy_chooses_by_type_and_waits(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=2)
    policy = Retry(max_attempts=3, backoff=0.01, on=(ConnectionError,))
    assert executor.call_async(flaky, "yes", retries=policy).result(timeout=20) == 3
    never = Retry(max_attempts=3, backoff=0.01, on=(KeyError,))
    with pytest.raises(ConnectionError):
        executor.call_async(flaky, "no", retries=never).result(timeout=20)
    assert flaky.attempts("no") == 1


def test_the_configuration_sets_retries(tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=2)
    with lithops.FunctionExecutor(config={"lithops": {"retries": 2}}, worker_processes=1) as made:
        assert made.call_async(flaky, "config").result(timeout=20) == 3
        with pytest.raises(ConnectionError):
            made.call_async(flaky, "argument", retries=1).result(timeout=20)
        wrapped = RetryingFunctionExecutor(made)
        assert wrapped.call_async(flaky, "wrapped").result(timeout=20) == 3


def test_a_call_on_an_executor_that_is_closed_meanwhile_has_an_end(tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=10**9)
    with lithops.FunctionExecutor(worker_processes=1) as made:
        futures = made.map(flaky, ["x", "y"], retries=10**9)
        while flaky.attempts("y") < 3:
            time.sleep(0.005)
    for future in futures:
        assert isinstance(future.exception(20), LithopsError)


def test_a_cancelled_call_is_not_tried_again(executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    flaky = Flaky(tmp_path, failures=100, how="hang")
    future = executor.call_async(flaky, "x", retries=5)
    while not flaky.attempts():
        time.sleep(0.005)
    future.cancel()
    assert isinstance(future.exception(20), CallCancelledError)
    executor.map(abs, range(-20, 0)).get_result()
    assert flaky.attempts() == 1


def test_a_call_that_waits_for_its_next_attempt_can_be_cancelled(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    flaky = Flaky(tmp_path, failures=100)
    future = executor.call_async(flaky, "x", retries=Retry(max_attempts=3, backoff=3600.0))
    while not flaky.attempts():
        time.sleep(0.005)
    time.sleep(0.05)
    future.cancel()
    assert isinstance(future.exception(20), CallCancelledError)
