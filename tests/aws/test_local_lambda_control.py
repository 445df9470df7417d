"""The control plane, the logs and the store of the stand-in for Lambda, through boto3 as it is."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from tests.aws.lambda_fixtures import zipped
from tests.aws.lambda_tools import (
    ECHO,
    Cloud,
    bucket,
    cloud,
    faults,
    is_isolated,
    local_lambda,
    tail,
    tools,
    until,
)
from tests.emulators.lambda_logs import Pattern

__all__ = ["bucket", "cloud", "faults", "is_isolated", "local_lambda", "tools"]

# The control plane


def test_code_comes_from_s3_too(cloud: Cloud, bucket: str) -> None:
    cloud.local.client("s3").put_object(Bucket=bucket, Key="code.zip", Body=zipped({"main.py": ECHO}))
    cloud.functions.create_function(
        FunctionName="from-s3",
        Runtime="python3.11",
        Role=cloud.local.role_arn,
        Handler="main.handler",
        Code={"S3Bucket": bucket, "S3Key": "code.zip"},
    )
    assert json.loads(cloud.invoke("from-s3", "here")["Payload"].read()) == "here"


def test_code_has_limits(cloud: Cloud) -> None:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("main.py", ECHO)
        archive.filelist[0].file_size = 262_144_001  # what the directory of the zip says
    with pytest.raises(ClientError, match="Unzipped size must be smaller than 262144000 bytes") as raised:
        cloud.deploy(kept.getvalue())
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"
    with pytest.raises(ClientError, match="Request must be smaller than 70167211 bytes") as raised:
        cloud.deploy(bytes(53 << 20))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    with pytest.raises(ClientError, match="Could not unzip"):
        cloud.deploy(b"no zip")


def test_settings_that_aws_refuses_are_refused(cloud: Cloud, faults: Callable[..., None]) -> None:
    for options, said in (
        ({"MemorySize": 10241}, "less than or equal to 10240"),
        ({"Timeout": 901}, "less than or equal to 900"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"Environment": {"Variables": {"A": "x" * 4096}}}, "4KB limit"),
    ):
        with pytest.raises(ClientError, match=said):
            cloud.deploy(ECHO, **options)
    faults(unassumable=1)
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        cloud.deploy(ECHO)
    cloud.deploy(ECHO)


def test_a_new_function_is_pending_and_an_update_in_progress(cloud: Cloud, faults: Callable[..., None]) -> None:
    faults(pending_s=0.4)
    name = cloud.deploy(ECHO)
    assert cloud.functions.get_function(FunctionName=name)["Configuration"]["State"] == "Pending"
    told = cloud.refused(name)
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == ("ResourceConflictException", 409)
    until(lambda: cloud.functions.get_function(FunctionName=name)["Configuration"]["State"] == "Active")
    cloud.functions.update_function_configuration(FunctionName=name, Timeout=5)
    assert cloud.functions.get_function_configuration(FunctionName=name)["LastUpdateStatus"] == "InProgress"
    with pytest.raises(ClientError, match="An update is in progress"):
        cloud.functions.update_function_code(FunctionName=name, ZipFile=zipped({"main.py": ECHO}))
    assert cloud.invoke(name)["StatusCode"] == 200


def test_functions_are_listed_in_pages_with_their_tags(cloud: Cloud) -> None:
    arn = cloud.local.deploy("tagged", ECHO, Tags={"lithops:version": "4"})
    assert cloud.functions.list_tags(Resource=arn)["Tags"] == {"lithops:version": "4"}
    pages = list(cloud.functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3}))
    assert all(len(page["Functions"]) <= 3 for page in pages)
    assert "tagged" in {function["FunctionName"] for page in pages for function in page["Functions"]}
    assert cloud.functions.get_function(FunctionName="tagged")["Tags"] == {"lithops:version": "4"}


# Logs and S3


def test_logs_are_in_cloudwatch_by_line(cloud: Cloud) -> None:
    name = cloud.deploy()
    request_id = cloud.invoke(name, {"do": "say", "text": "one\ntwo"})["ResponseMetadata"]["RequestId"]
    lines = cloud.lines(name)
    assert lines[0].startswith("INIT_START Runtime Version: python:3.")
    assert lines[1:6] == [
        f"START RequestId: {request_id} Version: $LATEST\n",
        "one\n",
        "two\n",
        "aside\n",
        f"END RequestId: {request_id}\n",
    ]
    assert cloud.lines(name, f'"REPORT RequestId: {request_id}"') == lines[6:]
    logs = cloud.local.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    got = logs.get_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName=stream["logStreamName"])
    assert [event["message"] for event in got["events"]] == lines


def test_the_tail_is_the_last_four_kilobytes(cloud: Cloud, tools: str) -> None:
    log = tail(cloud.invoke(tools, {"do": "say", "text": "x" * 10_000}, LogType="Tail"))
    assert len(log) == 4096
    assert "\tMax Memory Used: " in log


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["a b", "b c", "c"]),
        ("b", ["a b", "b c"]),
        ("b c", ["b c"]),
        ('"a b"', ["a b"]),
        ("?a ?c", ["a b", "b c", "c"]),
        ("b -c", ["a b"]),
    ],
)
def test_a_filter_of_logs_finds_what_cloudwatchs_does(pattern: str, found: list[str]) -> None:
    assert [line for line in ("a b", "b c", "c") if Pattern(pattern).matches(line)] == found


def test_functions_use_s3_by_boto3_and_requests_are_counted_by_who_asks(cloud: Cloud, bucket: str, tools: str) -> None:
    before = cloud.local.requests("sandbox").get("s3.PutObject", 0), cloud.local.requests().get("s3.ListObjectsV2", 0)
    cloud.call(tools, "count", bucket=bucket)
    listed = cloud.local.client("s3").list_objects_v2(Bucket=bucket)
    assert listed["KeyCount"] == 1
    after = cloud.local.requests("sandbox")["s3.PutObject"], cloud.local.requests()["s3.ListObjectsV2"]
    assert after == (before[0] + 1, before[1] + 1)
    assert cloud.local.requests()["s3.CreateBucket"] >= 1
