"""What an answer of Lambda says of its call: pure functions.

Lambda answers 200 when the function ran, well or not: what went wrong with the function is in a header and the body, and the
end of its log in another header. Other numbers mean that it did not run.
"""

from __future__ import annotations

import binascii
import io
import json
import re
from collections.abc import Iterable
from typing import TypeAlias

from lithops.errors import BackendError, WireError
from lithops.spi.compute import Refusal, Unheard
from lithops.types import CallEnd, CallMessage, CallOutput, CallStatus, ErrorInfo
from lithops.wire.envelope import decode, read_messages
from lithops.wire.output import decode_output
from lithops.wire.status import decode_status
from lithops.worker.overtime import EXIT_CODE, OVERTIME
from lithops_aws.compute.errors import error_of
from lithops_aws.compute.invoke import Answer
from lithops_aws.compute.logs_reading import Line, read_deaths

__all__ = ["Said", "is_missing", "read_answer", "refusal_of"]

Said: TypeAlias = CallStatus | CallOutput | Refusal | Unheard

UPDATE = "the runtime does not fit this client: make it anew by 'lithops runtime update'"

_LONG_S = 10.0
"""A server error that comes later than this is no refusal: the connection to a function that ran was lost inside Lambda."""

_BILLED = re.compile(r"\tBilled Duration: (\d+) ms")
_FAILED_INIT = re.compile(r"^INIT_REPORT .*Phase: invoke\tStatus: \w+", re.MULTILINE)
_OF_LAMBDA = (
    "START RequestId: ",
    "REPORT RequestId: ",
    "INIT_START ",
    "INIT_REPORT ",
    "XRAY TraceId: ",
    "Runtime.ExitError",
)
_DEATH = re.compile(r"(?:\S+ [0-9a-f-]{36} Task timed out|RequestId: [0-9a-f-]{36} (?:Error: |Process exited))")
_END = "END RequestId: "
_WIRE_ERRORS = ("WireError", "WireVersionError")
_OF_PLATFORM = ("Runtime.", "Sandbox.", "Extension.", "Function.")


def read_answer(answer: Answer, call: CallMessage, waited_s: float) -> list[Said]:
    """Give all that is to be reported of an answer to a synchronous invocation, in order."""
    if answer.status >= 300:
        error = refusal_of(answer, call.job.function_name)
        if answer.status >= 500 and waited_s > _LONG_S:
            return [Unheard([call], str(error))]
        return [Refusal([call], error)]
    tail = _tail(answer.headers.get("x-amz-log-result", ""))
    billed_s = _billed_s(tail)
    if "x-amz-function-error" in answer.headers:
        said = _own_text(tail, ())
        end, why = _failure(answer, call, tail)
        why = why._replace(traceback=f"{_report(tail)}\n{said}".strip())  # its own words last: messages end with these
        return [*_as_output(call, said), CallStatus.of(call, end, why, billed_s=billed_s)]
    try:
        status_, printed = _read_body(answer.body)
        if (status_.executor_id, status_.job_id, status_.call_id, status_.attempt) != (
            call.job.executor_id,
            call.job.job_id,
            call.call_id,
            call.attempt,
        ):
            raise WireError("it is the status of another call")
    except (WireError, ValueError) as exc:
        reason = f"the function's answer cannot be read ({exc}): {UPDATE}"
        return [CallStatus.of(call, CallEnd.REJECTED, ErrorInfo(type(exc).__name__, reason, tail), billed_s=billed_s)]
    status_.billed_s = billed_s
    return [*printed, *_as_output(call, _own_text(tail, [one.text for one in printed])), status_]


def refusal_of(answer: Answer, function_name: str = "") -> BackendError:
    """Make the error of an answer that says that nothing was started."""
    told = _json_object(answer.body)
    kind = answer.headers.get("x-amzn-errortype") or str(told.get("__type") or told.get("code") or "")
    kind = kind.rpartition("#")[2].partition(":")[0]
    message = str(told.get("message") or told.get("Message") or "")
    if told.get("Reason"):
        message = f"{message} {told['Reason']}".strip()
    what = f"starting a call of '{function_name}' on AWS Lambda"
    if answer.status == 413:
        return BackendError(
            f"{what} failed: {message or 'it is too big'} ({kind or 413}); give it less input, or let it read from the "
            "storage"
        )
    return error_of(kind, answer.status, message, what=what, retry_after_s=_seconds(answer.headers.get("retry-after")))


def is_missing(answer: Answer) -> bool:
    """Tell whether the answer says that there is no such function."""
    return answer.status == 404


def _read_body(body: bytes) -> tuple[CallStatus, list[CallOutput]]:
    told = _json_object(body)
    status, output = told.get("status"), told.get("output", "")
    if not isinstance(status, str) or not isinstance(output, str):
        raise WireError(f"it begins with {body[:60]!r}")
    found = decode_status(decode(bytearray(binascii.a2b_base64(status, strict_mode=True))))
    printed = []
    if output:
        stream = io.BytesIO(binascii.a2b_base64(output, strict_mode=True))
        printed = [decode_output(message) for message in read_messages(stream)]
    return found, printed


def _failure(answer: Answer, call: CallMessage, tail: str) -> tuple[CallEnd, ErrorInfo]:
    """Say how a call ended whose function did not answer."""
    told = _json_object(answer.body)
    kind, message = str(told.get("errorType") or ""), str(told.get("errorMessage") or "")
    if kind == "Sandbox.Timedout" or "Task timed out after" in message:
        _, _, after = message.rpartition("Task timed out after ")
        return CallEnd.TIMEOUT, ErrorInfo("CallTimeoutError", f"it ran over the {after or 'time-out'} of its function")
    lines = [Line("", 0, line) for line in (*tail.splitlines(), message)]
    death = next(iter(read_deaths(lines).values()), None)
    reason = _cause(message)
    if (death is not None and death.memory_limit) or kind == "Runtime.OutOfMemory":
        memory = f"{call.job.memory_mb} MB" if call.job.memory_mb is not None else "its function's"
        reason = f"it reached its memory limit of {memory} ({reason})"
        return CallEnd.LOST, ErrorInfo("WorkerMemoryError", reason, signal=9, memory_limit=True)
    if _FAILED_INIT.search(tail):
        return CallEnd.REJECTED, ErrorInfo(kind, f"the function ended while it was prepared ({reason}): {UPDATE}")
    if death is not None and death.exit_code == EXIT_CODE and OVERTIME in tail:
        seconds = f" of {call.job.timeout_s:g} s" if call.job.timeout_s is not None else ""
        return CallEnd.TIMEOUT, ErrorInfo("CallTimeoutError", f"it ran over its time-out{seconds}")
    if kind in ("Runtime.ExitError", "Runtime.Unknown", ""):
        signal, code = (death.signal, death.exit_code) if death is not None else (None, None)
        return CallEnd.LOST, ErrorInfo("WorkerLostError", reason or "its worker ended", signal=signal, exit_code=code)
    if kind in _WIRE_ERRORS or kind.startswith(_OF_PLATFORM):
        return CallEnd.REJECTED, ErrorInfo(kind, f"{kind}: {message}: {UPDATE}")
    return CallEnd.ERROR, ErrorInfo(kind, message)


def _cause(message: str) -> str:
    """Leave out the id of the request."""
    before, _, after = message.partition(" Error: ")
    return after if before.startswith("RequestId: ") and after else message


def _tail(header: str) -> str:
    if not header:
        return ""
    try:
        return binascii.a2b_base64(header).decode("utf-8", "replace")  # Lambda cuts its beginning anywhere
    except ValueError:
        return ""


def _billed_s(tail: str) -> float | None:
    found = _BILLED.search(tail, max(0, tail.rfind("REPORT RequestId: ")))
    return int(found[1]) / 1000 if found else None


def _report(tail: str) -> str:
    at = tail.rfind("REPORT RequestId: ")
    return tail[at:].strip() if at >= 0 else ""


def _own_text(tail: str, printed: Iterable[str]) -> str:
    """Give what a log has besides Lambda's own lines and what was `printed`: other programs write to it, C libraries."""
    kept = []
    is_whole = tail.startswith(("START RequestId: ", "INIT_START "))
    for number, line in enumerate(tail.splitlines(keepends=True)):
        if line.startswith((*_OF_LAMBDA, "lithops ")) or _DEATH.match(line) or (number == 0 and not is_whole):
            continue
        kept.append(line.partition(_END)[0])
    text = "".join(kept)
    if not text.strip():
        return ""
    return _without(text, [line for piece in printed for line in piece.splitlines(keepends=True)])


def _without(text: str, lines: list[str]) -> str:
    """Take lines out of a text that has them in order, the last of them at least."""
    end, left = len(text), []
    seen = 0
    for line in reversed(lines):
        at = text.rfind(line, 0, end)
        if at >= 0:
            left.append(text[at + len(line) : end])
            end = at
        seen += len(line)
        if not end or seen > 2 * len(text):
            break
    left.append(text[:end])
    rest = "".join(reversed(left))
    return rest if rest.strip() else ""


def _as_output(call: CallMessage, text: str) -> list[CallOutput]:
    return [CallOutput(call.job.executor_id, call.job.job_id, call.call_id, "stdout", text)] if text else []


def _json_object(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:  # a date: the engine's own delays do
        return None
