"""`Telemetry`: hears of one executor's jobs and calls, and makes spans and metrics of them."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol

from lithops.errors import MissingDependencyError

try:
    from lithops.telemetry.metrics import InFlight, metrics_of
    from lithops.telemetry.providers import providers
    from lithops.telemetry.spans import JobSpan
except ModuleNotFoundError as exc:
    if not (exc.name or "").startswith("opentelemetry"):
        raise
    raise MissingDependencyError(
        f"'telemetry: true' needs the package of the module '{exc.name}', which is not installed: "
        "pip install 'lithops[telemetry]'",
        name=exc.name,
    ) from exc

if TYPE_CHECKING:
    from lithops.spi.hooks import CallEvent, JobEndEvent, JobEvent

__all__ = ["Telemetry"]

log = logging.getLogger(__name__)

SCOPE = "lithops"
_live: weakref.WeakSet[Telemetry] = weakref.WeakSet()
_P = ParamSpec("_P")


class Spent(Protocol):
    """What calls cost so far."""

    @property
    def amount(self) -> float | None: ...

    @property
    def currency(self) -> str: ...


class Bill(Protocol):
    """What adds up the cost, where the backend has prices."""

    is_kept: bool

    def spent(self) -> Spent: ...


class Watched(Protocol):
    """What is read of an engine."""

    @property
    def bill(self) -> Bill: ...

    def unfinished(self) -> int: ...


def _guarded(method: Callable[Concatenate[Telemetry, _P], None]) -> Callable[Concatenate[Telemetry, _P], None]:
    """Log what telemetry raises: an application's exporter or sampler must not disturb a job."""

    @wraps(method)
    def guarded(self: Telemetry, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:
            log.warning("telemetry lost an event", exc_info=True)

    return guarded


class Telemetry:
    """Spans and metrics of one executor. Thread-safe.

    It takes the application's providers, if it has set one, and else those of this process that export by OTLP.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._providers = providers()
        self._tracer = self._providers.tracer_provider.get_tracer(SCOPE)
        self._metrics = metrics_of(self._providers.meter_provider.get_meter(SCOPE))
        self._lock = threading.Lock()
        self._jobs: dict[str, JobSpan] = {}
        self._attributes: dict[tuple[str, str], dict[str, str]] = {}
        self._engine: Watched | None = None
        self._paid = 0.0
        self._pid = os.getpid()
        if not _live:
            atexit.unregister(_close_all)
            atexit.register(_close_all)
        _live.add(self)

    def watch(self, engine: Watched) -> None:
        """Read the number of calls in flight, and the cost where there is one, from an engine until `close`."""
        self._engine = engine
        self._metrics.watch(self, InFlight(self._backend, weakref.WeakMethod(engine.unfinished)))

    @_guarded
    def job_started(self, event: JobEvent) -> None:
        """Open the span of a job, on the thread that submits it."""
        self._jobs[event.job_id] = JobSpan(self._tracer, event, self._backend)

    @_guarded
    def call_settled(self, event: CallEvent) -> None:
        """Make the span of a call, and count it."""
        job = self._jobs.get(event.job_id)
        if job is None:
            return
        with self._lock:
            job.add(event)
        self._metrics.call_ended(event.end, event.stats, self._attributes_of(job.function, event.end))

    @_guarded
    def job_ended(self, event: JobEndEvent) -> None:
        """End the span of a job, and count what it cost."""
        job = self._jobs.pop(event.job_id, None)
        if job is not None:
            with self._lock:
                job.close(event.calls, event.tstamp)
        self._pay()

    @_guarded
    def close(self) -> None:
        """End what is open, and send what is not sent, in bounded time. Idempotent."""
        if os.getpid() != self._pid:
            return
        self._end_jobs()
        self._metrics.forget(self)
        self._providers.flush()

    def _end_jobs(self) -> None:
        now = time.time()
        while self._jobs:
            _, job = self._jobs.popitem()
            with self._lock:
                job.close(sum(job.ends.values()), now)
        self._pay()

    def _attributes_of(self, function: str, end: str) -> dict[str, str]:
        key = function, end
        if key not in self._attributes:
            self._attributes[key] = {
                "lithops.backend": self._backend,
                "lithops.function": function,
                "lithops.end": end,
            }
        return self._attributes[key]

    def _pay(self) -> None:
        if self._engine is None or not self._engine.bill.is_kept:
            return
        spent = self._engine.bill.spent()
        if spent.amount is None:
            return
        with self._lock:
            more, self._paid = spent.amount - self._paid, max(self._paid, spent.amount)
        if more > 0:
            attributes = {"lithops.backend": self._backend, "lithops.currency": spent.currency}
            self._metrics.cost.add(more, attributes)


def _close_all() -> None:
    """At exit: executors that were not closed."""
    for one in list(_live):
        one.close()
