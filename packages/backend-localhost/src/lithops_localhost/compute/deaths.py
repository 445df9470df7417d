"""Say why a call has no result: what the system told of its worker."""

from __future__ import annotations

import signal

from lithops.spi import CallMessage, ErrorInfo

__all__ = ["died", "failed_start", "over_time"]


def over_time(call: CallMessage) -> ErrorInfo:
    """Describe a call that was ended because of its time-out."""
    return ErrorInfo("TimeoutError", f"it ran longer than its time-out of {call.job.timeout_s:g} s")


def died(code: int, tail: str) -> ErrorInfo:
    """Describe a death in the middle of a call. `code` is the return code (negative: a signal), `tail` the last text."""
    if code >= 0:
        return ErrorInfo(
            "WorkerLostError", f"its worker exited with code {code} in the middle of the call", tail, exit_code=code
        )
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return ErrorInfo("WorkerLostError", f"its worker was killed by signal {-code} ({name})", tail, signal=-code)


def failed_start(reason: str, interpreter: str, tail: str = "") -> ErrorInfo:
    """Describe that no worker comes up at all."""
    lines = tail.strip().splitlines() or ["it printed nothing"]
    return ErrorInfo(
        "WorkerLostError",
        f"no worker could be started by '{interpreter}' ({reason}): {lines[-1]}; 'lithops doctor' tells more",
        tail,
    )
