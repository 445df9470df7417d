"""The lines that Lambda itself writes to a function's log, and the bodies of its own errors: pure functions."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = [
    "Measured",
    "end_line",
    "error_body",
    "exit_message",
    "init_report",
    "report",
    "start_line",
    "timeout_message",
]

_WORDS = {  # as Go's runtime, in which Lambda is written, names them
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGPIPE: "broken pipe",
    signal.SIGTERM: "terminated",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a REPORT line tells. `init_s` is None in a warm sandbox."""

    duration_s: float
    memory_mb: int
    peak_bytes: int
    init_s: float | None = None
    status: str = "success"
    error_type: str = ""

    @property
    def billed_ms(self) -> int:
        """Milliseconds rounded up; a cold start's are billed too, since August 2025."""
        return max(1, math.ceil(round((self.duration_s + (self.init_s or 0.0)) * 1000, 2)))


def start_line(request_id: str, version: str) -> str:
    """Begin an invocation."""
    return f"START RequestId: {request_id} Version: {version}\n"


def end_line(request_id: str) -> str:
    """End an invocation."""
    return f"END RequestId: {request_id}\n"


def report(request_id: str, told: Measured) -> str:
    """Tell what an invocation took."""
    peak_mb = min(told.memory_mb, max(1, math.ceil(told.peak_bytes / (1 << 20))))
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {told.duration_s * 1000:.2f} ms",
        f"Billed Duration: {told.billed_ms} ms",
        f"Memory Size: {told.memory_mb} MB",
        f"Max Memory Used: {peak_mb} MB",
    ]
    if told.init_s is not None:
        fields.append(f"Init Duration: {told.init_s * 1000:.2f} ms")
    if told.status != "success":
        fields.append(f"Status: {told.status}")
    if told.error_type:
        fields.append(f"Error Type: {told.error_type}")
    return "\t".join(fields) + "\t\n"


def init_report(init_s: float, phase: str, status: str, error_type: str = "") -> str:
    """Tell of an initialization that failed."""
    kind = f"\tError Type: {error_type}" if error_type else ""
    return f"INIT_REPORT Init Duration: {init_s * 1000:.2f} ms\tPhase: {phase}\tStatus: {status}{kind}\n"


def exit_message(status: int) -> str:
    """Say how a runtime ended; `status` as of `os.waitpid`."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        core = " (core dumped)" if os.WCOREDUMP(status) else ""
        word = _WORDS.get(signal.Signals(number), f"signal {number}") if number < 32 else f"signal {number}"
        return f"Runtime exited with error: signal: {word}{core}"
    code = os.waitstatus_to_exitcode(status)
    return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"


def timeout_message(timeout_s: float, request_id: str) -> str:
    """Give the log's line about a function that took too long."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{now}Z {request_id} Task timed out after {timeout_s:.2f} seconds\n"


def error_body(error_type: str, message: str) -> bytes:
    """Give the answer to a call whose function did not answer."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()
