"""A compute backend that fails by plan: another backend with refusals, deaths, and lost, doubled and late reports.

backend = FaultyCompute(inner, [ComputeFault("throttle", times=3, retry_after_s=0.1), ComputeFault("kill", call="00002")])
"""

from __future__ import annotations

import pickle
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal

from lithops.errors import BackendError, ThrottledError, TransientError
from lithops.spi.compute import (
    Check,
    ComputeBackend,
    Cost,
    Exit,
    LogLine,
    Refusal,
    Report,
    RuntimeInfo,
    RuntimeSpec,
    Unheard,
)
from lithops.types import CallMessage, CallOutput, CallStatus, Handle, Payload, StorageRef

__all__ = ["ComputeFault", "FaultyCompute"]

FaultKind = Literal[
    "throttle", "refuse", "lose_answer", "refuse_later", "unheard", "kill", "lose", "duplicate", "delay"
]
_OF_STARTS = frozenset({"throttle", "refuse", "lose_answer", "refuse_later"})
_LOST = "the answer was lost: a test put this in"


@dataclass(frozen=True, slots=True)
class ComputeFault:
    """What goes wrong, and with which calls.

    Of a start with a call that matches: "throttle" refuses it with a `ThrottledError` and `retry_after_s`, "refuse"
    with a `BackendError`, "lose_answer" starts it and then raises a `TransientError`; "refuse_later" returns a handle
    and then reports a `Refusal` with a `ThrottledError`. Of a call: "kill" lets its worker die under it, "unheard"
    reports it as `Unheard` in the place of its status, or, unless it `runs`, in the place of its start. Of a status:
    "lose" drops it, "duplicate" reports it twice, "delay" reports it `delay_s` later; a backend that does not reply
    has none to hit.

    `call` is a glob of call ids. Of the starts, calls or statuses that match, `skip` are spared, then `times` are hit
    (None: all that follow), each with the given `chance`.
    """

    kind: FaultKind
    call: str = "*"
    skip: int = 0
    times: int | None = 1
    chance: float = 1.0
    retry_after_s: float | None = None
    delay_s: float = 0.05
    runs: bool = True


class FaultyCompute(ComputeBackend):
    """Another backend with faults. Thread-safe. `hits` counts the faults by kind; `seed` makes chances repeatable.

    `close` reports what is still delayed, after the inner backend is closed.
    """

    def __init__(self, inner: ComputeBackend, plan: Sequence[ComputeFault], *, seed: int = 0) -> None:
        self.inner = inner
        self.features = inner.features  # type: ignore[misc]  # it can do what the inner backend can
        self.limits = inner.limits
        self.event_limits = inner.event_limits
        self.commit_after_s = inner.commit_after_s
        self.hits: Counter[str] = Counter()
        self._plan = [_Planned(fault, fault.skip, fault.times) for fault in plan]
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._deadly: dict[CallMessage, CallMessage] = {}
        self._late: dict[threading.Timer, Callable[[], None]] = {}
        self._is_closed = False

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        fault = self._next(_OF_STARTS, [call.call_id for call in calls])
        if fault is not None and fault.kind == "throttle":
            raise ThrottledError("the platform was told to throttle: a test put this error in", fault.retry_after_s)
        if fault is not None and fault.kind == "refuse":
            raise BackendError("the platform was told to refuse: a test put this error in")
        if fault is not None and fault.kind == "refuse_later":
            error = ThrottledError("the platform was told to throttle: a test put this in", fault.retry_after_s)
            return self._tell(report, Refusal(calls, error), calls)
        if self._next({"unheard"}, [call.call_id for call in calls], runs=False) is not None:
            return self._tell(report, Unheard(calls, _LOST), calls)
        given = [self._perhaps_deadly(call) for call in calls]
        by_name = {(call.call_id, call.attempt): call for call in calls}
        handle = self.inner.start(runtime, given, partial(self._pass_on, report, by_name))
        if fault is not None:
            raise TransientError("the answer to a start was lost: a test put this error in")
        return handle

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        with self._lock:
            given = [self._deadly.get(call, call) for call in calls]
        self.inner.cancel(handle, given)

    def close(self) -> None:
        self.inner.close()
        with self._lock:
            self._is_closed = True
            late, self._late = self._late, {}
        for timer, deliver in late.items():
            timer.cancel()
            deliver()
        for timer in late:
            if timer is not threading.current_thread():
                timer.join()

    def prepare(self) -> None:
        self.inner.prepare()

    def ensure_runtime(self, runtime: RuntimeSpec) -> RuntimeInfo:
        return self.inner.ensure_runtime(runtime)

    def entrust(self, store: StorageRef, credentials: Mapping[str, str]) -> None:
        self.inner.entrust(store, credentials)

    def list_runtimes(self) -> Sequence[RuntimeInfo]:
        return self.inner.list_runtimes()

    def delete_runtime(self, runtime: RuntimeSpec) -> None:
        self.inner.delete_runtime(runtime)

    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        return self.inner.poll(handles)

    def logs(self, handle: Handle) -> Iterator[LogLine]:
        return self.inner.logs(handle)

    def doctor(self) -> Iterable[Check]:
        return self.inner.doctor()

    def translate(self, exc: BaseException) -> BackendError | None:
        return self.inner.translate(exc)

    def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost | None:
        return self.inner.price(runtime, billed_s, calls)

    def prefers_events(self, calls: int) -> bool:
        return self.inner.prefers_events(calls)

    def policy(self) -> Mapping[str, Any]:
        return self.inner.policy()

    def build_runtime(self, runtime: RuntimeSpec, file: str | None = None) -> str:
        return self.inner.build_runtime(runtime, file)

    def clear(self, executor_id: str, job_ids: Collection[str] | None = None) -> None:
        self.inner.clear(executor_id, job_ids)

    def _perhaps_deadly(self, call: CallMessage) -> CallMessage:
        """Give the call, or one whose input kills the process that loads it."""
        if self._next({"kill"}, [call.call_id]) is None:
            return call
        deadly = CallMessage(call.job, call.call_id, Payload((pickle.dumps(_Death(), 5),)), (), call.attempt)
        with self._lock:
            self._deadly[call] = deadly
        return deadly

    def _tell(self, report: Report, said: Refusal | Unheard, calls: Sequence[CallMessage]) -> Handle:
        """Report what became of a start, after it has returned its handle."""
        self._delay(partial(report, said), 0.0)
        return f"{calls[0].job.job_key}-{calls[0].call_id}-{calls[0].attempt}"

    def _pass_on(
        self,
        report: Report,
        calls: Mapping[tuple[str, int], CallMessage],
        said: CallStatus | CallOutput | Refusal | Unheard,
    ) -> None:
        if not isinstance(said, CallStatus):
            report(said)
            return
        call = calls.get((said.call_id, said.attempt))
        if call is not None and self._next({"unheard"}, [said.call_id]) is not None:
            report(Unheard([call], _LOST))
            return
        fault = self._next({"lose", "duplicate", "delay"}, [said.call_id])
        if fault is None:
            report(said)
        elif fault.kind == "duplicate":
            report(said)
            report(said)
        elif fault.kind == "delay":
            self._delay(partial(report, said), fault.delay_s)

    def _delay(self, deliver: Callable[[], None], delay_s: float) -> None:
        def ring() -> None:
            with self._lock:
                is_ours = self._late.pop(timer, None) is not None
            if is_ours:
                deliver()

        timer = threading.Timer(delay_s, ring)
        timer.name = "lithops-faulty-delay"
        timer.daemon = True
        with self._lock:
            if not self._is_closed:
                self._late[timer] = deliver
                timer.start()
                return
        deliver()

    def _next(self, kinds: Collection[str], call_ids: Sequence[str], *, runs: bool = True) -> ComputeFault | None:
        """Find the fault that hits one of these calls."""
        with self._lock:
            for planned in self._plan:
                fault = planned.fault
                if fault.kind not in kinds or fault.runs != runs or planned.times == 0:
                    continue
                if not any(fnmatchcase(call_id, fault.call) for call_id in call_ids):
                    continue
                if planned.skip:
                    planned.skip -= 1
                elif self._random.random() < fault.chance:
                    if planned.times is not None:
                        planned.times -= 1
                    self.hits[fault.kind] += 1
                    return fault
        return None


@dataclass(slots=True)
class _Planned:
    fault: ComputeFault
    skip: int
    times: int | None


class _Death:
    """Kills the process that unpickles it, by SIGKILL."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return eval, ("__import__('os').kill(__import__('os').getpid(), 9)",)
