"""The stand-in for Lambda answers invocations as AWS does: through boto3 as it is, with code that really runs."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.aws.lambda_fixtures import KEY, REGION
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

__all__ = ["bucket", "cloud", "faults", "is_isolated", "local_lambda", "tools"]

# The answers of an invocation


def test_a_function_gets_the_event_and_its_answer_comes_back(cloud: Cloud) -> None:
    answer = cloud.invoke(cloud.deploy(ECHO), {"a": [1, "é", None]})
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"].read()) == {"a": [1, "é", None]}
    assert {"FunctionError", "LogResult"} & set(answer) == set()


def test_the_context_and_the_environment_are_those_of_lambda(cloud: Cloud) -> None:
    name = cloud.deploy(MemorySize=192, Environment={"Variables": {"MINE": "1"}})
    answer = cloud.invoke(name, {"do": "tell"})
    told = json.loads(answer["Payload"].read())
    env = told["env"]
    assert told["request"] == answer["ResponseMetadata"]["RequestId"]
    assert told["arn"] == f"arn:aws:lambda:{REGION}:123456789012:function:{name}"
    assert (told["memory"], env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("192", "192")
    assert 0 < told["left_ms"] <= 10_000
    assert (env["MINE"], env["TZ"], env["AWS_REGION"], env["_HANDLER"]) == ("1", ":UTC", REGION, "main.handler")
    assert env["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert env["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{name}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", env["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert env["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    assert {"HOME", "USER", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"} & set(env) == set()


def test_the_client_context_reaches_the_function(cloud: Cloud) -> None:
    name = cloud.deploy("def handler(event, context):\n    return context.client_context.custom\n")
    given = base64.b64encode(json.dumps({"custom": {"a": 1}}).encode()).decode()
    assert json.loads(cloud.invoke(name, ClientContext=given)["Payload"].read()) == {"a": 1}


def test_an_exception_is_told_as_the_runtime_tells_it(cloud: Cloud, tools: str) -> None:
    error, log = cloud.fails(tools, "fail")
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "as asked")
    assert "raise ValueError" in "".join(error["stackTrace"])
    assert "[ERROR] ValueError: as asked" in log


def test_a_runtime_that_exits_is_told_and_replaced(cloud: Cloud, tools: str) -> None:
    error, log = cloud.fails(tools, "end", status=7)
    assert error["errorType"] == "Runtime.ExitError"
    assert re.fullmatch(r"RequestId: \S+ Error: Runtime exited with error: exit status 7", error["errorMessage"])
    assert "ending\n" in log
    assert "\tStatus: error\tError Type: Runtime.ExitError" in log
    assert cloud.fails(tools, "end", status=0)[0]["errorMessage"].endswith("Runtime exited without providing a reason")
    assert cloud.call(tools, "tell")["calls"] == 1


def test_a_function_that_takes_too_long_is_told_and_its_sandbox_replaced(cloud: Cloud) -> None:
    name = cloud.deploy(Timeout=1)
    cloud.call(name, "tell")
    error, log = cloud.fails(name, "sleep", s=60)
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds\n" in log
    assert "\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\t" in log
    assert "\tStatus: timeout\t" in log
    assert cloud.call(name, "tell")["calls"] == 1


def test_the_memory_limit_kills(cloud: Cloud) -> None:
    name = cloud.deploy(MemorySize=128)
    assert cloud.call(name, "eat", mb=60) == 60 << 20
    error, log = cloud.fails(name, "eat", mb=400)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t" in log
    assert cloud.call(name, "tell")["calls"] == 1


def test_the_memory_that_was_used_is_told(cloud: Cloud, tools: str) -> None:
    cloud.call(tools, "eat", mb=100)
    log = tail(cloud.invoke(tools, {"do": "tell"}, LogType="Tail"))
    (used,) = re.findall(r"Max Memory Used: (\d+) MB", log)
    assert 100 <= int(used) < 256


@pytest.mark.parametrize(
    ("files", "handler", "error_type"),
    [
        ({"main.py": "import nothing_like_it\n"}, "main.handler", "Runtime.ImportModuleError"),
        ({"main.py": "import numpy.nothing, pytest\n"}, "main.handler", "Runtime.ImportModuleError"),
        ({"main.py": "def other(): pass\n"}, "main.handler", "Runtime.HandlerNotFound"),
        ({"main.py": "def handler(:\n"}, "main.handler", "Runtime.UserCodeSyntaxError"),
        ({"main.py": ECHO}, "main", "Runtime.MalformedHandlerName"),
        ({"main.py": "raise KeyError('at import')\n"}, "main.handler", "KeyError"),
        ({"main.py": "import os\nos._exit(3)\n"}, "main.handler", "Runtime.ExitError"),
    ],
    ids=["import", "packages of this machine", "handler", "syntax", "name", "exception", "exit"],
)
def test_an_initialization_that_fails_is_tried_again_and_told(
    cloud: Cloud, files: dict[str, str], handler: str, error_type: str
) -> None:
    name = cloud.deploy(files, Handler=handler)
    error, log = cloud.fails(name)
    assert error["errorType"] == error_type
    reports = cloud.lines(name, "INIT_REPORT")
    assert ["init" in line and "invoke" not in line for line in reports] == [True, False]
    assert all(f"Status: error\tError Type: {error_type}" in line for line in reports)
    assert "REPORT RequestId: " in log


def test_an_initialization_has_ten_seconds(cloud: Cloud, faults: Callable[..., None]) -> None:
    faults(init_limit_s=0.2)
    name = cloud.deploy("import time\ntime.sleep(1.5)\n" + ECHO, Timeout=5)
    assert json.loads(cloud.invoke(name, 5)["Payload"].read()) == 5
    assert "Phase: init\tStatus: timeout" in cloud.lines(name, "INIT_REPORT")[0]
    assert "Init Duration" not in cloud.lines(name, '"REPORT RequestId"')[0]


# Limits and refusals


def test_payloads_have_limits(cloud: Cloud, tools: str) -> None:
    room = 6 * 1024 * 1024 - len('{"do": "read", "path": "/", "x": ""}')
    assert "var" in cloud.call(tools, "read", path="/", x="x" * room)
    told = cloud.refused(tools, {"do": "read", "path": "/", "x": "x" * (room + 1)})
    assert told["Error"]["Code"] == "RequestEntityTooLargeException"
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert "smaller than 6291456 bytes" in told["Error"]["Message"]
    event = "x" * (1 << 20)
    assert cloud.refused(tools, event, InvocationType="Event")["Error"]["Code"] == "RequestEntityTooLargeException"
    assert cloud.refused(tools, event[:-2] + "x", InvocationType="Event")["Error"]["Message"].count("1048576") == 1


def test_an_answer_has_a_limit(cloud: Cloud, tools: str) -> None:
    assert len(cloud.call(tools, "large", bytes=6_291_554)) == 6_291_554
    error, _ = cloud.fails(tools, "large", bytes=6_291_555)
    assert error["errorType"] == "Function.ResponseSizeTooLarge"
    assert "(6291556 bytes)" in error["errorMessage"]
    assert cloud.call(tools, "tell")["calls"] >= 1


def test_what_is_no_json_is_refused(cloud: Cloud, tools: str) -> None:
    with pytest.raises(cloud.functions.exceptions.InvalidRequestContentException, match="Could not parse"):
        cloud.functions.invoke(FunctionName=tools, Payload=b"{no")


def test_a_function_that_is_not_there_is_refused(cloud: Cloud) -> None:
    with pytest.raises(cloud.functions.exceptions.ResourceNotFoundException) as raised:
        cloud.functions.invoke(FunctionName="nothing-like-it", Payload=b"{}")
    told = raised.value.response
    assert told["Error"]["Message"].startswith("Function not found: arn:aws:lambda:us-east-1:123456789012:function:")
    assert told["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ResourceNotFoundException"


def test_a_dry_run_runs_nothing(cloud: Cloud) -> None:
    before = cloud.local.counts().get("sandboxes", {})
    assert cloud.invoke(cloud.deploy(ECHO), InvocationType="DryRun")["StatusCode"] == 204
    assert cloud.local.counts().get("sandboxes", {}) == before


def test_the_limit_of_a_function_and_of_the_account_throttle(
    cloud: Cloud, bucket: str, faults: Callable[..., None]
) -> None:
    name = cloud.deploy(Timeout=60)
    cloud.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    told = cloud.refused(name, {"do": "tell"})
    assert (told["Error"]["Code"], told["Reason"]) == (
        "TooManyRequestsException",
        "ReservedFunctionConcurrentInvocationLimitExceeded",
    )
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert "retry-after" in told["ResponseMetadata"]["HTTPHeaders"]
    cloud.functions.delete_function_concurrency(FunctionName=name)
    assert cloud.call(name, "tell")["calls"] == 1
    cloud.local.end()  # what other tests left running would count for the account
    faults(concurrency=1)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(cloud.call, name, "hold", bucket=bucket)
        until(lambda: cloud.local.counts()["running"] == 1)
        assert cloud.refused(name, {"do": "tell"})["Reason"] == "ConcurrentInvocationLimitExceeded"
        cloud.let_go(bucket)
        first.result()
    assert cloud.call(name, "tell")["calls"] == 3
    assert cloud.functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1


# Who asks


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [(KEY, "wrong", "InvalidSignatureException"), ("AKIAWRONG", "wrong", "UnrecognizedClientException")],
)
def test_a_wrong_key_is_refused(cloud: Cloud, key: str, secret: str, code: str) -> None:
    session = boto3.session.Session(key, secret, region_name=REGION)
    client = session.client("lambda", endpoint_url=cloud.local.url)
    with pytest.raises(ClientError) as raised:
        client.invoke(FunctionName="any", Payload=b"{}")
    client.close()
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_request_without_a_signature_is_refused(cloud: Cloud, tools: str) -> None:
    asked = urllib.request.Request(f"{cloud.local.url}/2015-03-31/functions/{tools}/invocations", data=b"{}")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(asked, timeout=10)
    with raised.value as answer:
        assert (answer.status, json.load(answer)["message"]) == (403, "Missing Authentication Token")


def test_keys_of_users_roles_and_sandboxes_are_known(cloud: Cloud, tools: str) -> None:
    cloud.local.client("iam").create_user(UserName="someone")
    user = cloud.local.client("iam").create_access_key(UserName="someone")["AccessKey"]
    role = cloud.local.client("sts").assume_role(RoleArn=cloud.local.role_arn, RoleSessionName="tests")["Credentials"]
    for given in (
        (user["AccessKeyId"], user["SecretAccessKey"]),
        (role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"]),
    ):
        client = boto3.session.Session(*given, region_name=REGION).client("lambda", endpoint_url=cloud.local.url)
        assert client.invoke(FunctionName=tools, InvocationType="DryRun", Payload=b"{}")["StatusCode"] == 204
        client.close()
    nested = cloud.deploy(
        "import boto3\ndef handler(event, context):\n"
        "    return boto3.client('lambda').invoke(FunctionName=event, InvocationType='DryRun')['StatusCode']\n"
    )
    assert json.loads(cloud.invoke(nested, tools)["Payload"].read()) == 204
