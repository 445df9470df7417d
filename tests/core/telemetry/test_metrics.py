"""Metrics of calls, in the application's own provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lithops
from lithops.engine.bill import Bill
from lithops.spi.compute import ComputeBackend, Cost, Report, RuntimeSpec
from lithops.spi.hooks import JobEndEvent
from lithops.telemetry.observing import Telemetry
from lithops.types import CallMessage, Handle


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)
    assert condition()


def even_only(x: int) -> int:
    if x % 2:
        raise ValueError(x)
    return x


def until_there(path: str) -> None:
    limit = time.monotonic() + 20
    while not Path(path).exists() and time.monotonic() < limit:
        time.sleep(0.005)


def test_calls_are_counted_by_their_end(seen: Any, executor: lithops.FunctionExecutor) -> None:
    executor.wait(executor.map(even_only, range(5)), throw_except=False)
    wait_for(lambda: bool(seen.spans("job ")))
    ends = {
        end: sum(point.value for point in seen.points("lithops.calls", lithops_function="even_only", lithops_end=end))
        for end in ("success", "error")
    }
    assert ends == {"success": 3, "error": 2}


def test_durations_and_waits_are_in_seconds(seen: Any, executor: lithops.FunctionExecutor) -> None:
    def nap(x: float) -> None:
        time.sleep(x)

    futures = executor.map(nap, [0.02, 0.02, 0.02])
    futures.get_result()
    wait_for(lambda: bool(seen.spans("job ")))
    (duration,) = seen.points("lithops.call.duration", lithops_function="nap")
    (queued,) = seen.points("lithops.call.queue.duration", lithops_function="nap")
    stats = [future.stats for future in futures]
    assert abs(duration.sum - sum(one["worker_exec_time"] for one in stats)) < 1e-6
    waits = [max(0.0, one["worker_start_tstamp"] - one["host_submit_tstamp"]) for one in stats]
    assert abs(queued.sum - sum(waits)) < 1e-6
    assert (duration.count, queued.count) == (3, 3)
    assert duration.explicit_bounds[0] == 0.001


def test_calls_in_flight_rise_and_fall(seen: Any, executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def active() -> int:
        return sum(point.value for point in seen.points("lithops.active_calls"))

    before = active()
    futures = executor.map(until_there, [str(tmp_path / "open")] * 7)
    assert active() == before + 7
    (tmp_path / "open").touch()
    futures.get_result()
    wait_for(lambda: active() == before)


class Priced(ComputeBackend):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        raise NotImplementedError

    def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost:
        return Cost(0.25 * billed_s, "USD", "2026-01-01")


class Engine:
    """As much of an engine as has to do with cost."""

    def __init__(self, bill: Bill) -> None:
        self.bill = bill

    def unfinished(self) -> int:
        return 0


def test_the_cost_is_added_as_jobs_end(seen: Any) -> None:
    bill = Bill(Priced())
    engine = Engine(bill)
    telemetry = Telemetry("priced")
    telemetry.watch(engine)
    for _ in range(2):
        bill.add(RuntimeSpec(), 2.0, None)
        telemetry.job_ended(JobEndEvent("0", "M000", 1, time.time()))
    telemetry.close()
    telemetry.close()
    (point,) = seen.points("lithops.cost", lithops_backend="priced")
    assert (point.value, point.attributes["lithops.currency"]) == (1.0, "USD")
