"""Tell the observers of a job's start, of the ends of its calls, and, when nothing more can come, of its own end."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lithops.engine.call import Call, Job
from lithops.engine.outcome import stats_of
from lithops.spi.hooks import CallEvent, JobEndEvent, JobEvent
from lithops.types import CallStatus, ErrorInfo

__all__ = ["Observers"]

_NO_ERROR = ErrorInfo("", "")


class Observers:
    """Those who want to know of an engine's jobs; with none of them, each of these methods does nothing. Thread-safe."""

    def __init__(
        self,
        on_job: Callable[[JobEvent], None] | None,
        on_call: Callable[[CallEvent], None] | None,
        on_job_end: Callable[[JobEndEvent], None] | None,
    ) -> None:
        self._on_job = on_job
        self._on_call = on_call
        self._on_job_end = on_job_end
        self._lock = threading.Lock()
        self._left: dict[
            str, int
        ] = {}  # of each job: minus the ends told so far, plus all its calls once they are known

    def job_started(self, job: Job, expected: int) -> None:
        """Tell that a job was accepted."""
        message = job.message
        if self._on_job is not None:
            self._on_job(JobEvent(message.executor_id, message.job_id, message.function_name, expected, job.created))

    def call_settled(self, call: Call, status: CallStatus) -> None:
        """Tell that a call has ended; on the thread that heard of it."""
        message = call.job.message
        if self._on_call is not None:
            error = status.error or _NO_ERROR
            ids = message.executor_id, message.job_id, call.call_id
            self._on_call(CallEvent(*ids, status.end.value, stats_of(call), status.attempt, error.type, error.message))
        if self._on_job_end is not None:
            self._count(call.job, -1)

    def job_filled(self, job: Job) -> None:
        """Note that no more calls come; its end is told after that of its last call, on the thread that told that."""
        if self._on_job_end is not None:
            self._count(job, len(job.calls))

    def _count(self, job: Job, change: int) -> None:
        message = job.message
        with self._lock:
            left = self._left.pop(message.job_id, 0) + change
            if left:
                self._left[message.job_id] = left
        if not left and self._on_job_end is not None:
            last = max((call.done_tstamp for call in job.calls), default=job.created)
            self._on_job_end(JobEndEvent(message.executor_id, message.job_id, len(job.calls), last))
