"""Where spans and metrics go: to the application's providers, or to own ones that export by OTLP over HTTP."""

from __future__ import annotations

import os
import threading
import time
from queue import SimpleQueue
from typing import NamedTuple

from opentelemetry.metrics import MeterProvider, NoOpMeterProvider, get_meter_provider
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider, TracerProvider, get_tracer_provider

from lithops.errors import ConfigError
from lithops.telemetry.exporting import Collector, MetricExporter, SpanExporter

__all__ = ["Own", "Providers", "providers"]

SPANS_KEPT = 32768
"""How many spans may wait to be sent: a job of many short calls ends faster than the SDK's default of 2,048 is sent."""

FLUSH_S = 10.0
"""The longest that a flush is waited for; it is given up long before where the collector is away."""

_lock = threading.Lock()
_own: Own | None = None


class Providers(NamedTuple):
    """The providers of an executor; `own` is None where they are the application's, which flushes them itself."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    own: Own | None

    def flush(self) -> None:
        """Send what waits, in bounded time."""
        if self.own is not None:
            self.own.flush()


class Own:
    """The providers of this process, made of the OTEL_ variables. One thread flushes; nobody waits for it long."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._collector = Collector()
        self._requests: SimpleQueue[threading.Event] = SimpleQueue()
        self.tracer_provider: TracerProvider = NoOpTracerProvider()
        self.meter_provider: MeterProvider = NoOpMeterProvider()
        self._sdk: list[SdkTracerProvider | SdkMeterProvider] = []
        if _exports("TRACES"):
            tracers = SdkTracerProvider(shutdown_on_exit=False)
            most = None if "OTEL_BSP_MAX_QUEUE_SIZE" in os.environ else SPANS_KEPT
            tracers.add_span_processor(BatchSpanProcessor(SpanExporter(self._collector), max_queue_size=most))
            self.tracer_provider = tracers
            self._sdk.append(tracers)
        if _exports("METRICS"):
            meters = SdkMeterProvider(
                [PeriodicExportingMetricReader(MetricExporter(self._collector))], shutdown_on_exit=False
            )
            self.meter_provider = meters
            self._sdk.append(meters)
        # Before it is needed: at exit, no thread can be started any more.
        self._thread = threading.Thread(target=self._serve, name="lithops-telemetry", daemon=True)
        self._thread.start()

    def flush(self) -> bool:
        """Wait until all is sent, or the collector turns out to be away; tell which."""
        done = threading.Event()
        self._requests.put(done)
        limit = time.monotonic() + FLUSH_S
        while not done.wait(0.01):
            if self._collector.is_away or time.monotonic() > limit:
                self._collector.warn()
                return False
        return True

    def _serve(self) -> None:
        while True:
            done = self._requests.get()
            for provider in self._sdk:
                provider.force_flush()
            done.set()


def providers() -> Providers:
    """Find the providers. An application that has set one of the two is in charge of both.

    Raises `ConfigError` where an OTEL_ variable asks for what these exporters are not.
    """
    global _own
    tracers, meters = get_tracer_provider(), get_meter_provider()
    if not (_is_unset(tracers) and _is_unset(meters)):
        return Providers(tracers, meters, None)
    with _lock:
        if _own is None or _own.pid != os.getpid():
            _own = Own()
        return Providers(_own.tracer_provider, _own.meter_provider, _own)


def _is_unset(provider: object) -> bool:
    """Tell the API's stand-in, which has no public name for metrics."""
    return "Proxy" in type(provider).__name__ and type(provider).__module__.startswith("opentelemetry.")


def _exports(signal: str) -> bool:
    """Read which exporter and protocol the environment asks for."""
    variable = f"OTEL_{signal}_EXPORTER"
    name = os.environ.get(variable, "").strip() or "otlp"
    if name not in {"otlp", "none"}:
        raise ConfigError(
            f"{variable} is '{name}', and 'telemetry: true' exports by 'otlp' or 'none': for other exporters, set up "
            "OpenTelemetry in the program, and Lithops uses its providers"
        )
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = os.environ.get(variable, "").strip() or "http/protobuf"
        if protocol != "http/protobuf" and name == "otlp":
            raise ConfigError(
                f"{variable} is '{protocol}', and 'telemetry: true' exports by 'http/protobuf': name that one and the "
                "collector's port for it (4318 by custom), or set up OpenTelemetry in the program"
            )
    return name == "otlp"
