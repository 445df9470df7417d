"""The engine: takes calls when what they need is there, starts them, hears of their ends, tries again, settles.

add(calls) --> wait for needs --> CallMessages --> plan --> backend.start, or Starter's threads
                    ^                                            |
                    |                            report(status)  |   Tracker: store, deaths, deadlines
retry, at once or by the Timer <-- failed? <---------------------+-------------+
                                      |
                                   settle --> callbacks: waits, futures, the calls that need this one
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from weakref import WeakValueDictionary

from lithops.engine.bill import Bill
from lithops.engine.call import Call, Job
from lithops.engine.job_store import JobStore
from lithops.engine.listen import Channel
from lithops.engine.memory import give_more_memory
from lithops.engine.needs import await_needs, needed
from lithops.engine.observe import Observers
from lithops.engine.outcome import exception_of, rejection_of
from lithops.engine.plan import plan
from lithops.engine.submit import Starter
from lithops.engine.timer import Timer
from lithops.engine.track import Tracker
from lithops.errors import BackendError, LithopsError, NotSupportedError
from lithops.spi.compute import ComputeBackend, ComputeFeature, Limits, Refusal, RuntimeSpec, Unheard
from lithops.spi.hooks import CallEvent, JobEndEvent, JobEvent
from lithops.types import Buffer, CallEnd, CallMessage, CallOutput, CallStatus, ErrorInfo, Handle, Payload
from lithops.wire.keys import data_key
from lithops.worker.stores import write_payload

__all__ = ["Engine"]

log = logging.getLogger(__name__)

COMMIT_MARGIN_S = 5.0
"""How much longer than its worker measured a call may seem to its client."""

_NO_DATA = Payload(())
DETACHED_START_S = 120.0
"""How long `close` waits until the platform has taken all calls of detached jobs."""

_DETACHED = ErrorInfo("Detached", "")
_CLOSED = ErrorInfo("CallCancelledError", "the executor was closed")


class Engine:
    """Runs the jobs of one executor on one backend. Thread-safe.

    `store` takes what is too big for a message. Observers and `on_output` are
    called on the thread that heard of the event, and must return quickly.
    """

    def __init__(
        self,
        backend: ComputeBackend,
        store: JobStore,
        *,
        on_output: Callable[[Call | None, CallOutput], None],
        on_job: Callable[[JobEvent], None] | None = None,
        on_call: Callable[[CallEvent], None] | None = None,
        on_job_end: Callable[[JobEndEvent], None] | None = None,
        monitoring_interval_s: float = 2.0,
        max_cost: float | None = None,
        channel: Channel | None = None,
    ) -> None:
        self.backend = backend
        self.bill = Bill(backend, max_cost)
        self.lock = threading.Lock()
        self.store = store
        self._on_output = on_output
        self.observers = Observers(on_job, on_call, on_job_end)
        self._jobs: dict[str, Job] = {}  # with unfinished calls
        self._over: WeakValueDictionary[str, Job] = WeakValueDictionary()  # as long as somebody has a future of them
        self._is_instant = ComputeFeature.INSTANT_START in backend.features
        self._timer = Timer("lithops-engine-timer")
        self._starter = Starter(
            backend, self.report, starting=self._starting, started=self._started, rejected=self._rejected
        )
        self._tracker = Tracker(
            backend,
            store.open,
            unfinished=self._in_flight,
            report=self.report,
            longest_s=monitoring_interval_s,
            channel=channel,
        )
        self._is_tracked = self._tracker.is_needed
        self.owner: Callable[[], object | None] = lambda: None
        self._spilled = 0
        self._is_closed = False

    def commits(self, expected: int, *, detached: bool) -> bool:
        """Say whether the workers of a job write their statuses to the store, since nobody waits for their answers."""
        features = self.backend.features
        if ComputeFeature.REPLIES not in features:
            return True
        if ComputeFeature.EVENTS not in features:
            if detached:
                raise NotSupportedError(
                    f"{type(self.backend).__name__} cannot run a job that outlives its client: leave out 'detach'"
                )
            return False
        return detached or self.backend.prefers_events(expected)

    def limits(self, *, commits: bool) -> Limits:
        """Give the limits of jobs whose workers write their statuses, or of those that are answered."""
        return (self.backend.event_limits if commits else None) or self.backend.limits

    def open(self, job: Job, expected: int) -> None:
        """Take a job, whose calls come by `add`."""
        with self.lock:
            if self._is_closed:
                raise BackendError("this executor is closed: make a new one")
            self._jobs[job.message.job_id] = job
        self.observers.job_started(job, expected)

    def add(self, job: Job, calls: Sequence[Call]) -> None:
        """Take calls of an open job: each starts when what it needs is there. Their ids are their numbers in the job."""
        with self.lock:
            self._jobs[job.message.job_id] = job
            job.calls.extend(calls)
            job.unfinished += len(calls)
        ready: list[Call] = []
        for call in calls:
            if call.needs:
                await_needs(call, self._needs_are_there)
            else:
                ready.append(call)
        if ready:
            self._start(ready)

    def unfinished(self) -> int:
        """Count the calls that have no end yet."""
        with self.lock:
            return sum(job.unfinished for job in self._jobs.values())

    def report(self, said: CallStatus | CallOutput | Refusal | Unheard) -> None:
        """Take what a backend or the tracker has to say. Never raises; what comes twice or too late is ignored."""
        try:
            if isinstance(said, Refusal):
                self._hear_refusal(said)
            elif isinstance(said, Unheard):
                self._hear_nothing(said)
            else:
                self._hear(said)
        except Exception:  # a bug of ours, or an observer's, must not kill the thread of a backend
            log.exception("a report could not be taken in")

    def cancel(self, calls: Collection[Call]) -> None:
        """End calls that have no end yet. Raises `NotSupportedError` for those that run where nothing can end them."""
        open_calls = [call for call in calls if not call.is_done]
        sent = {call.sent: call for call in open_calls if call.sent is not None}
        dropped = self._starter.drop(set(sent)) if not self._is_instant else set()
        running: dict[Handle, list[CallMessage]] = {}
        for call in open_calls:
            with self.lock:
                message = call.sent
            if message is None or message in dropped:
                self._settle(call, CallStatus.of(message or call.to_message(), CallEnd.CANCELLED))
            else:
                running.setdefault(call.handle or "", []).append(message)
        if running and ComputeFeature.CANCEL not in self.backend.features:
            raise NotSupportedError(
                f"{sum(map(len, running.values()))} calls already run, and {type(self.backend).__name__} cannot end a "
                "call that was started: wait for them, or give a 'timeout' when you submit"
            )
        for handle, messages in running.items():
            self.backend.cancel(handle, messages)

    def close(self) -> None:
        """Stop everything in bounded time; calls without an end are cancelled. Idempotent."""
        with self.lock:
            if self._is_closed:
                return
            detached = {job.message.job_id for job in self._jobs.values() if job.is_detached}
        if detached and not self._starter.drain(detached, DETACHED_START_S):
            log.warning("some calls of detached jobs were not started within %g s, and are lost", DETACHED_START_S)
        with self.lock:
            self._is_closed = True
        self._timer.close()
        self._tracker.close()
        for job in list(self._jobs.values()):
            if job.unfinished:
                for call in job.calls:
                    if not call.is_done:
                        error = _DETACHED if job.is_detached else _CLOSED
                        self._settle(call, CallStatus.of(call.to_message(), CallEnd.CANCELLED, error))
        self.backend.close()
        self._starter.close()

    def spill(self, job: Job, parts: Sequence[Buffer]) -> Payload:
        """Store what is too big for a message."""
        store, bucket = self.store.open()
        self.store.is_written = True
        with self.lock:
            number = self._spilled
            self._spilled += 1
        message = job.message
        return write_payload(store, bucket, data_key(message.executor_id, message.job_id, number), parts)

    def spill_together(self, job: Job, payloads: Sequence[Payload]) -> list[Payload]:
        """Store inline payloads in one object, and give what refers to each of them there."""
        stored = self.spill(job, [part for payload in payloads for part in payload.parts or ()])
        sizes, offset, at = stored.sizes or (), 0, 0
        referring = []
        for payload in payloads:
            count = len(payload.parts or ())
            mine = sizes[at : at + count]
            referring.append(Payload(key=stored.key, offset=offset, sizes=mine))
            offset, at = offset + sum(mine), at + count
        return referring

    def _hear(self, said: CallStatus | CallOutput) -> None:
        job = self._job(said.job_id)
        if isinstance(said, CallOutput):
            call = job.calls[int(said.call_id)] if job is not None and said.call_id is not None else None
            if call is not None:
                call.add_log(said.text)
            self._on_output(call, said)
            return
        if job is None:
            return
        number = int(said.call_id)
        if not 0 <= number < len(job.calls):
            return
        call = job.calls[number]
        if not self._is_instant:
            self._starter.release(said.job_id, said.call_id, said.attempt)
        if self.bill.is_kept and said.end not in (CallEnd.REJECTED, CallEnd.CANCELLED):
            self.bill.add(call.runtime, said.billed_s, said.worker_s)
        tries_again = said.end is not CallEnd.SUCCESS and self._is_worth_trying_again(call, said)
        with self.lock:
            is_stale = said.attempt != call.attempt and said.end is not CallEnd.SUCCESS
            if call.status is not None or is_stale:
                return
            if tries_again:
                call.attempt += 1
                call.sent = None
                call.handle = None
        if tries_again:
            if said.error is not None and said.error.memory_limit:
                give_more_memory(call, self.backend.limits.memory_mb)
            self._try_again(call, said)
        else:
            self._settle(call, said)

    def _hear_refusal(self, refusal: Refusal) -> None:
        waiting = [message for message, call in self._waiting(refusal.calls) if call is not None]
        if waiting:
            self._starter.refuse(self._calls_of(waiting)[0].runtime, waiting, refusal.error)

    def _hear_nothing(self, unheard: Unheard) -> None:
        """Look for the statuses in the store, and run those again that may have ended without leaving one."""
        commit_after_s = self.backend.commit_after_s
        again: list[CallMessage] = []
        for message, call in self._waiting(unheard.calls):
            if call is None:
                continue
            call.is_unheard = True
            log.debug("the answer of call %s of %s was lost: %s", call.call_id, message.job.job_key, unheard.reason)
            waited_s = time.time() - call.submit_tstamp
            if message.job.commit or (commit_after_s is not None and waited_s > commit_after_s + COMMIT_MARGIN_S):
                continue  # who runs it still, or has run it, writes its status
            committing = message.job._replace(commit_after_s=0.0)
            again.append(CallMessage(committing, message.call_id, message.data, message.needs, message.attempt))
        for message in again:
            call = self._calls_of([message])[0]
            with self.lock:
                call.sent = message
            self._starter.release(message.job.job_id, message.call_id, message.attempt)
            self._starter.put(call.runtime, [message])
        self._tracker.wake()

    def _waiting(self, messages: Sequence[CallMessage]) -> Iterator[tuple[CallMessage, Call | None]]:
        """Pair messages with their calls; None for those that are over or were sent again since."""
        for message in messages:
            (call,) = self._calls_of([message]) or (None,)
            if call is not None and (call.is_done or call.attempt != message.attempt):
                call = None
            yield message, call

    def _settle(self, call: Call, status: CallStatus) -> None:
        if not call.settle(status):
            return
        call.sent = None
        call.data = _NO_DATA
        job = call.job
        with self.lock:
            job.unfinished -= 1
            if not job.unfinished:
                self._over[job.message.job_id] = self._jobs.pop(job.message.job_id, job)
        if status.result is not None and status.result.key is not None:
            self.store.is_written = True
        self.observers.call_settled(call, status)

    def _is_worth_trying_again(self, call: Call, status: CallStatus) -> bool:
        if self._is_closed:
            return False
        return call.job.retry.wants(status.end, status.attempt, lambda: exception_of(call, status))

    def _try_again(self, call: Call, status: CallStatus) -> None:
        delay_s = call.job.retry.delay_s(call.attempt - 1)
        log.debug("call %s of %s failed (%s): attempt %d", call.call_id, status.job_id, status.end, call.attempt)
        if delay_s <= 0:
            self._start([call])
        else:
            self._timer.after(delay_s, partial(self._start, [call]))

    # Starting

    def _needs_are_there(self, call: Call) -> None:
        failed = next((need for need in call.needs if not need.succeeded), None)
        if failed is None:
            self._start([call])
            return
        assert failed.status is not None
        call.failed_need = failed
        self._settle(call, CallStatus.of(call.to_message(), failed.status.end, failed.status.error))

    def _start(self, calls: Sequence[Call]) -> None:
        now = time.time() if self._is_instant else 0.0
        messages = []
        for call in calls:
            try:
                message = call.to_message(needed(call, self) if call.needs else ())
            except Exception as exc:  # the store's code may raise anything, and the call must have an end
                self._settle(call, rejection_of(call.to_message(), f"what it needs cannot be given to it: {exc}"))
                continue
            with self.lock:
                if call.status is not None:
                    continue
                is_closed = self._is_closed
                if not is_closed:
                    call.sent = message
                    call.submit_tstamp = now
            if is_closed:
                self._settle(call, CallStatus.of(message, CallEnd.CANCELLED, _CLOSED))
            else:
                messages.append(message)
        refusal = self.bill.refusal() if messages else None
        if refusal is not None:
            self._rejected(messages, refusal)
            return
        runtime = calls[0].runtime  # those that start together have the same
        for batch in plan(messages, self.limits(commits=calls[0].message.commit)):
            if self._is_instant:
                self._start_now(runtime, batch)
            else:
                self._starter.put(runtime, batch, is_bounded=not calls[0].job.is_detached)
        if self._is_tracked:
            self._tracker.wake()

    def _starting(self, batch: Sequence[CallMessage]) -> None:
        now = time.time()
        for call in self._calls_of(batch):
            call.submit_tstamp = now

    def _start_now(self, runtime: RuntimeSpec, batch: Sequence[CallMessage]) -> None:
        try:
            handle = self.backend.start(runtime, batch, self.report)
        except Exception as exc:  # the plugin's code may raise anything
            ours = exc if isinstance(exc, LithopsError) else self.backend.translate(exc)
            self._rejected(batch, f"{type(exc).__name__}: {exc}" if ours is None else str(ours))
        else:
            self._started(batch, handle)

    def _started(self, batch: Sequence[CallMessage], handle: Handle) -> None:
        for message, call in self._waiting(batch):
            if call is not None:
                call.handle = handle
            elif not self._is_instant:  # it ended while its start was under way, or delayed
                self._starter.release(message.job.job_id, message.call_id, message.attempt)

    def _job(self, job_id: str | None) -> Job | None:
        if job_id is None:
            return None
        return self._jobs.get(job_id) or self._over.get(job_id)

    def _calls_of(self, batch: Sequence[CallMessage]) -> list[Call]:
        job = self._job(batch[0].job.job_id)
        return [] if job is None else [job.calls[int(message.call_id)] for message in batch]

    def _rejected(self, batch: Sequence[CallMessage], reason: str) -> None:
        for message in batch:
            self.report(rejection_of(message, reason))

    def _in_flight(self) -> list[Call]:
        with self.lock:
            jobs = [job for job in self._jobs.values() if job.unfinished]
        return [call for job in jobs for call in job.calls if call.status is None and call.sent is not None]
