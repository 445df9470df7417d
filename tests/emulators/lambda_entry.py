"""The operation Invoke, as a client sees it: its limits, errors, headers and kinds."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from time import monotonic
from urllib.parse import parse_qs

from tests.emulators.lambda_control import Answer, Control, refusal
from tests.emulators.lambda_events import Queue, Queued
from tests.emulators.lambda_faults import Chaos, Counts
from tests.emulators.lambda_functions import Function, UnknownFunctionError, find
from tests.emulators.lambda_invocations import Concurrency, Invocations, Result, ThrottledError
from tests.emulators.lambda_sandbox import Event

__all__ = ["Cut", "Entry"]

_REPLY_BYTES = 6_291_456
_EVENT_BYTES = 1_048_576
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is to be closed without an answer; then `run` is to be called."""

    run: Callable[[], object]


class Entry:
    """Takes invocations. Thread-safe."""

    def __init__(
        self,
        invocations: Invocations,
        concurrency: Concurrency,
        queue: Queue,
        control: Control,
        chaos: Chaos,
        counts: Counts,
    ) -> None:
        self._invocations = invocations
        self._concurrency = concurrency
        self._queue = queue
        self._control = control
        self._chaos = chaos
        self._counts = counts

    def invoke(self, name: str, query: str, region: str, headers: Message, body: bytes) -> Answer | Cut:
        """Answer an invocation."""
        request_id = str(uuid.uuid4())
        answer = self._invoke(request_id, name, query, region, headers, body)
        if isinstance(answer, Cut):
            return answer
        return Answer(answer.status, {**answer.headers, "x-amzn-RequestId": request_id}, answer.body)

    def _invoke(
        self, request_id: str, name: str, query: str, region: str, headers: Message, body: bytes
    ) -> Answer | Cut:
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        self._counts.add("invocations", {"RequestResponse": "reply", "Event": "event"}.get(kind, kind))
        qualifier = parse_qs(query).get("Qualifier", [None])[0]
        limit = _EVENT_BYTES if kind == "Event" else _REPLY_BYTES
        if len(body) > limit:
            said = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            return refusal(413, "RequestEntityTooLargeException", said)
        try:
            function = find(region, name, qualifier)
            json.loads(body or b"{}")
        except UnknownFunctionError as exc:
            return refusal(404, "ResourceNotFoundException", str(exc))
        except ValueError as exc:
            said = f"Could not parse request body into json: {exc}"
            return refusal(400, "InvalidRequestContentException", said)
        if self._control.state(function.name) != "Active":
            said = "The operation cannot be performed at this time. The function is currently in the following state:"
            return refusal(409, "ResourceConflictException", f"{said} Pending")
        if kind == "DryRun":
            return Answer(204, {}, b"")
        event = Event(request_id, body or b"{}", _context(headers))
        if self._chaos.strikes("throttle"):
            return self._throttled("ConcurrentInvocationLimitExceeded")
        if kind == "Event":
            return self._take(Queued(region, name, qualifier, event, monotonic()))
        return self._run(function, event, has_tail=headers.get("X-Amz-Log-Type") == "Tail")

    def _take(self, queued: Queued) -> Answer | Cut:
        self._queue.put(queued)
        if self._chaos.strikes("duplicate"):
            self._queue.put(queued)
        if self._chaos.strikes("cut"):
            return Cut(lambda: None)
        return Answer(202, {}, b"")

    def _run(self, function: Function, event: Event, *, has_tail: bool) -> Answer | Cut:
        try:
            self._concurrency.enter(function)
        except ThrottledError as exc:
            return self._throttled(str(exc))

        def run() -> Result:
            try:
                return self._invocations.run(function, event)
            finally:
                self._concurrency.leave(function)

        is_cut = self._chaos.strikes("cut")
        if is_cut and self._chaos.between(0.0, 1.0) < 0.5:
            return Cut(run)
        result = run()
        if is_cut:
            return Cut(lambda: None)
        headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": function.version}
        if result.is_error:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if has_tail:
            headers["X-Amz-Log-Result"] = base64.b64encode(result.log[-_TAIL_BYTES:]).decode()
        return Answer(200, headers, result.body)

    def _throttled(self, reason: str) -> Answer:
        refused = refusal(429, "TooManyRequestsException", "Rate Exceeded.", Reason=reason)
        told = {**refused.headers, "Retry-After": str(self._chaos.faults.retry_after_s)}
        return Answer(refused.status, told, refused.body)


def _context(headers: Message) -> str:
    given = headers.get("X-Amz-Client-Context", "")
    return base64.b64decode(given).decode() if given else ""
