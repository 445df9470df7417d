"""The values that cross Lithops' floors: references, payloads, calls and their ends. No behaviour, no I/O.

They are named tuples, or classes with slots, since each worker waits for this module: making a dataclass takes longer.
Their fields are read by name only: new ones come at the end, with a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Artifact",
    "BrokerRef",
    "Buffer",
    "CallEnd",
    "CallMessage",
    "CallOutput",
    "CallStatus",
    "ErrorInfo",
    "Handle",
    "JobMessage",
    "ObjectInfo",
    "Payload",
    "Span",
    "StorageRef",
]

Buffer: TypeAlias = bytes | bytearray | memoryview
_EMPTY: Mapping[str, Any] = {}

Handle: TypeAlias = str
"""What a platform gave back for a start: a request id, a job's name."""


class Span(NamedTuple):
    """A range of bytes, from `start` up to but not including `end`."""

    start: int
    end: int


class ObjectInfo(NamedTuple):
    """One object of a store, as a listing or a head shows it. `modified` is in UTC, with its zone."""

    key: str
    size_bytes: int
    etag: str | None = None
    modified: datetime | None = None


class StorageRef(NamedTuple):
    """What a worker needs to open a store: never a secret.

    `factory` is "module:Class"; the worker calls `Class.from_ref(ref)`. `options` are plain JSON values. `name`
    is what the client's configuration calls the store.
    """

    factory: str
    bucket: str
    options: Mapping[str, Any] = _EMPTY
    name: str = ""


class BrokerRef(NamedTuple):
    """What a worker needs to publish statuses: never a secret.

    `factory` is "module:Class"; the worker calls `Class.from_ref(ref)`. `channel` is that of the client. `options` are
    plain JSON values.
    """

    factory: str
    channel: str
    options: Mapping[str, Any] = _EMPTY


class CallEnd(StrEnum):
    """How a call ended. Every call reaches exactly one of these."""

    SUCCESS = "success"
    ERROR = "error"
    LOST = "lost"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class Payload:
    """A pickle and its out-of-band buffers: inline as `parts`, or stored under `key` from `offset` on.

    The first part is the pickle (protocol 5), the others its buffers in order; `sizes` are their lengths in
    bytes. The parts of a stored payload lie back to back.
    """

    __slots__ = ("key", "offset", "parts", "sizes")

    def __init__(
        self,
        parts: tuple[Buffer, ...] | None = None,
        *,
        key: str | None = None,
        offset: int = 0,
        sizes: tuple[int, ...] | None = None,
    ) -> None:
        self.parts = parts
        self.key = key
        self.offset = offset
        self.sizes = sizes

    @property
    def size_bytes(self) -> int:
        """The length of all parts together."""
        parts = self.parts
        if parts is not None:
            return len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
        return sum(self.sizes or ())


class Artifact(NamedTuple):
    """Something addressed by the sha256 of its content: a pickled function, or a zip of modules.

    The content is `payload`, inline or stored. `digest` is over all parts in order.
    """

    digest: str
    payload: Payload


class JobMessage(NamedTuple):
    """What all calls of a job share. One object a job: its calls point to it.

    `fill` names the parameters that the worker fills in when the input does not: `id`, `storage`, `obj`.
    `results_inline_max` is the size in bytes up to which a result travels in its status. `commit` tells the
    worker to write each status to the store too (for platforms that do not reply); with `commit_after_s`, it writes that
    of a call which took longer, since an answer that is waited for so long may be lost on its way. Statuses that are
    written are published by `broker` too.
    """

    executor_id: str
    job_id: str
    function: Artifact
    function_name: str = ""
    modules: Artifact | None = None
    fill: tuple[str, ...] = ()
    store: StorageRef | None = None
    timeout_s: float | None = None
    memory_mb: int | None = None
    env: Mapping[str, str] = _EMPTY
    results_inline_max: int = 0
    commit: bool = False
    commit_after_s: float | None = None
    broker: BrokerRef | None = None

    @property
    def job_key(self) -> str:
        """The job's name among all executors: `<executor_id>-<job_id>`."""
        return f"{self.executor_id}-{self.job_id}"


class CallMessage:
    """One attempt of one call, ready to start. `needs` are the results that its data refers to, by position."""

    __slots__ = ("attempt", "call_id", "data", "job", "needs")

    def __init__(
        self, job: JobMessage, call_id: str, data: Payload, needs: tuple[Payload, ...] = (), attempt: int = 0
    ) -> None:
        self.job = job
        self.call_id = call_id
        self.data = data
        self.needs = needs
        self.attempt = attempt


class ErrorInfo(NamedTuple):
    """Why a call has no result. `payload` is the pickled exception when it could be pickled."""

    type: str
    message: str
    traceback: str = ""
    payload: Payload | None = None
    signal: int | None = None
    exit_code: int | None = None
    memory_limit: bool = False


class CallStatus:
    """The small record that says how an attempt of a call ended.

    `header` is the JSON text of the status as the worker wrote it, kept for `stats`; it is parsed when asked for.
    `worker_s` is how long the worker had the call, in seconds; None when no worker told. `billed_s` is what the platform
    bills for the attempt, in seconds; None when it did not tell. `is_last` says that the worker takes no more calls.
    """

    __slots__ = (
        "attempt",
        "billed_s",
        "call_id",
        "end",
        "error",
        "executor_id",
        "header",
        "is_last",
        "job_id",
        "result",
        "worker_s",
    )

    def __init__(
        self,
        executor_id: str,
        job_id: str,
        call_id: str,
        attempt: int,
        end: CallEnd,
        *,
        result: Payload | None = None,
        error: ErrorInfo | None = None,
        header: bytes = b"",
        worker_s: float | None = None,
        billed_s: float | None = None,
        is_last: bool = False,
    ) -> None:
        self.executor_id = executor_id
        self.job_id = job_id
        self.call_id = call_id
        self.attempt = attempt
        self.end = end
        self.result = result
        self.error = error
        self.header = header
        self.worker_s = worker_s
        self.billed_s = billed_s
        self.is_last = is_last

    @classmethod
    def of(
        cls, call: CallMessage, end: CallEnd, error: ErrorInfo | None = None, *, billed_s: float | None = None
    ) -> CallStatus:
        """Make the status of a call whose worker cannot make it: a death, a time-out, a refusal."""
        return cls(
            call.job.executor_id, call.job.job_id, call.call_id, call.attempt, end, error=error, billed_s=billed_s
        )


class CallOutput(NamedTuple):
    """Text that a worker printed. `call_id` is None for what no call printed. `stream` is stdout or stderr."""

    executor_id: str | None
    job_id: str | None
    call_id: str | None
    stream: str
    text: str
