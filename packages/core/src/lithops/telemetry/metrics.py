"""The metrics: their names and units by OpenTelemetry's conventions, and what each event adds to them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from opentelemetry.metrics import CallbackOptions, Meter, Observation

__all__ = ["InFlight", "Metrics", "metrics_of"]

SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""The borders of the histograms: from a call that does nothing to one of an hour."""

_lock = threading.Lock()
_made: weakref.WeakKeyDictionary[Meter, Metrics] = weakref.WeakKeyDictionary()


class InFlight(NamedTuple):
    """What tells how many calls of a backend have no end yet; weak, so that an executor may go without being closed."""

    backend: str
    unfinished: weakref.WeakMethod[Callable[[], int]]


class Metrics:
    """The instruments of one meter, for all executors of the process. Thread-safe."""

    def __init__(self, meter: Meter) -> None:
        self._lock = threading.Lock()
        self._in_flight: dict[int, InFlight] = {}
        self._ended: dict[frozenset[tuple[str, str]], int] = {}
        meter.create_observable_counter(  # which costs nothing for each call
            "lithops.calls", [self._observe_ended], "{call}", "Calls that have ended"
        )
        self.duration = meter.create_histogram(
            "lithops.call.duration",
            "s",
            "From the start of a call in its worker to its end",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self.queued = meter.create_histogram(
            "lithops.call.queue.duration",
            "s",
            "From the submission of a call to its start in a worker",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self.cost = meter.create_counter(
            "lithops.cost",
            "{currency}",
            "What calls cost by the backend's list of prices; lithops.currency names the unit",
        )
        meter.create_observable_up_down_counter(
            "lithops.active_calls", [self._observe_active], "{call}", "Calls that were submitted and have not ended"
        )

    def watch(self, owner: object, in_flight: InFlight) -> None:
        """Count the calls in flight of `owner` until `forget`."""
        with self._lock:
            self._in_flight[id(owner)] = in_flight

    def forget(self, owner: object) -> None:
        """Count them no longer."""
        with self._lock:
            self._in_flight.pop(id(owner), None)

    def call_ended(self, end: str, stats: dict[str, Any], attributes: dict[str, str]) -> None:
        """Add a call that has ended."""
        key = frozenset(attributes.items())
        with self._lock:
            self._ended[key] = self._ended.get(key, 0) + 1
        if "worker_exec_time" in stats:
            self.duration.record(max(0.0, stats["worker_exec_time"]), attributes)
            if "host_submit_tstamp" in stats:
                # Of two clocks, that of the worker's machine may be behind.
                self.queued.record(max(0.0, stats["worker_start_tstamp"] - stats["host_submit_tstamp"]), attributes)

    def _observe_ended(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            ended = list(self._ended.items())
        return [Observation(count, dict(attributes)) for attributes, count in ended]

    def _observe_active(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            watched = list(self._in_flight.values())
        counts: dict[str, int] = {}
        for one in watched:
            unfinished = one.unfinished()
            counts[one.backend] = counts.get(one.backend, 0) + (unfinished() if unfinished is not None else 0)
        return [Observation(count, {"lithops.backend": backend}) for backend, count in counts.items()]


def metrics_of(meter: Meter) -> Metrics:
    """Give the instruments of a meter, made once: an observable one must not be registered twice."""
    with _lock:
        if meter not in _made:
            _made[meter] = Metrics(meter)
        return _made[meter]
