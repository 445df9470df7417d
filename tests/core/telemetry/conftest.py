"""An application's own providers, which keep what they get; programs that run with a home of their own; a collector."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import metrics, trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import lithops

ON = {"lithops": {"telemetry": True}}


class Seen:
    """What the application's providers got."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])

    def clear(self) -> None:
        self._exporter.clear()

    def spans(self, start: str = "") -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name.startswith(start)]

    def points(self, metric: str, **attributes: str) -> list[Any]:
        """Read a metric's data points that have these attributes, `_` for `.`."""
        data = self._reader.get_metrics_data()
        wanted = {name.replace("_", "."): value for name, value in attributes.items()}
        return [
            point
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
            if wanted.items() <= dict(point.attributes or {}).items()
        ]


@pytest.fixture(scope="session")
def application() -> Seen:
    """The providers of this process: they can be set once only."""
    seen = Seen()
    trace.set_tracer_provider(seen.tracers)
    metrics.set_meter_provider(seen.meters)
    return seen


@pytest.fixture
def seen(application: Seen) -> Seen:
    application.clear()
    return application


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("LITHOPS", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def executor(seen: Seen) -> Iterator[lithops.FunctionExecutor]:
    assert not seen.spans()
    with lithops.FunctionExecutor(config=ON, worker_processes=2) as made:
        yield made


@pytest.fixture
def run(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give what runs a program to its end, in bounded time."""

    def run(program: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        path = home / f"{uuid.uuid4().hex}.py"
        path.write_text(program, "utf-8")
        return subprocess.run(
            [sys.executable, "-W", "error", str(path)],
            env={**os.environ, **(env or {})},
            cwd=home,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    return run


class Collector:
    """An OTLP/HTTP receiver that answers with `status`; or never, with None."""

    def __init__(self, status: int | None) -> None:
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.stops = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.paths.append(self.path)
                if status is None:
                    collector.stops.wait(40)
                    return
                if status == 200:
                    collector.take(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            self._note(one.resource for one in traces.resource_spans)
            for one in traces.resource_spans:
                self.spans += [span for scope in one.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            measured = ExportMetricsServiceRequest.FromString(body)
            self._note(one.resource for one in measured.resource_metrics)
            for some in measured.resource_metrics:
                self.metrics += [metric for scope in some.scope_metrics for metric in scope.metrics]

    def stop(self) -> None:
        self.stops.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _note(self, resources: Any) -> None:
        for resource in resources:
            self.resources.append({one.key: one.value.string_value for one in resource.attributes})


@pytest.fixture
def collector() -> Iterator[Callable[[int | None], Collector]]:
    started: list[Collector] = []

    def start(status: int | None) -> Collector:
        started.append(Collector(status))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def attributes_of(spans: Sequence[ReadableSpan], name: str) -> list[Any]:
    return [(span.attributes or {}).get(name) for span in spans]
