"""What the lines of a function's log tell: whose they are, and how an invocation died. Pure functions.

A sandbox writes one stream, one invocation after another:

    INIT_START ...                                    a cold start
    START RequestId: <id> Version: ...
    what the function prints                          without an id
    <time> <id> Task timed out after 3.00 seconds     a death, one of these
    RequestId: <id> Error: Runtime exited with error: signal: killed
    END RequestId: <id>
    REPORT RequestId: <id>  Duration: ...  Memory Size: 128 MB  Max Memory Used: 128 MB  [Status: timeout]
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lithops.spi.compute import Exit

__all__ = ["DEATHS", "TIMED_OUT", "Line", "Owned", "owned", "read_deaths"]

TIMED_OUT = "Task timed out"
"""How the reason of a death by time-out begins."""

DEATHS = (TIMED_OUT, "Runtime exited", "Runtime.ExitError", "Status: timeout", "Status: error", "Runtime.OutOfMemory")
"""What a line says that tells of a death; CloudWatch looks for these."""

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_BEGINS = re.compile(rf"START RequestId: ({_UUID})")
_NAMED = re.compile(rf"(?:END |REPORT )?RequestId: ({_UUID})")
_TIMEOUT = re.compile(rf"(?:\S+ )?({_UUID}) ({TIMED_OUT} after [0-9.]+ seconds)")
_ERROR = re.compile(r"RequestId: \S+ Error: (.*)")
_SIGNAL = re.compile(r"signal: ([a-z /]+?)(?: \(core dumped\))?\s*$")
_STATUS = re.compile(r"exit status (\d+)")
_MEMORY = re.compile(r"Memory Size: (\d+) MB\s+Max Memory Used: (\d+) MB")
_REPORTED = re.compile(r"\tStatus: (timeout|error)(?:\s+Error Type: (\S+))?")
_SIGNALS = {  # as Go names them, in which Lambda is written
    "aborted": signal.SIGABRT,
    "bus error": signal.SIGBUS,
    "floating point exception": signal.SIGFPE,
    "hangup": signal.SIGHUP,
    "illegal instruction": signal.SIGILL,
    "interrupt": signal.SIGINT,
    "killed": signal.SIGKILL,
    "quit": signal.SIGQUIT,
    "segmentation fault": signal.SIGSEGV,
    "terminated": signal.SIGTERM,
}
_OF_LAMBDA = re.compile(
    rf"(?:START|END|REPORT|INIT_START|INIT_REPORT|XRAY) |RequestId: {_UUID} |(?:\S+ )?{_UUID} {TIMED_OUT}|"
    rf"Runtime\.ExitError\s*$|lithops \S+ \d+ \d+ {_UUID}\s*$"
)
_TAIL_LINES = 20


class Line(NamedTuple):
    """One event of a log; `at_ms` is since the epoch."""

    stream: str
    at_ms: int
    text: str


class Owned(NamedTuple):
    """A line and the invocation that it belongs to; "" where the log does not tell."""

    request_id: str
    line: Line


@dataclass(slots=True)
class _Said:
    """What the log says of one invocation."""

    reasons: list[str] = field(default_factory=list)
    signal: int | None = None
    exit_code: int | None = None
    is_at_limit: bool = False
    is_out_of_memory: bool = False
    lines: list[str] = field(default_factory=list)


def owned(lines: Iterable[Line]) -> Iterator[Owned]:
    """Say whose each line is: that which it names, else the invocation that its stream is in. Lines come in order."""
    current: dict[str, str] = {}
    for line in lines:
        begins = _BEGINS.match(line.text)
        if begins:
            current[line.stream] = begins[1]
        named = begins or _NAMED.match(line.text) or _TIMEOUT.match(line.text)
        yield Owned(named[1] if named else current.get(line.stream, ""), line)


def read_deaths(lines: Iterable[Line]) -> dict[str, Exit]:
    """Give how invocations died, by request id; those that did not are not in it.

    A time-out's reason begins with `TIMED_OUT`. It was memory when the process was killed at its limit.
    """
    said: dict[str, _Said] = {}
    for request_id, line in owned(lines):
        if request_id:
            one = said.setdefault(request_id, _Said())
            one.lines.append(line.text.rstrip("\n"))
            _note(one, line.text)
    return {request_id: _exit(one) for request_id, one in said.items() if one.reasons}


def _note(one: _Said, text: str) -> None:
    """Take from a line of Lambda's own what it tells. What the function prints may look like anything: it has no id."""
    timeout, error = _TIMEOUT.match(text), _ERROR.match(text)
    if timeout:
        one.reasons.insert(0, timeout[2])
    elif error:
        one.reasons.append(error[1].strip())
        killed, status = _SIGNAL.search(error[1]), _STATUS.search(error[1])
        if killed:
            one.signal = _SIGNALS.get(killed[1])
        if status:
            one.exit_code = int(status[1])
    elif text.startswith("REPORT RequestId: "):
        memory, reported = _MEMORY.search(text), _REPORTED.search(text)
        one.is_at_limit = memory is not None and int(memory[2]) >= int(memory[1])
        if reported:
            kind = reported[2] or ("Sandbox.Timedout" if reported[1] == "timeout" else "an error of its runtime")
            one.is_out_of_memory = kind == "Runtime.OutOfMemory"
            one.reasons.append(TIMED_OUT if reported[1] == "timeout" else f"its worker ended: {kind}")


def _exit(one: _Said) -> Exit:
    is_timeout = one.reasons[0].startswith(TIMED_OUT)
    is_killed = one.signal in (None, signal.SIGKILL) and one.exit_code is None
    report = [line for line in one.lines if line.startswith("REPORT ")]
    own = [line for line in one.lines if not _OF_LAMBDA.match(line)]
    return Exit(
        one.reasons[0],
        signal=one.signal,
        exit_code=one.exit_code,
        memory_limit=one.is_out_of_memory or (one.is_at_limit and is_killed and not is_timeout),
        log_tail="\n".join([*report, *own[-_TAIL_LINES:]]),  # its own words last: messages end with these
    )
