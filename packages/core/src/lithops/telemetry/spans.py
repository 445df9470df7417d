"""The spans of a job and of its calls: their names, attributes and times."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from lithops.spi.hooks import CallEvent, JobEvent
from lithops.types import CallEnd

__all__ = ["JobSpan"]

MESSAGE_CHARACTERS = 300
_FINE = {CallEnd.SUCCESS.value, CallEnd.CANCELLED.value}
_MEASURED = {
    "worker_id": "lithops.worker_id",
    "worker_peak_memory_end": "lithops.peak_memory_bytes",
    "worker_func_exec_time": "lithops.function_seconds",
}


class JobSpan:
    """The span of a job, whose parent is what is current in this thread now. Not thread-safe."""

    def __init__(self, tracer: Tracer, event: JobEvent, backend: str) -> None:
        self.created = event.tstamp
        self.function = event.function_name or "function"
        self.ends: dict[str, int] = {}
        self._tracer = tracer
        self._span: Span = tracer.start_span(
            f"job {self.function}",
            start_time=_ns(event.tstamp),
            attributes={
                "lithops.executor_id": event.executor_id,
                "lithops.job_id": event.job_id,
                "lithops.function": self.function,
                "lithops.backend": backend,
            },
        )
        self._context = set_span_in_context(self._span)
        self._last = event.tstamp

    def add(self, event: CallEvent) -> None:
        """Make the span of a call that has ended, with the times of its worker; else those that its client knows."""
        self.ends[event.end] = self.ends.get(event.end, 0) + 1
        stats = event.stats
        done = stats.get("host_status_done_tstamp", self._last)
        self._last = max(self._last, done)
        start = stats.get("worker_start_tstamp") or min(stats.get("host_submit_tstamp", self.created), done)
        end = max(start, stats.get("worker_end_tstamp", done))
        attributes: dict[str, Any] = {
            "lithops.call_id": event.call_id,
            "lithops.end": event.end,
            "lithops.attempts": event.attempt + 1,
        }
        for name, attribute in _MEASURED.items():
            if name in stats:
                attributes[attribute] = stats[name]
        if "worker_func_cpu_user_time" in stats:
            cpu = stats["worker_func_cpu_user_time"] + stats["worker_func_cpu_system_time"]
            attributes["lithops.cpu_seconds"] = cpu
        if event.end not in _FINE:
            attributes["error.type"] = event.error_type or event.end
        span = self._tracer.start_span(
            f"call {self.function}", self._context, start_time=_ns(start), attributes=attributes
        )
        if event.end not in _FINE:
            reason = f"{event.error_type or event.end}: {event.error_message}"
            span.set_status(Status(StatusCode.ERROR, reason[:MESSAGE_CHARACTERS]))
        span.end(_ns(end))

    def close(self, calls: int, end: float) -> None:
        """End the span of the job, at `end` seconds since the epoch."""
        self._span.set_attribute("lithops.calls", calls)
        for name, count in self.ends.items():
            self._span.set_attribute(f"lithops.ends.{name}", count)
        unfinished = calls - sum(self.ends.values())
        if unfinished > 0:
            self._span.set_attribute("lithops.unfinished", unfinished)
        failed = sum(count for name, count in self.ends.items() if name not in _FINE)
        if failed:
            self._span.set_status(Status(StatusCode.ERROR, f"{failed} of {calls} calls failed"))
        self._span.end(_ns(max(end, self._last)))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
