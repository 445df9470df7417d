"""Without an application's providers: OTLP over HTTP to a collector, that may be away, and nothing at all when off."""

from __future__ import annotations

import socket
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import pytest

Run = Callable[..., CompletedProcess[str]]

PROGRAM = """
import lithops

def double(x):
    return 2 * x

if __name__ == "__main__":
    fexec = lithops.FunctionExecutor(config={"lithops": {"telemetry": True}}, worker_processes=2)
    print(sum(fexec.map(double, range(1000)).get_result()))
"""
CLOSES = "    fexec.close()\n"
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "200"}


def shown(done: CompletedProcess[str]) -> tuple[int, str, list[str]]:
    return done.returncode, done.stdout, done.stderr.splitlines()


@pytest.mark.parametrize("end", [CLOSES, ""], ids=["closed", "not closed"])
def test_everything_arrives_at_the_collector(run: Run, collector: Any, end: str) -> None:
    there = collector(200)
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": there.url, "OTEL_SERVICE_NAME": "my-program"}
    assert shown(run(PROGRAM + end, env)) == (0, "999000\n", [])
    assert sorted({span.name for span in there.spans}) == ["call double", "job double"]
    (job,) = [span for span in there.spans if span.name == "job double"]
    calls = [span for span in there.spans if span.name == "call double"]
    assert len(calls) == 1000
    assert {call.parent_span_id for call in calls} == {job.span_id}
    assert {one["service.name"] for one in there.resources} == {"my-program"}
    names = {metric.name: metric for metric in there.metrics}
    assert {"lithops.calls", "lithops.call.duration", "lithops.call.queue.duration"} <= set(names)
    assert [point.as_int for point in names["lithops.calls"].sum.data_points] == [1000]
    assert names["lithops.call.duration"].unit == "s"


def test_ten_thousand_calls_lose_no_span(run: Run, collector: Any) -> None:
    there = collector(200)
    program = PROGRAM.replace("range(1000)", "range(10_000)") + CLOSES
    assert shown(run(program, {"OTEL_EXPORTER_OTLP_ENDPOINT": there.url})) == (0, "99990000\n", [])
    assert len(there.spans) == 10_001


@pytest.mark.parametrize("end", [CLOSES, ""], ids=["closed", "not closed"])
def test_a_collector_that_is_not_there_is_one_warning(run: Run, end: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        code, out, lines = shown(run(PROGRAM + end, {**FAST, "OTEL_EXPORTER_OTLP_ENDPOINT": url}))
    assert (code, out) == (0, "999000\n")
    (line,) = lines
    assert url in line
    assert "(Connection refused)" in line
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in line


def test_a_collector_that_never_answers_holds_nobody_up(run: Run, collector: Any) -> None:
    there = collector(None)
    done = run(PROGRAM + CLOSES, {"OTEL_EXPORTER_OTLP_ENDPOINT": there.url, "OTEL_EXPORTER_OTLP_TIMEOUT": "1000"})
    assert done.stdout == "999000\n"
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert "no answer in 2 s" in done.stderr
    assert there.paths


def test_a_collector_that_refuses_is_one_warning_without_the_key(run: Run, collector: Any) -> None:
    there = collector(401)
    url = there.url.replace("http://", "http://user:hidden@")
    env = {**FAST, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{url}/v1/traces?key=hidden", "OTEL_METRICS_EXPORTER": "none"}
    code, out, lines = shown(run(PROGRAM + CLOSES, env))
    assert (code, out) == (0, "999000\n")
    (line,) = lines
    assert "401" in line
    assert "hidden" not in line
    assert {path.partition("?")[0] for path in there.paths} == {"/v1/traces"}


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
)
def test_an_exporter_that_is_not_ours_is_refused(run: Run, variable: str, value: str) -> None:
    done = run(PROGRAM, {variable: value})
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"lithops.errors.ConfigError: {variable} is '{value}'")


def test_none_sends_nothing(run: Run, collector: Any) -> None:
    there = collector(200)
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": there.url,
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
    }
    assert shown(run(PROGRAM + CLOSES, env)) == (0, "999000\n", [])
    assert there.paths == []


def test_an_application_with_a_tracer_only_sends_no_metrics(run: Run, collector: Any) -> None:
    there = collector(200)
    program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
"""
    assert shown(run(program + PROGRAM + CLOSES, {"OTEL_EXPORTER_OTLP_ENDPOINT": there.url})) == (0, "999000\n", [])
    assert there.paths == []


def test_off_imports_nothing(run: Run) -> None:
    program = PROGRAM.replace("True", "False") + CLOSES
    program += "    import sys\n    print([name for name in sys.modules if 'telemetry' in name])\n"
    assert shown(run(program)) == (0, "999000\n[]\n", [])


def test_without_the_extra_the_error_has_the_command(run: Run) -> None:
    program = "import sys\nsys.modules['opentelemetry'] = None\n" + PROGRAM
    done = run(program)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("lithops.errors.MissingDependencyError: 'telemetry: true' needs")
    assert last.endswith("pip install 'lithops[telemetry]'")
