"""Hundreds of calls on a local Lambda that throttles, kills, cuts connections and runs events twice: all end right.

"Right" is each result, and what is left afterwards: nothing here, nothing that runs there, no object of the job.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_executors import Before, Executors, executors, home
from tests.aws.lambda_fixtures import LocalLambda, running_lambda
from tests.aws.lambda_tools import until

from lithops import FunctionExecutor, Retry

__all__ = ["executors", "home"]

# A client that is told how long to wait waits: 1 s at each refusal is more than a test has time for.
THROTTLES = {"throttle": 0.2, "retry_after_s": 0}
KILLS = {"kill": 0.1, "kill_within_s": 0.02}
RETRIES = Retry(max_attempts=9)  # a chance of 0.1 ** 9 to fail by kills alone


@pytest.fixture(scope="module")
def local_lambda() -> Iterator[LocalLambda]:
    """A server of these tests' own: what others left running there would count as left behind."""
    with running_lambda() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def warm(executors: Executors) -> Executors:
    """The runtime is deployed, and what the SDK keeps for good is there."""
    for invocation in ("reply", "event"):
        executors.open(invocation=invocation).map(abs, range(16)).get_result()
    return executors


@pytest.fixture
def chaos(warm: Executors) -> Iterator[Executors]:
    yield warm
    warm.cloud.faults()


def counted(executors: Executors, group: str) -> dict[str, int]:
    found: dict[str, int] = executors.cloud.counts().get(group, {})
    return found


def run(executors: Executors, calls: int, faults: dict[str, Any], **keys: Any) -> dict[str, int]:
    """Run calls with faults, check all that they leave, and give how often each fault struck."""
    before, struck = Before(), counted(executors, "faults")
    executors.cloud.faults(**faults)
    with FunctionExecutor(config=executors.config(**keys)) as executor:
        futures = executor.map(lambda x: 2 * x, range(calls), include_modules=None, retries=RETRIES, timeout=20)
        assert executor.get_result(futures) == [2 * x for x in range(calls)]
        assert all(future.success for future in futures)
        executors.cloud.faults()
        idle(executors)  # what was started twice may end after the job, and writes its status then
        assert calls <= executor.cost().attempts <= 3 * calls
        executor.clean(clean_fn=True)
        assert executors.objects(f"lithops.jobs/{executor.executor_id}/") == []
    # The store's connections are those of its SDK, which the futures keep: they may be asked for results still.
    until(lambda: not [one for one in before.left() if one.startswith(("thread ", "child "))])
    return {name: count - struck.get(name, 0) for name, count in counted(executors, "faults").items()}


def idle(executors: Executors) -> None:
    """Wait until nothing runs or waits there."""
    time.sleep(0.1)  # an event that was refused a moment ago is neither
    until(lambda: not (counts := executors.cloud.counts())["running"] and not counts["unfinished"], 20.0)


def test_500_answered_calls_through_all_faults_at_once(chaos: Executors) -> None:
    struck = run(chaos, 500, {**THROTTLES, **KILLS, "cut": 0.1, "s3_slow_s": 0.02}, invocation="reply")
    assert min(struck["throttle"], struck["kill"], struck["cut"]) > 20, struck


def test_200_events_through_all_faults_at_once(chaos: Executors) -> None:
    faults = {**THROTTLES, **KILLS, "cut": 0.1, "duplicate": 0.05, "s3_slow_s": 0.02}
    struck = run(chaos, 200, faults, invocation="event")
    assert min(struck["throttle"], struck["kill"], struck["cut"], struck["duplicate"]) > 2, struck


@pytest.mark.parametrize("invocation", ["reply", "event"])
def test_a_platform_that_names_a_delay_is_obeyed(chaos: Executors, invocation: str) -> None:
    struck = run(chaos, 20, {"throttle": 0.2, "retry_after_s": 1, "seed": 3}, invocation=invocation)
    assert struck["throttle"] > 0


@pytest.mark.parametrize("invocation", ["reply", "event"])
def test_an_account_that_runs_little_at_once_runs_all(chaos: Executors, invocation: str) -> None:
    run(chaos, 60, {"concurrency": 3, "retry_after_s": 0}, invocation=invocation)


def test_a_store_that_throttles_delays_events_only(chaos: Executors) -> None:
    struck = run(chaos, 50, {"s3_throttle": 0.2}, invocation="event")
    assert struck["s3_throttle"] > 5
