"""Exporters to an OTLP collector over HTTP that never hold up, or fill the terminal of, a program whose collector is away.

The SDK's exporters log each attempt and try again for ten seconds. Here one warning is given, what follows a failure
is dropped for a while, and whoever waits for a flush waits no longer than the collector answers.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

__all__ = ["Collector", "MetricExporter", "SpanExporter"]

log = logging.getLogger(__name__)

ANSWERS_WITHIN_S = 2.0
"""A collector that takes longer over one request is not waited for."""

PAUSE_S = 30.0
"""How long nothing is sent after a failure."""

_REASON = re.compile(
    r"code: \d+, reason: [^,.]*|Connection refused|Name or service not known|timed out|[A-Z]+_[A-Z_]+_FAILED"
)
"""What tells a user enough of a long message, which may quote a query with a key in it."""

_LOGGERS = ("opentelemetry.exporter", "urllib3.connectionpool")
_T = TypeVar("_T")


class Collector:
    """What is known of the collector; both exporters share it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sending: dict[int, float] = {}  # the threads that wait for an answer, and since when
        self._resumes_at = 0.0
        self._reason = ""
        self._endpoint = ""
        self._has_warned = False

    @property
    def is_away(self) -> bool:
        """Whether it has refused the last request, or lets one wait."""
        with self._lock:
            limit = time.monotonic() - ANSWERS_WITHIN_S
            return bool(self._reason) or any(since < limit for since in self._sending.values())

    def send(self, export: Callable[[], _T], failure: _T, endpoint: str) -> _T:
        """Send a batch, and note what comes of it."""
        thread = threading.get_ident()
        now = time.monotonic()
        with self._lock:
            if now < self._resumes_at:
                return failure
            self._endpoint = endpoint
            self._sending[thread] = now
        _hush(self)
        try:
            result = export()
        except Exception as exc:  # a certificate, a header that cannot be sent: the SDK's code may raise anything
            self.complain(f"{type(exc).__name__}: {exc}")
            result = failure
        finally:
            with self._lock:
                self._sending.pop(thread, None)
        with self._lock:
            if result is failure:
                self._resumes_at = time.monotonic() + PAUSE_S
                self._reason = self._reason or "it refused what was sent"
            else:
                self._reason = ""
        if result is failure:
            self.warn()
        return result

    def is_sending(self) -> bool:
        """Whether this thread sends."""
        return threading.get_ident() in self._sending

    def complain(self, text: str) -> None:
        """Note what the SDK logs while it sends."""
        known = _REASON.search(text)
        self._reason = known[0] if known else text.strip().partition("\n")[0].partition("?")[0][:150]

    def warn(self) -> None:
        """Say once that telemetry does not arrive."""
        with self._lock:
            if self._has_warned:
                return
            self._has_warned = True
        there = urlsplit(self._endpoint)
        where = f"{there.scheme}://{there.hostname}:{there.port or ''}{there.path}"
        log.warning(
            "telemetry does not reach %s (%s): start a collector there, name another by OTEL_EXPORTER_OTLP_ENDPOINT, or "
            "leave out 'telemetry'",
            where,
            self._reason or f"no answer in {ANSWERS_WITHIN_S:g} s",
        )


class SpanExporter(OTLPSpanExporter):  # type: ignore[misc, unused-ignore]
    """Sends spans to the collector that the OTEL_ variables name."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self._collector = collector

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        return self._collector.send(
            lambda: super(SpanExporter, self).export(spans), SpanExportResult.FAILURE, self._endpoint
        )


class MetricExporter(OTLPMetricExporter):  # type: ignore[misc, unused-ignore]
    """Sends metrics to the collector that the OTEL_ variables name."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self._collector = collector

    def export(self, metrics_data: MetricsData, *args: Any, **kwargs: Any) -> MetricExportResult:
        """Send metrics."""
        return self._collector.send(
            lambda: super(MetricExporter, self).export(metrics_data, *args, **kwargs),
            MetricExportResult.FAILURE,
            self._endpoint,
        )


class _Hush(logging.Filter):
    """Keeps to itself what is logged while an exporter of ours sends; that of other exporters passes."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self.collector = collector

    def filter(self, record: logging.LogRecord) -> bool:
        if not self.collector.is_sending():
            return True
        if record.levelno >= logging.WARNING:
            self.collector.complain(record.getMessage())
        return False


def _hush(collector: Collector) -> None:
    """Filter the loggers of the SDK's exporters. They are found by name: which there are differs by version."""
    for name in list(logging.Logger.manager.loggerDict):
        if name.startswith(_LOGGERS):
            logger = logging.getLogger(name)
            if not any(isinstance(one, _Hush) and one.collector is collector for one in logger.filters):
                logger.addFilter(_Hush(collector))
