"""A laboratory for the engine: small real backends, a store in memory, and jobs made by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import pytest

from lithops.engine.call import Call, Job
from lithops.engine.engine import Engine
from lithops.engine.job_store import JobStore
from lithops.engine.retry import NO_RETRY, Retry
from lithops.errors import BackendError
from lithops.jobs.serialize import dump_function
from lithops.spi import (
    Artifact,
    CallEnd,
    CallMessage,
    CallOutput,
    CallStatus,
    ComputeBackend,
    ComputeFeature,
    ErrorInfo,
    Handle,
    JobMessage,
    Limits,
    Payload,
    Report,
    RuntimeSpec,
)
from lithops.spi.hooks import CallEvent, JobEvent
from lithops.testing import MemoryStorage
from lithops.wire.envelope import decode
from lithops.wire.status import decode_status
from lithops.worker.failure import describe
from lithops.worker.pickles import dump
from lithops.worker.run import Runner

BUCKET = "jobs"
WAIT_S = 5.0


class ByHand(ComputeBackend):
    """Starts what it is given, and ends it when the test says so."""

    features = ComputeFeature.REPLIES | ComputeFeature.CANCEL

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits(start_deadline_s=float("inf"))
        self.batches: list[list[CallMessage]] = []
        self.cancelled: list[CallMessage] = []
        self.changed = threading.Condition()
        self.is_closed = False
        self._report: Report = print

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        if self.is_closed:
            raise BackendError("this backend is closed")
        with self.changed:
            self._report = report
            self.batches.append(list(calls))
            self.changed.notify_all()
            return f"start-{len(self.batches)}"

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        self.cancelled.extend(calls)
        for call in calls:
            self._report(CallStatus.of(call, CallEnd.CANCELLED))

    def close(self) -> None:
        self.is_closed = True

    @property
    def started(self) -> list[CallMessage]:
        """All calls that were started, in order."""
        with self.changed:
            return [call for batch in self.batches for call in batch]

    def wait_started(self, count: int) -> list[CallMessage]:
        """Wait until so many calls were started."""
        with self.changed:
            assert self.changed.wait_for(lambda: sum(map(len, self.batches)) >= count, WAIT_S)
        return self.started

    def succeed(self, call: CallMessage, value: object = None) -> None:
        """End a call with a result."""
        self.succeed_with(call, Payload(dump(value)))

    def succeed_with(self, call: CallMessage, result: Payload) -> None:
        """End a call with a result that is pickled, or stored."""
        job = call.job
        ids = (job.executor_id, job.job_id, call.call_id, call.attempt)
        self._report(CallStatus(*ids, CallEnd.SUCCESS, result=result))

    def fail(self, call: CallMessage, exc: BaseException) -> None:
        """End a call with the user's exception."""
        self._report(CallStatus.of(call, CallEnd.ERROR, describe(exc)))

    def end(self, call: CallMessage, end: CallEnd, error: ErrorInfo | None = None) -> None:
        """End a call as the platform would."""
        self._report(CallStatus.of(call, end, error))

    def say(self, output: CallOutput) -> None:
        """Report what a worker printed."""
        self._report(output)


class Instant(ByHand):
    """The same, for `start` on the submitting thread."""

    features = ByHand.features | ComputeFeature.INSTANT_START


class Deaf(ByHand):
    """Does not reply and cannot cancel."""

    features = ComputeFeature.NONE


class RunsHere(ComputeBackend):
    """Runs calls where it is called, and reports them."""

    features = ComputeFeature.REPLIES | ComputeFeature.INSTANT_START
    limits = Limits(max_calls_per_start=100, start_deadline_s=float("inf"))

    def __init__(self) -> None:
        self.runner = Runner()

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        for call in calls:
            frame = self.runner.run(call)
            if ComputeFeature.REPLIES in self.features:
                report(decode_status(decode(b"".join(bytes(buffer) for buffer in frame))))
        return "here"


class RunsAway(RunsHere):
    """Runs calls where it is called; they commit their statuses to the store, and nobody reports them."""

    features = ComputeFeature.NONE


class Lab:
    """An engine on a backend, and what it told its observers."""

    def __init__(self, backend: ComputeBackend) -> None:
        self.storage = MemoryStorage()
        self.storage.create_bucket(BUCKET)
        self.ref = self.storage.ref(BUCKET)
        self.outputs: list[tuple[Call | None, CallOutput]] = []
        self.job_events: list[JobEvent] = []
        self.call_events: list[CallEvent] = []
        self.ends: list[Call] = []
        self.engine = Engine(
            backend,
            JobStore(lambda: (self.storage, BUCKET)),
            on_output=lambda call, output: self.outputs.append((call, output)),
            on_job=self.job_events.append,
            on_call=self.call_events.append,
            monitoring_interval_s=0.05,
        )
        self._jobs = 0

    def job(self, function: Callable[..., Any] = len, *, retry: Retry = NO_RETRY, **fields: Any) -> Job:
        """Open a job of a function."""
        digest, parts = dump_function(function, "f")
        number, self._jobs = self._jobs, self._jobs + 1
        inline = tuple(bytes(part) for part in parts)
        settings: dict[str, Any] = {
            "store": self.ref,
            "commit": self.engine.commits(1, detached=False),
            "results_inline_max": 1 << 20,
        }
        message = JobMessage(
            "exec-0", f"M{number:03d}", Artifact(digest, Payload(inline)), "f", **{**settings, **fields}
        )
        job = Job(message, RuntimeSpec(), retry, self.engine)
        self.engine.open(job, 0)
        return job

    def add(self, job: Job, *args: object, needs: Sequence[Sequence[Call]] = ()) -> list[Call]:
        """Add a call for each argument; `needs` are the calls that each needs."""
        at = len(job.calls)
        calls = [
            Call(job, f"{at + number:05d}", Payload(dump(((arg,), None))), needs[number] if needs else ())
            for number, arg in enumerate(args)
        ]
        for call in calls:
            call.add_done_callback(self.ends.append)
        self.engine.add(job, calls)
        return calls

    @staticmethod
    def until(condition: Callable[[], bool], what: str = "what the test waits for") -> None:
        """Wait, with a bound, until something is true."""
        limit = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < limit, f"{what} does not come"
            time.sleep(0.002)


@pytest.fixture
def lab() -> Iterator[Callable[[ComputeBackend], Lab]]:
    """Make laboratories; their engines are closed afterwards, and leave no thread."""
    before = set(threading.enumerate())
    made: list[Lab] = []

    def make(backend: ComputeBackend) -> Lab:
        made.append(Lab(backend))
        return made[-1]

    yield make
    for one in made:
        one.engine.close()
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(WAIT_S)
    assert [thread.name for thread in left if thread.is_alive()] == []


@pytest.fixture
def by_hand() -> ByHand:
    """A backend whose calls the test ends; started on the starter's threads."""
    return ByHand()


@pytest.fixture
def instant() -> Instant:
    """A backend whose calls the test ends; started on the submitting thread."""
    return Instant()


@pytest.fixture
def deaf() -> type[Deaf]:
    """A backend that does not reply and cannot cancel."""
    return Deaf


@pytest.fixture
def runs_here() -> type[RunsHere]:
    """A backend that runs calls at once, in this process, and replies."""
    return RunsHere


@pytest.fixture
def runs_away() -> type[RunsAway]:
    """A backend that runs calls at once and does not reply: their statuses are in the store."""
    return RunsAway
