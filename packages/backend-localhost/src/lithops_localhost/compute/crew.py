"""The workers and the calls that wait for them: who gets what, who is heard, who is replaced. No threads in here.

waiting --fill--> in hand of a worker: the head runs, the others have not begun --status--> settled
   ^                 |
   +-- recall, death-+      a dead worker's head is settled as lost; the others wait again
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

from lithops.errors import WireError
from lithops.spi import CallEnd, CallMessage, CallOutput, CallStatus, ErrorInfo, Report
from lithops.wire.calls import encode_calls
from lithops.wire.control import HELLO, RECALL, RETURNED
from lithops.wire.envelope import Message, encode
from lithops.wire.output import OUTPUT, decode_output
from lithops.wire.status import STATUS, decode_status
from lithops_localhost.compute.batches import room
from lithops_localhost.compute.deaths import died, failed_start, over_time
from lithops_localhost.compute.ledger import Ledger
from lithops_localhost.compute.process import WorkerProcess

__all__ = ["Crew"]

log = logging.getLogger(__name__)

RECALL_AFTER_S = 0.01
"""Calls behind one that runs longer than this are given to idle workers."""

START_TIMEOUT_S = 60.0
"""A worker that has not said hello by then is ended."""

FAILED_STARTS = 3
"""So many workers in a row that die before they say hello: there is no use in starting more."""

SPAWN_AGAIN_S = 1.0
LONGEST_TURN_S = 3600.0
MAX_FRAME_DATA_BYTES = 4 * 1024 * 1024
LAST_READS = 32
_STREAMS = ("stdout", "stderr")


class Crew:
    """At most `size` workers. `spawn` starts one and watches over it, `watch_over` does so for one that was started
    elsewhere; `flush` is called when one has output waiting.

    Used by the pool's thread only.
    """

    def __init__(
        self,
        interpreter: str,
        size: int,
        spawn: Callable[[], WorkerProcess],
        watch_over: Callable[[WorkerProcess], WorkerProcess],
        flush: Callable[[WorkerProcess], None],
    ) -> None:
        self.workers: list[WorkerProcess] = []
        self._interpreter = interpreter
        self._size = size
        self._spawn = spawn
        self._watch_over = watch_over
        self._flush = flush
        self._ledger = Ledger()
        self._waiting: deque[CallMessage] = deque()
        self._cancelled: set[CallMessage] = set()
        self._failed_starts = 0
        self._no_spawn_before = 0.0

    # What comes from the client

    def adopt(self, worker: WorkerProcess) -> None:
        """Take in a worker that was started elsewhere, if it is the first."""
        if self.workers:
            worker.reap()
        else:
            self.workers.append(self._watch_over(worker))

    def accept(self, calls: Sequence[CallMessage], report: Report) -> None:
        """Queue calls of one job."""
        self._ledger.open(calls, report)
        self._waiting.extend(calls)

    def cancel(self, calls: Collection[CallMessage]) -> None:
        """Drop those that wait, and end the workers that run one."""
        wanted = set(calls)
        waiting, self._waiting = self._waiting, deque()
        for call in waiting:
            if call in wanted:
                self._settle(call, CallStatus.of(call, CallEnd.CANCELLED))
            else:
                self._waiting.append(call)
        for worker in self.workers:
            found = wanted.intersection(worker.in_hand)
            if found:
                self._cancelled |= found
                if worker.in_hand[0] in found:
                    self._kill_for(worker, CallEnd.CANCELLED)
                else:
                    self._recall(worker)

    # What is due

    def due(self) -> float | None:
        """Say in how many seconds `turn` must be called, if nothing else happens; None: never."""
        moments = [self._no_spawn_before] if self._waiting and len(self.workers) < self._size else []
        has_idle = len(self.workers) < self._size or not all(worker.in_hand for worker in self.workers)
        for worker in self.workers:
            if not worker.said_hello:
                moments.append(worker.started_at + START_TIMEOUT_S)
            elif worker.head_since is not None:
                timeout_s = worker.in_hand[0].job.timeout_s
                if timeout_s is not None:
                    moments.append(worker.head_since + timeout_s)
                if has_idle and len(worker.in_hand) > 1 and not worker.was_asked_back:
                    moments.append(worker.head_since + RECALL_AFTER_S)
        return min(max(0.0, min(moments) - time.monotonic()), LONGEST_TURN_S) if moments else None

    def turn(self) -> None:
        """End what is over time, start workers, give out calls, and take back what waits behind slow ones."""
        self._enforce_time_outs()
        if self._waiting:
            self._grow()
        for worker in sorted(self.workers, key=_load):
            if not self._waiting:
                break
            if worker.takes_calls:
                self._fill(worker)
        if not self._waiting:
            self._spread()

    # What comes from a worker

    def hear(self, worker: WorkerProcess, message: Message) -> None:
        """Take in a message. Raises `WireError` when it makes no sense: the worker is not to be trusted any more."""
        try:
            if message.kind == STATUS:
                self._hear_pipes(worker)
                self._hear_status(worker, message)
            elif message.kind == OUTPUT:
                self._ledger.print(decode_output(message))
            elif message.kind == RETURNED:
                self._take_back(worker, message)
            elif message.kind == HELLO:
                worker.said_hello = True
                self._failed_starts = 0
                worker.head_since = time.monotonic() if worker.in_hand else None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as exc:
            if isinstance(exc, WireError):
                raise
            raise WireError(f"a message of kind '{message.kind[:40]}' is malformed: {exc!r}") from exc

    def hear_text(self, worker: WorkerProcess, at: int, text: str) -> None:
        """Take in what was written to the descriptors 1 and 2 of a worker: by the call that it runs."""
        if worker.in_hand and worker.said_hello:
            call = worker.in_hand[0]
            job = call.job
            self._ledger.print(CallOutput(job.executor_id, job.job_id, call.call_id, _STREAMS[at], text))
        elif text:
            self._ledger.print(CallOutput(None, None, None, _STREAMS[at], text))

    def _hear_pipes(self, worker: WorkerProcess) -> None:
        """Take in what is in the pipes before a message is: a call wrote it before it ended.

        A pipe that was read to its end and written to again may be missing from what the selector gives together with the
        socket; one that was never written to is not.
        """
        if worker.has_written:
            for at in range(2):
                text = worker.read_text(at)
                if text:
                    self.hear_text(worker, at, text)

    def bury(self, worker: WorkerProcess) -> None:
        """Take in what a dead or ended worker still said, settle the call that it died in, and queue its others again."""
        worker.kill()
        for at in range(2):
            for _ in range(LAST_READS):  # a process outside of its group may go on writing
                text = worker.read_text(at)
                if not text:
                    break
                self.hear_text(worker, at, text)
        try:
            for message in worker.drain():
                self.hear(worker, message)
        except WireError as exc:
            log.warning("worker %d broke the protocol: %s", worker.pid, exc)
        self.workers.remove(worker)
        self._settle_death(worker, worker.reap())

    def disband(self) -> None:
        """Kill all workers, and settle what has no end as cancelled."""
        for worker in self.workers:
            worker.kill()
        orphans = list(self._waiting)
        for worker in self.workers:
            orphans.extend(worker.in_hand)
            worker.reap()
        self.workers.clear()
        self._waiting.clear()
        for call in orphans:
            self._settle(call, CallStatus.of(call, CallEnd.CANCELLED))

    # Calls

    def _settle(self, call: CallMessage, status: CallStatus) -> None:
        self._cancelled.discard(call)
        self._ledger.settle(call, status)

    def _wait_again(self, call: CallMessage) -> None:
        if call in self._cancelled:
            self._settle(call, CallStatus.of(call, CallEnd.CANCELLED))
        else:
            self._waiting.appendleft(call)

    def _hear_status(self, worker: WorkerProcess, message: Message) -> None:
        status = decode_status(message)
        head = worker.in_hand[0] if worker.in_hand else None
        if head is None or (head.call_id, head.job.job_id) != (status.call_id, status.job_id):
            raise WireError(f"worker {worker.pid} told the end of a call that it does not run")
        if status.end is CallEnd.SUCCESS and status.result is None:
            raise WireError(f"worker {worker.pid} told of a success without a result")
        if status.worker_s is not None:
            self._ledger.pace(head).saw(status.worker_s)
        worker.in_hand.popleft()
        worker.head_since = time.monotonic() if worker.in_hand else None
        worker.expects_exit = status.is_last or status.end is CallEnd.LOST
        self._settle(head, status)

    def _take_back(self, worker: WorkerProcess, message: Message) -> None:
        worker.was_asked_back = False
        for call_id in message.header["calls"]:
            if not worker.in_hand or worker.in_hand[-1].call_id != call_id:
                raise WireError(f"worker {worker.pid} gave back a call that it does not have")
            self._wait_again(worker.in_hand.pop())
        if not worker.in_hand:
            worker.head_since = None
        elif worker.in_hand[0] in self._cancelled:
            self._kill_for(worker, CallEnd.CANCELLED)

    def _settle_death(self, worker: WorkerProcess, code: int) -> None:
        in_hand = worker.in_hand
        if worker.killed_for is None:  # else it was us
            self._failed_starts = 0 if worker.said_hello else self._failed_starts + 1
        if worker.killed_for is not None:
            call, end = worker.killed_for
            if in_hand and in_hand[0] is call:
                in_hand.popleft()
                error = over_time(call) if end is CallEnd.TIMEOUT else None
                self._settle(call, CallStatus.of(call, end, error))
        elif in_hand and worker.said_hello and not worker.expects_exit:
            call = in_hand.popleft()
            self._settle(call, CallStatus.of(call, CallEnd.LOST, died(code, worker.tail)))
        while in_hand:
            self._wait_again(in_hand.pop())
        if self._failed_starts >= FAILED_STARTS:
            self._give_up(failed_start(f"exit code {code}", self._interpreter, worker.tail))

    def _give_up(self, error: ErrorInfo) -> None:
        waiting, self._waiting = self._waiting, deque()
        self._failed_starts = 0
        for call in waiting:
            self._settle(call, CallStatus.of(call, CallEnd.LOST, error))

    # Workers

    def _enforce_time_outs(self) -> None:
        now = time.monotonic()
        for worker in self.workers:
            if not worker.said_hello:
                if now >= worker.started_at + START_TIMEOUT_S:
                    worker.kill()
            elif worker.head_since is not None:
                timeout_s = worker.in_hand[0].job.timeout_s
                if timeout_s is not None and now >= worker.head_since + timeout_s:
                    self._kill_for(worker, CallEnd.TIMEOUT)

    def _kill_for(self, worker: WorkerProcess, end: CallEnd) -> None:
        """End the worker because of the call that it runs; its death is heard of later."""
        if worker.killed_for is None:
            worker.killed_for = (worker.in_hand[0], end)
            worker.head_since = None
            worker.kill()

    def _grow(self) -> None:
        idle = sum(1 for worker in self.workers if not worker.in_hand)
        if time.monotonic() < self._no_spawn_before:
            return
        while len(self.workers) < self._size and idle < len(self._waiting):
            try:
                self.workers.append(self._spawn())
            except OSError as exc:
                self._no_spawn_before = time.monotonic() + SPAWN_AGAIN_S
                if not self.workers:
                    self._give_up(failed_start(f"{type(exc).__name__}: {exc}", self._interpreter))
                return
            idle += 1

    def _fill(self, worker: WorkerProcess) -> None:
        waiting = self._waiting
        first = waiting[0]
        pace = self._ledger.pace(first)
        count = room(pace.wanted(), len(worker.in_hand), len(waiting), self._size)
        if count <= 0 or (not worker.in_hand and worker.is_gone):
            return
        batch: list[CallMessage] = []
        size = 0
        job = first.job
        while waiting and len(batch) < count and waiting[0].job is job and size < MAX_FRAME_DATA_BYTES:
            call = waiting.popleft()
            batch.append(call)
            size += call.data.size_bytes if call.data.parts is not None else 0
        pace.largest = max(pace.largest, len(batch))
        if not worker.in_hand and worker.said_hello:
            worker.head_since = time.monotonic()
        worker.in_hand.extend(batch)
        self._send(worker, encode_calls(batch))

    def _spread(self) -> None:
        """Ask for calls that wait behind a slow one, when another worker has nothing to do."""
        if len(self.workers) == self._size and all(worker.in_hand for worker in self.workers):
            return
        limit = time.monotonic() - RECALL_AFTER_S
        for worker in self.workers:
            if len(worker.in_hand) > 1 and worker.head_since is not None and worker.head_since <= limit:
                self._recall(worker)

    def _recall(self, worker: WorkerProcess) -> None:
        if not worker.was_asked_back:
            worker.was_asked_back = True
            self._send(worker, encode(RECALL, {"count": len(worker.in_hand)}))

    def _send(self, worker: WorkerProcess, frame: Sequence[Any]) -> None:
        worker.send(frame)
        if worker.has_output:
            self._flush(worker)


def _load(worker: WorkerProcess) -> int:
    return len(worker.in_hand)
