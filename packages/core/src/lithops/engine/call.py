"""The engine's record of a job and of each of its calls: what it waits for, its attempt, its end, who wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from lithops.engine.retry import Retry
from lithops.spi.compute import RuntimeSpec
from lithops.spi.storage import StorageBackend
from lithops.types import CallEnd, CallMessage, CallStatus, Handle, JobMessage, Payload
from lithops.worker.stores import Stores

if TYPE_CHECKING:
    from lithops.engine.engine import Engine

__all__ = ["Call", "Job"]

DoneCallback: TypeAlias = Callable[["Call"], None]
LOG_CHARACTERS = 256 * 1024


class Job:
    """What the calls of a job share. `engine` is None for a job of another process."""

    __slots__ = (
        "__weakref__",
        "calls",
        "created",
        "engine",
        "is_detached",
        "lock",
        "message",
        "retry",
        "runtime",
        "store",
        "unfinished",
    )

    def __init__(self, message: JobMessage, runtime: RuntimeSpec, retry: Retry, engine: Engine | None) -> None:
        self.message = message
        self.runtime = runtime
        self.retry = retry
        self.engine = engine
        self.calls: list[Call] = []
        self.unfinished = 0
        self.created = time.time()
        self.is_detached = False
        self.store: StorageBackend | None = None  # of a job of another process, where there is one that is open
        self.lock = Lock() if engine is None else engine.lock

    def open_store(self) -> StorageBackend | None:
        """Open the store of the job's big results: the executor's own, or by reference in another process."""
        if self.engine is not None:
            return self.engine.store.open()[0]
        if self.store is not None or self.message.store is None:
            return self.store
        return Stores().open(self.message.store)


class Call:
    """One call of a job, over all its attempts. `lock` of the job guards `status` and `callbacks`."""

    __slots__ = (
        "attempt",
        "call_id",
        "callbacks",
        "data",
        "done_tstamp",
        "failed_need",
        "handle",
        "is_unheard",
        "job",
        "logs",
        "message",
        "needs",
        "runtime",
        "sent",
        "status",
        "submit_tstamp",
    )

    def __init__(self, job: Job, call_id: str, data: Payload, needs: Sequence[Call] = ()) -> None:
        self.job = job
        self.call_id = call_id
        self.data = data
        self.needs = needs
        self.attempt = 0
        self.status: CallStatus | None = None
        self.callbacks: list[DoneCallback] | DoneCallback | None = None  # one is the common case: it needs no list
        self.message: JobMessage = job.message
        self.runtime = job.runtime
        self.handle: Handle | None = None
        self.sent: CallMessage | None = None
        self.failed_need: Call | None = None
        self.is_unheard = False  # its answer was lost: its status may be in the store
        self.logs = ""
        self.submit_tstamp = 0.0
        self.done_tstamp = 0.0

    @property
    def is_done(self) -> bool:
        """Whether the call has reached its end."""
        return self.status is not None

    @property
    def succeeded(self) -> bool:
        """Whether the call has ended with a result."""
        return self.status is not None and self.status.end is CallEnd.SUCCESS

    def add_done_callback(self, callback: DoneCallback) -> None:
        """Call `callback(self)` once, when the call has ended; at once when it has. It must not block or raise."""
        with self.job.lock:
            if self.status is None:
                if self.callbacks is None:
                    self.callbacks = callback
                elif isinstance(self.callbacks, list):
                    self.callbacks.append(callback)
                else:
                    self.callbacks = [self.callbacks, callback]
                return
        callback(self)

    def remove_done_callback(self, callback: DoneCallback) -> None:
        """Forget a callback that was not called yet."""
        with self.job.lock:
            if isinstance(self.callbacks, list):
                if callback in self.callbacks:
                    self.callbacks.remove(callback)
            elif self.callbacks == callback:
                self.callbacks = None

    def settle(self, status: CallStatus) -> bool:
        """Note the end, once; tell whether it was the first. The callbacks are called on this thread."""
        with self.job.lock:
            if self.status is not None:
                return False
            self.status = status
            callbacks, self.callbacks = self.callbacks, None
        self.done_tstamp = time.time()
        if isinstance(callbacks, list):
            for callback in callbacks:
                callback(self)
        elif callbacks is not None:
            callbacks(self)
        return True

    def forget_result(self) -> None:
        """Drop the result of a call that has ended and that nobody will ask for again."""
        if self.status is not None:
            self.status.result = None
            self.status.header = b""

    def add_log(self, text: str) -> None:
        """Keep the end of what the call printed."""
        self.logs = (self.logs + text)[-LOG_CHARACTERS:]

    def to_message(self, needs: tuple[Payload, ...] = ()) -> CallMessage:
        """Make the message that starts the present attempt."""
        return CallMessage(self.message, self.call_id, self.data, needs, self.attempt)
