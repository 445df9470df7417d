"""The log of functions: whose a line is, who died and how; by lines as Lambda writes them, and by the local Lambda."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_fixtures import KEY, REGION, LocalLambda, local_lambda

from lithops.config import Secret
from lithops.spi.compute import Exit
from lithops_aws.compute.config import LambdaConfig
from lithops_aws.compute.logs import Logs
from lithops_aws.compute.logs_reading import Line, read_deaths
from lithops_aws.compute.session import Session

__all__ = ["local_lambda"]

ONE = "11111111-2222-4333-8444-555555555555"
TWO = "99999999-2222-4333-8444-555555555555"
REPORT = "Duration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: {used} MB\t{more}\n"

DEADLY = """
import os, signal, sys, time

def handler(event, context):
    print("event", event["what"])
    if event["what"] == "exit":
        sys.stdout.flush()
        os._exit(7)
    if event["what"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if event["what"] == "sleep":
        time.sleep(30)
    return "well"
"""


def lines(*texts: str, stream: str = "a") -> list[Line]:
    return [Line(stream, at, text) for at, text in enumerate(texts)]


def invocation(request_id: str, *texts: str, used: int = 40, more: str = "") -> list[str]:
    return [
        f"START RequestId: {request_id} Version: $LATEST\n",
        *texts,
        f"END RequestId: {request_id}\n",
        f"REPORT RequestId: {request_id}\t" + REPORT.format(used=used, more=more),
    ]


def death(*texts: str, used: int = 40, more: str = "") -> Exit:
    (found,) = read_deaths(lines(*invocation(ONE, *texts, used=used, more=more))).values()
    return found


def test_a_time_out_is_told_with_its_last_lines() -> None:
    found = death("working\n", f"2026-01-01T00:00:00.000Z {ONE} Task timed out after 3.00 seconds\n\n")
    assert found.reason == "Task timed out after 3.00 seconds"
    assert (found.signal, found.exit_code, found.memory_limit) == (None, None, False)
    assert found.log_tail.splitlines()[1] == "working"


def test_a_time_out_that_only_the_report_tells_is_one_too() -> None:
    assert death(more="Status: timeout").reason == "Task timed out"
    full = death(
        f"2026-01-01T00:00:00.000Z {ONE} Task timed out after 3.00 seconds\n", used=128, more="Status: timeout"
    )
    assert not full.memory_limit


def test_a_signal_and_an_exit_code_are_read() -> None:
    found = death(f"RequestId: {ONE} Error: Runtime exited with error: signal: segmentation fault (core dumped)\n")
    assert (found.signal, found.exit_code) == (signal.SIGSEGV, None)
    found = death(f"RequestId: {ONE} Error: Runtime exited with error: exit status 3\nRuntime.ExitError\n")
    assert (found.signal, found.exit_code, found.memory_limit) == (None, 3, False)


def test_a_kill_at_the_limit_is_memory_and_elsewhere_a_signal() -> None:
    said = f"RequestId: {ONE} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n"
    assert death(said, used=128, more="Status: error\tError Type: Runtime.OutOfMemory").memory_limit
    assert death(said, used=128).memory_limit
    assert not death(said, used=90).memory_limit


def test_who_ended_well_did_not_die_whatever_was_printed() -> None:
    printed = ["Task timed out\n", "Runtime exited with error: signal: killed\n", "\tStatus: timeout\n"]
    assert read_deaths(lines(*invocation(ONE, *printed))) == {}


def test_streams_are_told_apart() -> None:
    said = f"RequestId: {TWO} Error: Runtime exited with error: exit status 1\n"
    mixed = [
        pair
        for both in zip(lines(*invocation(ONE, "of one\n")), lines(*invocation(TWO, said), stream="b"), strict=True)
        for pair in both
    ]
    found = read_deaths(mixed)
    assert set(found) == {TWO}
    assert "of one" not in found[TWO].log_tail


@pytest.fixture
def logs(local_lambda: LocalLambda) -> Iterator[Logs]:
    local_lambda.reset()
    session = Session(
        LambdaConfig(
            region=REGION,
            endpoint=local_lambda.url,
            access_key_id=KEY,
            secret_access_key=Secret(local_lambda.environment()["AWS_SECRET_ACCESS_KEY"]),
        )
    )
    yield Logs(session)
    session.close()


def call(cloud: LocalLambda, what: str) -> tuple[str, Any]:
    told = cloud.client("lambda").invoke(FunctionName="deadly", Payload=json.dumps({"what": what}))
    return told["ResponseMetadata"]["RequestId"], json.loads(told["Payload"].read())


def test_deaths_are_found_in_the_log_of_a_function(logs: Logs, local_lambda: LocalLambda) -> None:
    since_s = time.time() - 5
    local_lambda.deploy("deadly", DEADLY, Timeout=1)
    ids = {what: call(local_lambda, what)[0] for what in ("well", "exit", "kill", "sleep")}
    found = logs.deaths("deadly", since_s)
    assert set(found) == {ids["exit"], ids["kill"], ids["sleep"]}
    assert found[ids["exit"]].exit_code == 7
    assert found[ids["kill"]].signal == signal.SIGKILL
    assert found[ids["sleep"]].reason == "Task timed out after 1.00 seconds"
    assert "event exit" in found[ids["exit"]].log_tail
    assert "event kill" not in found[ids["exit"]].log_tail
    asked = []
    logs.session.client("logs").meta.events.register("before-call.*.*", lambda **_: asked.append(1))
    assert logs.deaths("deadly", since_s) == found
    assert len(asked) == 1  # what is known is not read again


def test_the_lines_of_some_invocations_are_given_in_order(logs: Logs, local_lambda: LocalLambda) -> None:
    since_s = time.time() - 5
    local_lambda.deploy("deadly", DEADLY)
    first, _ = call(local_lambda, "first")
    call(local_lambda, "second")
    texts = [line.text for line in logs.tail("deadly", since_s, {first})]
    assert texts[0].startswith(f"START RequestId: {first}")
    assert texts[1] == "event first"
    assert texts[-1].startswith(f"REPORT RequestId: {first}")
    everything = [line.text for line in logs.tail("deadly", since_s)]
    assert "event second" in everything
    assert list(logs.tail("deadly", time.time() + 60)) == []


def test_a_function_without_a_log_has_no_lines(logs: Logs) -> None:
    assert list(logs.tail("never-ran", 0)) == []
    assert logs.deaths("never-ran", 0) == {}
