"""The kit's client: does with a backend what the engine does, one step at a time, and keeps account of what it hears.

Messages.call --> CallMessage --> Client.start: a thread for each `backend.start`   --> Run
                                  Client.ends(run) <-- reports; by events or without REPLIES: statuses in the store, and
                                                       `poll`; what was refused or unheard is started again
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from threading import Condition, Thread
from typing import Any, NamedTuple

from lithops.engine.plan import plan
from lithops.errors import LithopsError, StorageNoSuchKeyError
from lithops.spi.compute import ComputeBackend, ComputeFeature, Refusal, RuntimeSpec, Unheard
from lithops.spi.storage import StorageBackend
from lithops.testing.compute.messages import Messages
from lithops.types import CallEnd, CallMessage, CallOutput, CallStatus, ErrorInfo, Handle
from lithops.wire.envelope import decode
from lithops.wire.keys import status_key
from lithops.wire.status import decode_status
from lithops.worker.pickles import load
from lithops.worker.stores import read_payload

__all__ = ["THREAD_NAME", "Client", "Run", "bounded"]

THREAD_NAME = "lithops-contract"
"""How the kit's own threads are called: they are not the backend's."""

_LOOK_S = 0.05
_AGAIN_S = 0.05
_Key = tuple[str, str, str, int]


class Run:
    """Calls that were given to `start`. `errors` are what it raised; `handles` what it gave back, so far."""

    def __init__(self, calls: Sequence[CallMessage]) -> None:
        self.calls = calls
        self.handles: dict[CallMessage, Handle] = {}
        self.errors: list[BaseException] = []
        self.threads: list[Thread] = []


class _Again(NamedTuple):
    """Calls of a run that are started again at a time of the monotonic clock."""

    run: Run
    calls: Sequence[CallMessage]
    due: float


class Client(Messages):
    """Starts calls on a backend and waits for their ends. Every wait is bounded by `wait_s`. Thread-safe.

    `refused` has what was reported of starts; the calls are started again while something is waited for.
    """

    def __init__(
        self,
        backend: ComputeBackend,
        *,
        store: StorageBackend | None = None,
        bucket: str = "",
        runtime: RuntimeSpec | None = None,
        wait_s: float = 30.0,
        by_events: bool = False,
    ) -> None:
        super().__init__(backend, store, bucket, by_events=by_events)
        self.runtime = runtime or RuntimeSpec()
        self.wait_s = wait_s
        self.outputs: list[CallOutput] = []
        self.refused: list[Refusal | Unheard] = []
        self._runs: list[Run] = []
        self._sent: dict[_Key, tuple[Run, CallMessage]] = {}
        self._unheard: set[_Key] = set()
        self._again: list[_Again] = []
        self._heard: Counter[_Key] = Counter()
        self._ends: dict[_Key, CallStatus] = {}
        self._changed = Condition()

    @property
    def reported(self) -> int:
        """How many ends were reported, rather than found in the store."""
        return self._heard.total()

    # Starting and ending

    def start(self, calls: Sequence[CallMessage]) -> Run:
        """Give calls to the backend, each `start` on its own thread; returns at once."""
        run = Run(calls)
        with self._changed:
            self._runs.append(run)
            self._sent.update((_key(call), (run, call)) for call in calls)
            self._again = [one for one in self._again if not {*map(_key, one.calls)} & {*map(_key, calls)}]
        for batch in plan(calls, self.limits):
            self._start_apart(run, batch)
        return run

    def ends(self, run: Run) -> list[CallStatus]:
        """Wait until each call of a run has its end; give them in the order of the calls."""
        limit = time.monotonic() + self.wait_s
        while True:
            for error in run.errors:
                raise AssertionError(f"start() raised {type(error).__name__}: {error}") from error
            self._start_again()
            self._look(run)
            self.check()
            missing = [call for call in run.calls if _key(call) not in self._ends]
            if not missing:
                return [self._ends[_key(call)] for call in run.calls]
            if time.monotonic() > limit:
                names = ", ".join(call.call_id for call in missing[:10])
                raise AssertionError(f"{len(missing)} calls were not reported within {self.wait_s:g} s: {names}")
            with self._changed:
                self._changed.wait(_LOOK_S)

    def run(self, calls: Sequence[CallMessage]) -> list[CallStatus]:
        """Start calls and wait for their ends."""
        return self.ends(self.start(calls))

    def value(self, status: CallStatus) -> Any:
        """Load the result of a call that must have succeeded."""
        assert status.end is CallEnd.SUCCESS, describe(status)
        assert status.result is not None, "a call succeeded without a result"
        payload = status.result
        if payload.parts is None:
            assert self.store is not None, "a result is in a store, but the job had none"
            return load(read_payload(self.store, self.bucket, payload))
        return load(payload.parts)

    def values(self, calls: Sequence[CallMessage]) -> list[Any]:
        """Start calls, which must succeed, and give their results."""
        return [self.value(status) for status in self.run(calls)]

    def cancel(self, run: Run, calls: Collection[CallMessage]) -> None:
        """Cancel calls as the engine does: a `start` that has not returned has the handle ""."""
        by_handle: dict[Handle, list[CallMessage]] = {}
        for call in calls:
            by_handle.setdefault(run.handles.get(call, ""), []).append(call)
        for handle, those in by_handle.items():
            self.backend.cancel(handle, those)

    def printed(self, call: CallMessage, stream: str | None = None) -> str:
        """Give what a call printed, as far as it was reported."""
        with self._changed:
            return "".join(
                output.text
                for output in self.outputs
                if (output.executor_id, output.job_id, output.call_id)
                == (call.job.executor_id, call.job.job_id, call.call_id)
                and stream in (None, output.stream)
            )

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        limit = time.monotonic() + self.wait_s
        while not is_so():
            if time.monotonic() > limit:
                raise AssertionError(f"{what}: waited {self.wait_s:g} s")
            self._start_again()
            with self._changed:
                self._changed.wait(_LOOK_S)

    def check(self) -> None:
        """Fail when something was reported that was not started, or twice."""
        with self._changed:
            heard = dict(self._heard)
        for (_, job_id, call_id, attempt), count in heard.items():
            what = f"attempt {attempt} of call {call_id} of job {job_id}"
            assert (self.executor_id, job_id, call_id, attempt) in self._sent, f"{what} was reported, but not started"
            assert count == 1, f"{what} was reported {count} times"

    def close(self, within_s: float) -> None:
        """Close the backend and fail when that takes too long, when a `start` stays behind, or at a wrong report."""
        bounded(self.backend.close, within_s, "close()")
        limit = time.monotonic() + within_s
        for run in self._runs:
            for thread in run.threads:
                thread.join(max(0.0, limit - time.monotonic()))
                assert not thread.is_alive(), f"a start() did not return within {within_s:g} s after close()"
        self.check()

    def _start_apart(self, run: Run, batch: Sequence[CallMessage]) -> None:
        thread = Thread(target=self._start, args=(run, batch), name=f"{THREAD_NAME}-start", daemon=True)
        run.threads.append(thread)
        thread.start()

    def _start(self, run: Run, batch: Sequence[CallMessage]) -> None:
        job = batch[0].job
        runtime = self.runtime
        if runtime.memory_mb is None:
            runtime = runtime._replace(memory_mb=job.memory_mb)
        try:
            handle = self.backend.start(runtime, batch, self._report)
        except BaseException as exc:  # the backend's code may raise anything; `ends` shows it
            if not self._waits_again(run, batch, exc):
                run.errors.append(exc)
        else:
            run.handles.update({self._sent[_key(call)][1]: handle for call in batch})
        with self._changed:
            self._changed.notify_all()

    def _waits_again(self, run: Run, calls: Sequence[CallMessage], exc: BaseException) -> bool:
        """Let calls be started again later, when their refusal says that this may help."""
        ours = exc if isinstance(exc, LithopsError) else self.backend.translate(exc)
        if ours is None or not ours.retryable:
            return False
        with self._changed:
            self._again.append(_Again(run, calls, time.monotonic() + (ours.retry_after_s or _AGAIN_S)))
        return True

    def _start_again(self) -> None:
        now = time.monotonic()
        with self._changed:
            due = [one for one in self._again if one.due <= now]
            self._again = [one for one in self._again if one.due > now]
        for one in due:
            left = [call for call in one.calls if _key(call) not in self._ends]
            if left:
                self._start_apart(one.run, left)

    def _report(self, said: CallStatus | CallOutput | Refusal | Unheard) -> None:
        with self._changed:
            if isinstance(said, CallOutput):
                self.outputs.append(said)
            elif isinstance(said, CallStatus):
                self._heard[_key_of(said)] += 1
                self._ends.setdefault(_key_of(said), said)
            else:
                self._take_back(said)
            self._changed.notify_all()

    def _take_back(self, said: Refusal | Unheard) -> None:
        """Note what became of a start: as the engine, start the calls again, or give them their end."""
        self.refused.append(said)
        calls = list(said.calls)
        known = [call for call in calls if _key(call) in self._sent]
        self._heard.update(_key(call) for call in calls if call not in known)  # `check` finds it
        if not known:
            return
        run = self._sent[_key(known[0])][0]
        if isinstance(said, Unheard):
            self._unheard.update(map(_key, known))
            again = [_committing(call) for call in known]
            self._again.append(_Again(run, again, time.monotonic() + _AGAIN_S))
        elif not self._waits_again(run, known, said.error):
            for call in known:
                error = ErrorInfo(type(said.error).__name__, str(said.error))
                self._heard[_key(call)] += 1
                self._ends.setdefault(_key(call), CallStatus.of(call, CallEnd.REJECTED, error))

    def _look(self, run: Run) -> None:
        """Find ends that are not reported: statuses in the store, and deaths that the platform tells."""
        if self.is_answered:
            unheard = [call for call in run.calls if _key(call) in self._unheard]
            self._look_into_store(unheard)
            return
        self._look_into_store(run.calls)
        if ComputeFeature.POLL not in self.backend.features:
            return
        handles = dict(run.handles)  # the threads of other starts add to it
        open_calls = {call: handle for call, handle in handles.items() if _key(call) not in self._ends}
        exits = self.backend.poll(set(open_calls.values())) if open_calls else {}
        if not exits:
            return
        self._look_into_store(run.calls)  # a status may have been written just before the death
        for call, handle in open_calls.items():
            found = exits.get(handle)
            if found is not None and (found.calls is None or call.call_id in found.calls):
                error = ErrorInfo(
                    "WorkerLostError",
                    found.reason,
                    found.log_tail,
                    signal=found.signal,
                    exit_code=found.exit_code,
                    memory_limit=found.memory_limit,
                )
                self._ends.setdefault(_key(call), CallStatus.of(call, CallEnd.LOST, error))

    def _look_into_store(self, calls: Sequence[CallMessage]) -> None:
        assert self.store is not None or not calls, "what is not answered needs the fixture 'store'"
        for call in calls:
            if _key(call) in self._ends:
                continue
            key = status_key(*_key(call))
            try:
                assert self.store is not None
                stream = self.store.get(self.bucket, key)
            except StorageNoSuchKeyError:
                continue
            with closing(stream):
                status = decode_status(decode(stream.read()))
            self._ends.setdefault(_key_of(status), status)


def bounded(action: Callable[[], object], within_s: float, what: str) -> None:
    """Do something that must not take longer; what it raises is raised."""
    raised: list[BaseException] = []

    def act() -> None:
        try:
            action()
        except BaseException as exc:  # raised again below
            raised.append(exc)

    thread = Thread(target=act, name=f"{THREAD_NAME}-bounded", daemon=True)
    thread.start()
    thread.join(within_s)
    assert not thread.is_alive(), f"{what} did not return within {within_s:g} s"
    for exc in raised:
        raise exc


def describe(status: CallStatus) -> str:
    """Say how a call ended, for the message of a failing test."""
    error = status.error
    return f"call {status.call_id} ended as {status.end}: {error.type}: {error.message}" if error else str(status.end)


def _key(call: CallMessage) -> _Key:
    return call.job.executor_id, call.job.job_id, call.call_id, call.attempt


def _key_of(status: CallStatus) -> _Key:
    return status.executor_id, status.job_id, status.call_id, status.attempt


def _committing(call: CallMessage) -> CallMessage:
    """Make a call whose worker writes its status, since its answer may be lost again."""
    job = call.job._replace(commit_after_s=0.0)
    return CallMessage(job, call.call_id, call.data, call.needs, call.attempt)
