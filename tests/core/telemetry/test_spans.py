"""A span for a job and one for each of its calls, in the application's own provider."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

import lithops
from lithops.errors import CallCancelledError, WorkerLostError


def double(x: int) -> int:
    return 2 * x


def fail_on_two(x: int) -> int:
    if x == 2:
        raise KeyError("no two")
    return x


def only(spans: list[ReadableSpan]) -> ReadableSpan:
    (span,) = spans
    return span


def having(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)
    assert condition()


def test_a_job_has_a_span_and_its_calls_are_its_children(seen: Any, executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(double, range(5))
    assert futures.get_result() == [0, 2, 4, 6, 8]
    wait_for(lambda: bool(seen.spans("job ")))
    job = only(seen.spans("job "))
    assert job.name == "job double"
    assert job.parent is None
    assert job.status.status_code is StatusCode.UNSET
    assert having(job) == {
        "lithops.executor_id": executor.executor_id,
        "lithops.job_id": futures[0].job_id,
        "lithops.function": "double",
        "lithops.backend": "localhost",
        "lithops.calls": 5,
        "lithops.ends.success": 5,
    }
    calls = seen.spans("call double")
    assert {call.parent.span_id for call in calls} == {job.context.span_id}
    assert {call.context.trace_id for call in calls} == {job.context.trace_id}
    assert sorted(having(call)["lithops.call_id"] for call in calls) == [f"{at:05d}" for at in range(5)]


def test_a_call_has_the_times_and_figures_of_its_worker(seen: Any, executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(double, 21)
    future.result()
    wait_for(lambda: bool(seen.spans("job ")))
    call, stats = only(seen.spans("call ")), future.stats
    assert call.start_time == int(stats["worker_start_tstamp"] * 1e9)
    assert call.end_time == int(stats["worker_end_tstamp"] * 1e9)
    cpu = stats["worker_func_cpu_user_time"] + stats["worker_func_cpu_system_time"]
    assert having(call) == {
        "lithops.call_id": "00000",
        "lithops.end": "success",
        "lithops.attempts": 1,
        "lithops.worker_id": stats["worker_id"],
        "lithops.peak_memory_bytes": stats["worker_peak_memory_end"],
        "lithops.function_seconds": stats["worker_func_exec_time"],
        "lithops.cpu_seconds": cpu,
    }
    job = only(seen.spans("job "))
    assert job.start_time == int(stats["host_job_create_tstamp"] * 1e9)
    assert job.end_time == int(stats["host_status_done_tstamp"] * 1e9)


def test_the_span_that_is_current_is_the_parent(seen: Any, executor: lithops.FunctionExecutor) -> None:
    with trace.get_tracer("program").start_as_current_span("mine") as mine:
        executor.map(double, [1])
        futures = executor.map(lambda x: x, [2])
    futures.get_result()
    wait_for(lambda: len(seen.spans("job ")) == 2)
    assert {job.parent.span_id for job in seen.spans("job ")} == {mine.get_span_context().span_id}


def test_a_failure_is_an_error_of_its_call_and_of_the_job(seen: Any, executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(fail_on_two, range(4))
    executor.wait(futures, throw_except=False)
    wait_for(lambda: bool(seen.spans("job ")))
    job = only(seen.spans("job "))
    assert (job.status.status_code, job.status.description) == (StatusCode.ERROR, "1 of 4 calls failed")
    assert having(job)["lithops.ends.error"] == 1
    failed = [call for call in seen.spans("call ") if call.status.status_code is StatusCode.ERROR]
    assert having(only(failed))["error.type"].endswith("KeyError")
    assert "no two" in (only(failed).status.description or "")
    assert having(only(failed))["lithops.call_id"] == "00002"


def test_attempts_are_counted(seen: Any, executor: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def second_time(folder: str) -> int:
        if os.path.exists(f"{folder}/tried"):
            return 1
        open(f"{folder}/tried", "w").close()
        raise OSError("not yet")

    assert executor.map(second_time, [str(tmp_path)], retries=2).get_result() == [1]
    wait_for(lambda: bool(seen.spans("job ")))
    call = only(seen.spans("call "))
    assert having(call)["lithops.attempts"] == 2
    assert call.status.status_code is StatusCode.UNSET


def test_a_lost_worker_leaves_the_times_of_its_client(seen: Any, executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(os._exit, 3)
    with pytest.raises(WorkerLostError):
        future.result()
    wait_for(lambda: bool(seen.spans("job ")))
    call = only(seen.spans("call "))
    assert having(call)["lithops.end"] == "lost"
    assert call.status.status_code is StatusCode.ERROR
    assert call.start_time == int(future.stats["host_submit_tstamp"] * 1e9)
    assert call.end_time == int(future.stats["host_status_done_tstamp"] * 1e9)


def test_a_cancelled_call_is_no_error(seen: Any, executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(time.sleep, 50)
    future.cancel()
    with pytest.raises(CallCancelledError):
        future.result()
    wait_for(lambda: bool(seen.spans("job ")))
    assert having(only(seen.spans("job ")))["lithops.ends.cancelled"] == 1
    assert {span.status.status_code for span in seen.spans()} == {StatusCode.UNSET}


def test_input_without_a_length_ends_its_job_too(seen: Any, executor: lithops.FunctionExecutor) -> None:
    executor.map(double, (x for x in range(100))).get_result()
    assert list(executor.imap(double, iter(range(70)), in_flight=8)) == [2 * x for x in range(70)]
    assert executor.map(double, []) == []
    wait_for(lambda: len(seen.spans("job ")) == 3)
    assert sorted(having(job)["lithops.calls"] for job in seen.spans("job ")) == [0, 70, 100]
    assert len(seen.spans("call ")) == 170


def test_a_stream_that_nobody_reads_to_its_end_ends_its_job(seen: Any, executor: lithops.FunctionExecutor) -> None:
    stream = executor.imap(double, iter(range(1000)), in_flight=4)
    assert next(stream) == 0
    del stream
    wait_for(lambda: bool(seen.spans("job ")))
    assert 0 < having(only(seen.spans("job ")))["lithops.calls"] < 1000


def test_input_that_breaks_ends_its_job(seen: Any, executor: lithops.FunctionExecutor) -> None:
    def broken() -> Iterator[int]:
        yield from range(40)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        executor.map(double, broken())
    wait_for(lambda: bool(seen.spans("job ")))
    assert having(only(seen.spans("job ")))["lithops.calls"] == len(seen.spans("call "))


def test_a_call_that_needs_a_failed_one_is_an_error_of_the_same_type(
    seen: Any, executor: lithops.FunctionExecutor
) -> None:
    first = executor.call_async(fail_on_two, 2)
    second = executor.call_async(double, first)
    executor.wait([first, second], throw_except=False)
    wait_for(lambda: len(seen.spans("job ")) == 2)
    assert [having(call)["error.type"].rpartition(".")[2] for call in seen.spans("call ")] == ["KeyError"] * 2


def test_close_ends_the_span_of_a_job_that_runs(seen: Any) -> None:
    with lithops.FunctionExecutor(config={"lithops": {"telemetry": True}}, worker_processes=1) as executor:
        executor.map(time.sleep, [50, 50])
    assert having(only(seen.spans("job ")))["lithops.ends.cancelled"] == 2


def test_two_executors_and_many_threads_mix_nothing_up(seen: Any, executor: lithops.FunctionExecutor) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with (
        lithops.FunctionExecutor(config={"lithops": {"telemetry": True}}, worker_processes=1) as other,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(lambda at: (executor, other)[at % 2].map(double, range(20)).get_result(), range(16)))
        wait_for(lambda: len(seen.spans("job ")) == 16)
    for job in seen.spans("job "):
        assert having(job)["lithops.ends.success"] == 20
        assert sum(call.parent.span_id == job.context.span_id for call in seen.spans("call ")) == 20


def test_a_processor_that_raises_disturbs_no_job(
    seen: Any, executor: lithops.FunctionExecutor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug of the application's")

    monkeypatch.setattr(seen.tracers._active_span_processor, "on_start", broken)
    assert executor.map(double, [1, 2]).get_result() == [2, 4]
    assert "telemetry lost an event" in caplog.text
