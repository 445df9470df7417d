"""What a picture shows of each call, read from what its future holds: nothing is fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops.future import ResponseFuture

__all__ = ["NEW", "RUNNING", "SUCCESS", "CallRow", "now_or_last", "rows_of"]

SUCCESS = "success"
RUNNING = "running"
"""The backend has it, and it has not ended."""

NEW = "new"
"""It waits here, for its inputs or its turn."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. Times are seconds since the epoch and never run backwards; None is what nobody has measured.

    `end` is how it ended, else `RUNNING` or `NEW`; `is_sent` tells whether the backend has had it. The worker had it
    from `fetched_at` on, its function ran from `started_at` to `ended_at`, and its end was known here at `known_at`.
    """

    executor_id: str
    job_id: str
    call_id: str
    function_name: str
    end: str
    submitted_at: float
    fetched_at: float | None
    started_at: float | None
    ended_at: float | None
    known_at: float | None
    cpu_s: float | None
    peak_bytes: int | None
    worker: str
    attempts: int
    is_sent: bool
    error_type: str = ""
    error_message: str = ""
    traceback: str = ""
    logs: str = ""

    @property
    def job_key(self) -> str:
        """The job's name among all executors."""
        return f"{self.executor_id}-{self.job_id}"

    @property
    def is_failed(self) -> bool:
        """Whether it ended without a result."""
        return self.end not in (SUCCESS, RUNNING, NEW)

    @property
    def function_s(self) -> float | None:
        """How long its function ran, in seconds."""
        return None if self.started_at is None or self.ended_at is None else self.ended_at - self.started_at


def rows_of(futures: Iterable[ResponseFuture]) -> list[CallRow]:
    """Read calls, in the order of the futures; one that is given twice counts once.

    Raises `ValueError` when there are none: there would be nothing to see.
    """
    calls = {id(future.__lithops_call__): future for future in futures}
    if not calls:
        raise ValueError(
            "there are no calls to show: submit some first, by 'map' or 'call_async', or give futures as 'fs'"
        )
    return [_row(future) for future in calls.values()]


def now_or_last(rows: Iterable[CallRow], now: float) -> float:
    """Tell where the pictures end: at the last end that is known; now, while there are calls without one."""
    ends = [row.known_at for row in rows]
    return max((now if end is None else end for end in ends), default=now)


def _row(future: ResponseFuture) -> CallRow:
    call = future.__lithops_call__
    status = call.status
    stats = future.stats
    submitted_at = float(stats.get("host_submit_tstamp", stats["host_job_create_tstamp"]))
    known_at = stats.get("host_status_done_tstamp")
    fetched_at, started_at, ended_at, known_at = _in_order(
        submitted_at, [stats.get(name) for name in _WORKER_TIMES], known_at
    )
    error = None if status is None or call.succeeded else status.error
    cpu = [stats[name] for name in _CPU if name in stats]
    return CallRow(
        executor_id=future.executor_id,
        job_id=future.job_id,
        call_id=future.call_id,
        function_name=future.function_name or "function",
        end=status.end.value if status is not None else NEW if future.new else RUNNING,
        submitted_at=submitted_at,
        fetched_at=fetched_at,
        started_at=started_at,
        ended_at=ended_at,
        known_at=known_at,
        cpu_s=sum(cpu) if cpu else None,
        peak_bytes=stats.get("worker_peak_memory_end"),
        worker=str(stats.get("worker_id", "")),
        attempts=call.attempt + 1,
        is_sent="host_submit_tstamp" in stats if status is not None else not future.new,
        error_type=error.type if error is not None else "",
        error_message=error.message if error is not None else "",
        traceback=error.traceback if error is not None else "",
        logs=call.logs,
    )


_WORKER_TIMES = ("worker_start_tstamp", "worker_func_start_tstamp", "worker_func_end_tstamp")
_CPU = ("worker_func_cpu_user_time", "worker_func_cpu_system_time")


def _in_order(submitted_at: float, worker_times: list[Any], known_at: float | None) -> tuple[float | None, ...]:
    """Keep a call's times between its submission and its end: a worker's clock may differ from this machine's.

    A worker's times are moved together as far as they must be, and so keep the distances between them.
    """
    known = [float(one) for one in worker_times if one is not None]
    if known:
        shift = max(0.0, submitted_at - known[0])
        if known_at is not None and known[-1] + shift > known_at:
            shift = max(submitted_at - known[0], known_at - known[-1])
        end = float("inf") if known_at is None else known_at
        worker_times = [None if one is None else min(float(one) + shift, end) for one in worker_times]
    return (*worker_times, known_at)
