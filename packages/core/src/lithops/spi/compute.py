"""What a compute backend is: how calls are started, heard of, and ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Flag, auto
from typing import Any, ClassVar, NamedTuple, TypeAlias

from lithops.errors import BackendError, NotSupportedError
from lithops.types import CallMessage, CallOutput, CallStatus, Handle, StorageRef

__all__ = [
    "Check",
    "ComputeBackend",
    "ComputeFeature",
    "Cost",
    "Exit",
    "Limits",
    "LogLine",
    "Refusal",
    "Report",
    "RuntimeInfo",
    "RuntimeSpec",
    "Unheard",
]

_EMPTY: Mapping[str, Any] = {}


class Refusal(NamedTuple):
    """The platform refused calls after `start` had returned: none of them was started.

    They are started again later when the error is `retryable`, with the back-pressure that it asks for; else rejected.
    """

    calls: Sequence[CallMessage]
    error: Exception


class Unheard(NamedTuple):
    """The answer about calls was lost: they may have run, run now, or never have begun.

    The engine looks for their statuses in the store, and starts those again that would not have left one.
    """

    calls: Sequence[CallMessage]
    reason: str


Report: TypeAlias = Callable[[CallStatus | CallOutput | Refusal | Unheard], None]
"""Takes the status of a call, what it printed, or what became of a start, at once, from any thread. It never raises and
never blocks for long."""


class ComputeFeature(Flag):
    """What a backend can do beyond `start`.

    REPLIES: it hears its workers and reports each status itself; without it, the engine watches the store.
    INSTANT_START: `start` only queues, without I/O: the engine calls it on the submitting thread.
    TIMEOUTS: it ends a call that is over time and reports it.
    OUTPUT: it reports what workers print, as `CallOutput`.
    EVENTS: besides REPLIES, it starts the calls of a job with `commit` so that nobody waits for their answers: workers
    write their statuses to the store, and the job may outlive the client. Such calls are not reported, but for deaths.
    """

    NONE = 0
    REPLIES = auto()
    INSTANT_START = auto()
    TIMEOUTS = auto()
    POLL = auto()
    CANCEL = auto()
    LOGS = auto()
    OUTPUT = auto()
    EVENTS = auto()


class Limits(NamedTuple):
    """What the platform allows. The engine plans by these and by nothing else.

    `max_calls_per_start` is 1 for a function service, 10_000 for a batch array. `max_payload_bytes` bounds one
    start's inline data; one input or result of more than `max_inline_bytes` goes through the store. `max_concurrency`
    bounds the calls in flight
    (None: the backend queues by itself). `start_deadline_s`: a call not ended this long after its start plus its
    time-out is lost.
    """

    max_calls_per_start: int = 1
    max_payload_bytes: int = 128 * 1024
    max_inline_bytes: int = 64 * 1024
    max_concurrency: int | None = 1000
    max_timeout_s: float | None = None
    memory_mb: tuple[int, int] | None = None
    start_deadline_s: float = 300.0


class RuntimeSpec(NamedTuple):
    """The environment that a worker runs in, as the user asked for it."""

    name: str = "default"
    memory_mb: int | None = None
    timeout_s: float | None = None
    options: Mapping[str, str] = _EMPTY


class RuntimeInfo(NamedTuple):
    """A runtime that is ready. `python` is "3.11"; `wire` is the major version its worker speaks.

    `detail` says more of it, in words; `modified` is seconds since the epoch.
    """

    name: str
    python: str
    wire: int
    memory_mb: int | None = None
    timeout_s: float | None = None
    size_bytes: int | None = None
    modified: float | None = None
    detail: str = ""


class Exit(NamedTuple):
    """A death that the worker could not report: what the platform says of a handle that is over.

    `calls` are the ids of the calls concerned; None means all of the handle's.
    """

    reason: str
    signal: int | None = None
    exit_code: int | None = None
    memory_limit: bool = False
    calls: Collection[str] | None = None
    log_tail: str = ""


class LogLine(NamedTuple):
    """One line of a platform's log."""

    text: str
    tstamp: float | None = None


class Cost(NamedTuple):
    """What calls cost, by a list of prices. `as_of` is the list's date, as YYYY-MM-DD; `source` where it is published."""

    amount: float
    currency: str
    as_of: str
    source: str = ""


class Check(NamedTuple):
    """One finding of `doctor`. `advice` says what to do when it is not `ok`."""

    name: str
    ok: bool
    detail: str = ""
    advice: str = ""


class ComputeBackend(ABC):
    """A platform that runs calls. Synchronous and thread-safe; it never sleeps or retries: it translates errors.

    The constructor takes the backend's typed configuration and does no I/O.
    """

    features: ClassVar[ComputeFeature] = ComputeFeature.NONE
    limits: Limits = Limits()
    event_limits: Limits | None = None
    """The limits of jobs whose workers commit, where these differ (EVENTS)."""
    commit_after_s: float | None = None
    """With REPLIES over connections that may break: workers write the status of a call that took longer than this."""

    @abstractmethod
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        """Start calls of one job, at most `limits.max_calls_per_start`.

        With `ComputeFeature.REPLIES`, every call is reported exactly once, also when its worker dies; `report` is the same
        for all starts of a job. Raises a `BackendError`, or what `translate` makes into one, when the platform refuses;
        then none of the calls was started. The engine starts them again later when the error is `retryable`, but not with
        INSTANT_START, where `start` only queues. A `start` that does not wait for the platform tells by `report` what came
        of it: a `Refusal`, or `Unheard`. A job's `commit` says that nobody waits for the answers of its calls.
        """

    def prefers_events(self, calls: int) -> bool:
        """Say whether a job of so many calls is better started by events. Needs `ComputeFeature.EVENTS`."""
        return False

    def price(self, runtime: RuntimeSpec, billed_s: float, calls: int) -> Cost | None:
        """Price calls that are billed for `billed_s` seconds in all. None where prices are not known."""
        return None

    def policy(self) -> Mapping[str, Any]:
        """Give the least permissions that a client and its workers need, as documents of the platform, by who gets them."""
        raise self._unsupported("policies", "its platform has no permissions that could be listed")

    def prepare(self) -> None:
        """Begin, without waiting, what the first call will need. Called when the backend is opened if `start` is instant."""
        return

    def ensure_runtime(self, runtime: RuntimeSpec) -> RuntimeInfo:
        """Make the runtime ready. Idempotent; safe to race."""
        import sys

        from lithops.wire import WIRE_VERSION

        return RuntimeInfo(runtime.name, f"{sys.version_info[0]}.{sys.version_info[1]}", WIRE_VERSION[0])

    def build_runtime(self, runtime: RuntimeSpec, file: str | None = None) -> str:
        """Build what the runtime consists of, from `file` (a Dockerfile, say) where there is one; gives its name."""
        raise self._unsupported("building runtimes", "it has none of its own")

    def list_runtimes(self) -> Sequence[RuntimeInfo]:
        """List the runtimes that are ready."""
        return ()

    def delete_runtime(self, runtime: RuntimeSpec) -> None:
        """Delete a runtime; one that does not exist is not an error."""
        raise self._unsupported("deleting runtimes", "it has none of its own")

    def entrust(self, store: StorageRef, credentials: Mapping[str, str]) -> None:
        """Let workers of this machine open a store with keys of the client's configuration. Called before calls need it.

        A platform elsewhere does nothing: its workers have an identity of their own.
        """
        return

    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        """Tell which of the handles are over, and how. Needs `ComputeFeature.POLL`."""
        raise self._unsupported("polling", "its platform does not tell how a worker ended")

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        """End calls of a start, running or not; with REPLIES each is reported `cancelled` or as it ended before.

        `handle` is "" when `start` has not returned yet. Needs `ComputeFeature.CANCEL`.
        """
        raise self._unsupported("cancelling", "its platform cannot end a call that was started")

    def logs(self, handle: Handle) -> Iterator[LogLine]:
        """Read the platform's log of a start. Needs `ComputeFeature.LOGS`."""
        raise self._unsupported("reading logs", "its platform keeps none")

    def doctor(self) -> Iterable[Check]:
        """Check what a user may have got wrong: credentials, permissions, quotas. Never changes anything."""
        return ()

    def translate(self, exc: BaseException) -> BackendError | None:
        """Turn an SDK's exception into ours, or return None when it is not the platform's."""
        return None

    def clear(self, executor_id: str, job_ids: Collection[str] | None = None) -> None:
        """Delete what the backend itself keeps of jobs; all of the executor's when `job_ids` is None."""
        return

    def close(self) -> None:
        """End everything: workers, threads, connections. In bounded time; idempotent."""
        return

    def _unsupported(self, what: str, why: str) -> NotSupportedError:
        return NotSupportedError(f"{type(self).__name__} does not support {what}: {why}")
