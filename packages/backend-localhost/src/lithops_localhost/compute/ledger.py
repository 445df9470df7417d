"""Who wants to know of which job, and what was seen of it. Forgotten when its last call was reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakMethod, ref

from lithops.spi import CallMessage, CallOutput, CallStatus, Report
from lithops_localhost.compute.batches import Pace

__all__ = ["Ledger"]


class _Entry:
    __slots__ = ("left", "pace", "report")

    def __init__(self, report: Report) -> None:
        self.report = report
        self.left = 0
        self.pace = Pace()


class Ledger:
    """The jobs that have calls in the pool. Used by the pool's thread only."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._latest: Callable[[], Report | None] = lambda: None

    def open(self, calls: Sequence[CallMessage], report: Report) -> None:
        """Note that calls of one job came."""
        key = calls[0].job.job_key
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(report)
        entry.left += len(calls)
        self._latest = _weakly(report)

    def pace(self, call: CallMessage) -> Pace:
        """Give what was seen of the call's job."""
        return self._entries[call.job.job_key].pace

    def settle(self, call: CallMessage, status: CallStatus) -> None:
        """Report the end of a call."""
        key = call.job.job_key
        entry = self._entries[key]
        entry.left -= 1
        if not entry.left:
            del self._entries[key]
        entry.report(status)

    def print(self, output: CallOutput) -> None:
        """Report what a call printed, or a worker outside of a call: to who came last, when the job is over."""
        entry = self._entries.get(f"{output.executor_id}-{output.job_id}")
        report = self._latest() if entry is None else entry.report
        if report is not None:
            report(output)


def _weakly(report: Report) -> Callable[[], Report | None]:
    """Refer to a report without keeping its engine alive: an executor that nobody has any more must end."""
    return WeakMethod(report) if hasattr(report, "__self__") else ref(report)
