"""AWS Lambda as a backend: each call is an invocation of its own, answered or, as an event, written to the store.

start --> Functions.ensure --> Request --> Invoker --+--> answers.read_answer --> report      (replies)
                                                     +--> the id of the request, and Deaths   (events)
"""

from __future__ import annotations

import binascii
import queue
import resource
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from lithops.errors import BackendError, LithopsError, TransientError
from lithops.spi.compute import (
    Check,
    ComputeBackend,
    ComputeFeature,
    Cost,
    Exit,
    Limits,
    LogLine,
    Refusal,
    Report,
    RuntimeInfo,
    RuntimeSpec,
    Unheard,
)
from lithops.types import CallEnd, CallMessage, CallStatus, ErrorInfo, Handle
from lithops.wire.calls import encode_calls
from lithops_aws.compute import doctor, prices
from lithops_aws.compute.answers import is_missing, read_answer, refusal_of
from lithops_aws.compute.config import MAX_TIMEOUT_S, MEMORY_MB, LambdaConfig
from lithops_aws.compute.deaths import Deaths
from lithops_aws.compute.deploy import MAX_EVENT_AGE_S
from lithops_aws.compute.errors import translate
from lithops_aws.compute.functions import Functions
from lithops_aws.compute.invoke import Answer, Cut, Invoker, Outcome, Request, Unsent
from lithops_aws.compute.invoke_loop import LoopInvoker
from lithops_aws.compute.invoke_signature import Signer
from lithops_aws.compute.invoke_threads import ThreadsInvoker
from lithops_aws.compute.logs import Logs
from lithops_aws.compute.policy import policy
from lithops_aws.compute.session import Session

__all__ = ["LambdaCompute"]

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB, events 1 MB, in base64.
REPLY_PAYLOAD_BYTES = 4 * 1024 * 1024
REPLY_INLINE_BYTES = 1024 * 1024
EVENT_PAYLOAD_BYTES = 700_000
EVENT_INLINE_BYTES = 256 * 1024

COMMIT_AFTER_S = 10.0
ANSWER_S = 30.0
"""How much longer than its function's time-out an answer may take: a cold start, the network."""

EVENT_ANSWER_S = 60.0
START_DEADLINE_S = 360.0
EVENT_DEADLINE_S = MAX_EVENT_AGE_S + 60.0  # an event that could not be run by then is dropped
LOGS_SINCE_S = 24 * 3600.0
OTHER_FILES = 256
"""Descriptors that are left to the rest of the program."""

_REMEMBERED = 10_000


class LambdaCompute(ComputeBackend):
    """Functions that are made on first use, one for each size of memory."""

    features = (
        ComputeFeature.REPLIES
        | ComputeFeature.EVENTS
        | ComputeFeature.TIMEOUTS
        | ComputeFeature.LOGS
        | ComputeFeature.OUTPUT
        | ComputeFeature.POLL
    )
    commit_after_s = COMMIT_AFTER_S

    def __init__(self, options: LambdaConfig) -> None:
        self._options = options
        self.limits = Limits(
            max_calls_per_start=1,
            max_payload_bytes=REPLY_PAYLOAD_BYTES,
            max_inline_bytes=REPLY_INLINE_BYTES,
            max_concurrency=options.max_workers,
            max_timeout_s=MAX_TIMEOUT_S,
            memory_mb=MEMORY_MB,
            start_deadline_s=START_DEADLINE_S,
        )
        self.event_limits = self.limits._replace(
            max_payload_bytes=EVENT_PAYLOAD_BYTES,
            max_inline_bytes=EVENT_INLINE_BYTES,
            start_deadline_s=EVENT_DEADLINE_S,
        )
        self._session = Session(options)
        self._functions = Functions(self._session, options)
        self._logs = Logs(self._session)
        self._deaths = Deaths(self._logs)
        self._lock = threading.Lock()
        self._invoker: Invoker | None = None
        self._is_closed = False
        self._answered: OrderedDict[Handle, tuple[str, float, str]] = OrderedDict()
        self._missed: set[tuple[str, str, int]] = set()

    def prefers_events(self, calls: int) -> bool:
        """Say so by the configuration's `invocation`.

        `auto` prefers replies, which cost no storage and bring what calls print, as long as this process can hold a
        connection for each call that may run at the same time (`ulimit -n`).
        """
        if self._options.invocation != "auto":
            return self._options.invocation == "event"
        return calls > _most_connections() < self._options.max_workers

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        (call,) = calls
        if self._is_closed:
            raise _closed()
        info = self._functions.ensure(runtime := self._deployed(runtime))
        name = self._functions.name_for(runtime)
        frame = b"".join(encode_calls(calls))
        body = b'{"lithops":"' + binascii.b2a_base64(frame, newline=False) + b'"}'
        keys = self._session.credentials()
        if call.job.commit:
            return self._start_event(call, report, name, body, keys)
        handle = f"{call.job.job_key}-{call.call_id}-{call.attempt}"
        timeout_s = max(info.timeout_s or 0.0, self._options.runtime_timeout) + ANSWER_S
        end = partial(self._end, call, report, name, handle, time.time())
        self._open_invoker().submit(Request(name, "RequestResponse", body, timeout_s, keys, end))
        return handle

    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        """Tell of calls that were started by events and died. The others report themselves."""
        return self._deaths.poll(handles)

    def logs(self, handle: Handle) -> Iterator[LogLine]:
        """Read the log of a start, or of a job of the last day by its key, of any process."""
        known = self._deaths.function_of(handle)
        if known is not None:
            yield from self._logs.tail(known[0], known[1] - ANSWER_S, [handle])
            return
        with self._lock:
            answered = self._answered.get(handle)
        if answered is not None:
            name, at, request_id = answered
            yield from self._logs.tail(name, at - ANSWER_S, [request_id])
            return
        since = time.time() - LOGS_SINCE_S
        for info in self._functions.list():
            name = info.detail.partition(",")[0]
            words = (line.text.split() for line in self._logs.tail(name, since))
            # As the handler writes: lithops JOB CALL ATTEMPT REQUEST
            ids = [one[4] for one in words if len(one) == 5 and one[0] == "lithops" and _names(handle, one)]
            if ids:
                yield from self._logs.tail(name, since, ids)

    def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost | None:
        try:
            region = self._session.region
        except LithopsError:
            return None
        memory_mb = runtime.memory_mb or self._options.runtime_memory
        return prices.cost(memory_mb, self._options.architecture, region, billed_s, calls)

    def policy(self) -> Mapping[str, Any]:
        return policy(self._options)

    def ensure_runtime(self, runtime: RuntimeSpec) -> RuntimeInfo:
        return self._functions.ensure(self._deployed(runtime))

    def build_runtime(self, runtime: RuntimeSpec, file: str | None = None) -> str:
        return self._functions.build(self._deployed(runtime), file)

    def list_runtimes(self) -> Sequence[RuntimeInfo]:
        return self._functions.list()

    def delete_runtime(self, runtime: RuntimeSpec) -> None:
        self._functions.delete(self._deployed(runtime))

    def doctor(self) -> Iterable[Check]:
        return doctor.checks(self._session, self._functions, self._options)

    def translate(self, exc: BaseException) -> BackendError | None:
        return translate(exc)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            invoker = self._invoker
        if invoker is not None:
            invoker.close()
        self._session.close()

    def _deployed(self, runtime: RuntimeSpec) -> RuntimeSpec:
        """Leave out a time-out that the worker keeps itself: then one function does for many."""
        if runtime.timeout_s is not None and runtime.timeout_s <= self._options.runtime_timeout:
            return runtime._replace(timeout_s=None)
        return runtime

    def _open_invoker(self) -> Invoker:
        with self._lock:
            if self._is_closed:
                raise _closed()
            if self._invoker is None:
                if self._session.has_proxies:
                    self._invoker = ThreadsInvoker(self._session, MAX_TIMEOUT_S + ANSWER_S)
                else:
                    session, most = self._session, min(self._options.max_workers, _most_connections())
                    self._invoker = LoopInvoker(lambda: Signer(session.endpoint("lambda"), session.region), most)
            return self._invoker

    def _start_event(self, call: CallMessage, report: Report, name: str, body: bytes, keys: Any) -> Handle:
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._open_invoker().submit(Request(name, "Event", body, EVENT_ANSWER_S, keys, outcomes.put))
        try:
            outcome = outcomes.get(timeout=3 * EVENT_ANSWER_S)
        except queue.Empty:
            outcome = Cut("no connection was free")
        if isinstance(outcome, Unsent):
            raise outcome.error
        if isinstance(outcome, Cut):  # it may run: it does no harm then that it runs again
            raise TransientError(f"whether AWS Lambda took an event is not known ({outcome.reason}): it is sent again")
        if outcome.status >= 300:
            raise self._refusal(call, name, outcome)
        handle = outcome.headers.get("x-amzn-requestid") or f"{call.job.job_key}-{call.call_id}-{call.attempt}"
        self._deaths.started(handle, name, (call.job.executor_id, call.job.job_id, call.call_id, call.attempt), report)
        return handle

    def _end(
        self, call: CallMessage, report: Report, name: str, handle: Handle, began: float, outcome: Outcome
    ) -> None:
        """Report what became of a call that was to be answered. On the invoker's thread."""
        if self._is_closed:
            return
        if isinstance(outcome, Unsent):
            report(Refusal([call], outcome.error))
        elif isinstance(outcome, Cut):
            report(Unheard([call], outcome.reason))
        elif is_missing(outcome):
            report(Refusal([call], self._refusal(call, name, outcome)))
        else:
            try:
                said = read_answer(outcome, call, time.time() - began)
            except Exception as exc:  # a bug of ours must not leave the call without an end
                error = ErrorInfo(type(exc).__name__, f"the answer of AWS Lambda cannot be read: {exc!r}")
                said = [CallStatus.of(call, CallEnd.REJECTED, error)]
            self._remember(handle, name, began, outcome)
            for one in said:
                report(one)

    def _refusal(self, call: CallMessage, name: str, answer: Answer) -> BackendError:
        """Make the error of a refusal. A function that was deleted is made again, once for each attempt of a call."""
        error = refusal_of(answer, call.job.function_name)
        if not is_missing(answer):
            return error
        key = (call.job.job_key, call.call_id, call.attempt)
        with self._lock:
            is_first = key not in self._missed
            if len(self._missed) < _REMEMBERED:
                self._missed.add(key)
        self._functions.forget(name)
        return TransientError(f"the function '{name}' was deleted: it is made again") if is_first else error

    def _remember(self, handle: Handle, name: str, began: float, answer: Answer) -> None:
        request_id = answer.headers.get("x-amzn-requestid")
        if request_id:
            with self._lock:
                self._answered[handle] = name, began, request_id
                if len(self._answered) > _REMEMBERED:
                    self._answered.popitem(last=False)


def _names(handle: Handle, words: list[str]) -> bool:
    """Tell whether a handle means the call that a line of the log is about."""
    job_key, call_id, attempt, request_id = words[1:]
    return handle in (job_key, f"{job_key}-{call_id}-{attempt}", request_id)


def _most_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 100_000
    return max(soft // 2, soft - OTHER_FILES)


def _closed() -> BackendError:
    return BackendError("the backend aws_lambda is closed: make a new executor")
