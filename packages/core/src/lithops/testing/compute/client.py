"""The kit's client: does with a backend what the engine does, one step at a time, and keeps account of what it hears.

Client.call --> CallMessage --> Client.start: a thread for each `backend.start`   --> Run
                                Client.ends(run) <-- reports; without REPLIES: statuses in the store, and `poll`
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from threading import Condition, Lock, Thread
from types import ModuleType
from typing import Any

import cloudpickle

from lithops.engine.plan import plan
from lithops.errors import StorageNoSuchKeyError
from lithops.spi.compute import ComputeBackend, ComputeFeature, RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.testing.compute import functions
from lithops.types import (
    Artifact,
    Buffer,
    CallEnd,
    CallMessage,
    CallOutput,
    CallStatus,
    ErrorInfo,
    Handle,
    JobMessage,
    Payload,
)
from lithops.wire.envelope import decode
from lithops.wire.keys import status_key
from lithops.wire.status import decode_status
from lithops.worker.pickles import dump, load
from lithops.worker.stores import read_payload, write_payload

__all__ = ["THREAD_NAME", "Client", "Run", "bounded"]

THREAD_NAME = "lithops-contract"
"""How the kit's own threads are called: they are not the backend's."""

_LOOK_S = 0.05
_Key = tuple[str, str, str, int]
_pickling = Lock()


class Run:
    """Calls that were given to `start`. `errors` are what it raised; `handles` what it gave back, so far."""

    def __init__(self, calls: Sequence[CallMessage]) -> None:
        self.calls = calls
        self.handles: dict[CallMessage, Handle] = {}
        self.errors: list[BaseException] = []
        self.threads: list[Thread] = []


class Client:
    """Starts calls on a backend and waits for their ends. Every wait is bounded by `wait_s`. Thread-safe."""

    def __init__(
        self,
        backend: ComputeBackend,
        *,
        store: StorageBackend | None = None,
        bucket: str = "",
        runtime: RuntimeSpec | None = None,
        wait_s: float = 30.0,
    ) -> None:
        self.backend = backend
        self.store = store
        self.bucket = bucket
        self.runtime = runtime or RuntimeSpec()
        self.wait_s = wait_s
        self.executor_id = f"contract-{os.urandom(4).hex()}-0"
        self.outputs: list[CallOutput] = []
        self._replies = ComputeFeature.REPLIES in backend.features
        self._jobs = 0
        self._runs: list[Run] = []
        self._sent: set[_Key] = set()
        self._heard: Counter[_Key] = Counter()
        self._ends: dict[_Key, CallStatus] = {}
        self._changed = Condition()

    # Messages

    def job(
        self,
        function: Callable[..., Any],
        *,
        env: dict[str, str] | None = None,
        timeout_s: float | None = None,
        memory_mb: int | None = None,
        modules: bytes | None = None,
        results_inline_max: int | None = None,
        is_stored: bool = False,
    ) -> JobMessage:
        """Make what calls of a function share. `is_stored` refers to the function instead of sending it."""
        with self._changed:
            self._jobs += 1
            number = self._jobs
        parts = _dump_by_value(function)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        bundle = None if modules is None else Artifact(hashlib.sha256(modules).hexdigest(), Payload((modules,)))
        inline = self.backend.limits.max_inline_bytes if results_inline_max is None else results_inline_max
        return JobMessage(
            self.executor_id,
            f"A{number:03d}",
            Artifact(digest.hexdigest(), self._payload(f"functions/{number}", parts, is_stored)),
            getattr(function, "__name__", "function"),
            modules=bundle,
            store=self.store.ref(self.bucket) if self.store is not None else None,
            timeout_s=timeout_s,
            memory_mb=memory_mb,
            env=env or {},
            results_inline_max=inline,
            commit=not self._replies,
        )

    def call(
        self,
        job: JobMessage,
        number: int,
        *args: Any,
        attempt: int = 0,
        needs: tuple[Payload, ...] = (),
        is_stored: bool = False,
    ) -> CallMessage:
        """Make a call. `is_stored` refers to its input instead of sending it."""
        key = f"{job.job_id}/data/{number}"
        data = self._payload(key, _dump_by_value((args, {})), is_stored)
        return CallMessage(job, f"{number:05d}", data, needs, attempt)

    def calls(self, function: Callable[..., Any], *arguments: tuple[Any, ...], **options: Any) -> list[CallMessage]:
        """Make one job of a call for each tuple of arguments."""
        job = self.job(function, **options)
        return [self.call(job, number, *args) for number, args in enumerate(arguments)]

    # Starting and ending

    def start(self, calls: Sequence[CallMessage]) -> Run:
        """Give calls to the backend, each `start` on its own thread; returns at once."""
        run = Run(calls)
        with self._changed:
            self._runs.append(run)
            self._sent.update(map(_key, calls))
        for batch in plan(calls, self.backend.limits):
            thread = Thread(target=self._start, args=(run, batch), name=f"{THREAD_NAME}-start", daemon=True)
            run.threads.append(thread)
            thread.start()
        return run

    def ends(self, run: Run) -> list[CallStatus]:
        """Wait until each call of a run has its end; give them in the order of the calls."""
        limit = time.monotonic() + self.wait_s
        while True:
            for error in run.errors:
                raise AssertionError(f"start() raised {type(error).__name__}: {error}") from error
            if not self._replies:
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

    def _start(self, run: Run, batch: Sequence[CallMessage]) -> None:
        try:
            handle = self.backend.start(self.runtime, batch, self._report)
        except BaseException as exc:  # the backend's code may raise anything; `ends` shows it
            run.errors.append(exc)
        else:
            run.handles.update(dict.fromkeys(batch, handle))
        with self._changed:
            self._changed.notify_all()

    def _report(self, said: CallStatus | CallOutput) -> None:
        with self._changed:
            if isinstance(said, CallOutput):
                self.outputs.append(said)
            else:
                self._heard[_key_of(said)] += 1
                self._ends.setdefault(_key_of(said), said)
            self._changed.notify_all()

    def _look(self, run: Run) -> None:
        """Find ends that are not reported: statuses in the store, and deaths that the platform tells."""
        self._look_into_store(run)
        if ComputeFeature.POLL not in self.backend.features:
            return
        handles = dict(run.handles)  # the threads of other starts add to it
        open_calls = {call: handle for call, handle in handles.items() if _key(call) not in self._ends}
        exits = self.backend.poll(set(open_calls.values())) if open_calls else {}
        if not exits:
            return
        self._look_into_store(run)  # a status may have been written just before the death
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

    def _look_into_store(self, run: Run) -> None:
        assert self.store is not None, "a backend without REPLIES needs the fixture 'store'"
        for call in run.calls:
            if _key(call) in self._ends:
                continue
            key = status_key(*_key(call))
            try:
                stream = self.store.get(self.bucket, key)
            except StorageNoSuchKeyError:
                continue
            with closing(stream):
                status = decode_status(decode(stream.read()))
            self._ends.setdefault(_key_of(status), status)

    def _payload(self, key: str, parts: tuple[Buffer, ...], is_stored: bool) -> Payload:
        if not is_stored:
            return Payload(parts)
        assert self.store is not None
        return write_payload(self.store, self.bucket, f"{self.executor_id}/{key}", parts)


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


def _dump_by_value(value: object) -> tuple[Buffer, ...]:
    module: ModuleType = functions
    with _pickling:
        cloudpickle.register_pickle_by_value(module)
        try:
            return dump(value)
        finally:
            cloudpickle.unregister_pickle_by_value(module)
