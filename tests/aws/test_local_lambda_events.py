"""Events of the stand-in for Lambda, and what goes wrong when a test asks for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.aws.lambda_tools import (
    Cloud,
    bucket,
    cloud,
    faults,
    is_isolated,
    local_lambda,
    tools,
    until,
)

__all__ = ["bucket", "cloud", "faults", "is_isolated", "local_lambda", "tools"]

# Events


def keys(cloud: Cloud, bucket: str) -> list[str]:
    listed = cloud.local.client("s3").list_objects_v2(Bucket=bucket)
    return [item["Key"].partition("/")[0] for item in listed.get("Contents", [])]


def test_an_event_is_taken_at_once_and_runs_once(cloud: Cloud, bucket: str, tools: str) -> None:
    answer = cloud.invoke(tools, {"do": "count", "bucket": bucket}, InvocationType="Event")
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    until(lambda: keys(cloud, bucket))
    assert keys(cloud, bucket) == [answer["ResponseMetadata"]["RequestId"]]


@pytest.mark.parametrize("retries", [None, 1, 0])
def test_an_event_that_fails_is_retried_as_configured(
    cloud: Cloud, bucket: str, tools: str, retries: int | None
) -> None:
    if retries is not None:
        cloud.functions.put_function_event_invoke_config(
            FunctionName=tools, MaximumRetryAttempts=retries, MaximumEventAgeInSeconds=60
        )
    given_up = cloud.local.counts().get("events", {}).get("given_up", 0)
    answer = cloud.invoke(tools, {"do": "count", "bucket": bucket, "fail": True}, InvocationType="Event")
    until(lambda: cloud.local.counts().get("events", {}).get("given_up", 0) == given_up + 1)
    runs = 1 + (2 if retries is None else retries)
    assert keys(cloud, bucket) == [answer["ResponseMetadata"]["RequestId"]] * runs


def test_events_wait_while_there_is_no_room(cloud: Cloud, bucket: str, tools: str, faults: Callable[..., None]) -> None:
    faults(concurrency=2)
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda _: cloud.invoke(tools, {"do": "count", "bucket": bucket}, InvocationType="Event"), range(20)
            )
        )
    until(lambda: len(keys(cloud, bucket)) == 20)
    until(lambda: cloud.local.counts()["unfinished"] == 0)


def test_ending_what_runs_leaves_neither_calls_nor_events(cloud: Cloud, bucket: str) -> None:
    """Also those that begin, wait for room, or would be retried."""
    name = cloud.deploy(Timeout=60)
    held = {"do": "hold", "bucket": bucket}
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(cloud.fails, name, "hold", bucket=bucket) for _ in range(3)]
        for _ in range(6):
            cloud.invoke(name, held, InvocationType="Event")
        until(lambda: cloud.local.counts()["running"] == 9 and cloud.began(bucket), 30.0)
        cloud.local.end()
        told = cloud.local.counts()
        assert (told["running"], told["unfinished"]) == (0, 0)
        assert {call.result()[0]["errorType"] for call in calls} == {"Runtime.ExitError"}
    began = cloud.began(bucket)
    cloud.let_go(bucket)
    assert cloud.call(name, "tell")["calls"] == 1
    assert cloud.began(bucket) == began


# Faults


def test_faults_happen_as_asked_and_are_counted(
    cloud: Cloud, bucket: str, tools: str, faults: Callable[..., None]
) -> None:
    faults(throttle=1.0)
    assert cloud.refused(tools)["Error"]["Code"] == "TooManyRequestsException"
    faults(kill=1.0)
    error, log = cloud.fails(tools, "sleep", s=5)
    assert error["errorMessage"].endswith("signal: killed")
    (used,) = re.findall(r"Max Memory Used: (\d+) MB", log)
    assert int(used) < 256
    faults(duplicate=1.0)
    cloud.invoke(tools, {"do": "count", "bucket": bucket}, InvocationType="Event")
    until(lambda: len(keys(cloud, bucket)) == 2)
    faults(s3_throttle=1.0)
    with pytest.raises(ClientError, match="SlowDown"):
        cloud.local.client("s3").list_buckets()
    faults(s3_slow_s=0.3)
    began = time.monotonic()
    cloud.local.client("s3").list_buckets()
    assert time.monotonic() - began >= 0.3
    told = cloud.local.counts()["faults"]
    assert {name: told[name] >= 1 for name in ("throttle", "kill", "duplicate", "s3_throttle")}


def test_a_connection_that_is_cut_loses_the_answer_and_not_the_run(
    cloud: Cloud, bucket: str, tools: str, faults: Callable[..., None]
) -> None:
    faults(cut=1.0, seed=3)
    for _ in range(4):
        with pytest.raises(ConnectionClosedError):
            cloud.call(tools, "count", bucket=bucket)
    until(lambda: len(keys(cloud, bucket)) == 4)


def test_an_unknown_fault_is_refused(cloud: Cloud) -> None:
    with pytest.raises(OSError, match="400"):
        cloud.local.faults(thunder=1)
