"""What the tests of the stand-in for Lambda share: a function of many tools, and short names for what they do."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.aws.lambda_fixtures import LocalLambda, local_lambda

__all__ = [
    "ECHO",
    "TOOLS",
    "Cloud",
    "bucket",
    "cloud",
    "faults",
    "is_isolated",
    "local_lambda",
    "tail",
    "tools",
    "until",
]

ECHO = "def handler(event, context):\n    return event\n"
TOOLS = """
import json, os, subprocess, sys, threading, time
import boto3

calls = 0

def handler(event, context):
    global calls
    calls += 1
    return globals()[event["do"]](event, context)

def tell(event, context):
    return {"pid": os.getpid(), "calls": calls, "env": dict(os.environ), "cwd": os.getcwd(), "uid": os.getuid(),
            "root": sorted(os.listdir("/")), "request": context.aws_request_id, "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb, "left_ms": context.get_remaining_time_in_millis()}

def write(event, context):
    try:
        with open(event["path"], "wb") as file:
            file.write(bytes(event.get("bytes", 1)))
    except OSError as exc:
        return exc.strerror
    return "written"

def read(event, context):
    return os.listdir(event["path"])

def sleep(event, context):
    time.sleep(event["s"])
    return os.getpid()

def hold(event, context):
    # Begins, tells so, and returns when the object "go" is there.
    s3 = boto3.client("s3")
    s3.put_object(Bucket=event["bucket"], Key="began/" + context.aws_request_id)
    while not s3.list_objects_v2(Bucket=event["bucket"], Prefix="go")["KeyCount"]:
        time.sleep(0.02)

def end(event, context):
    print("ending")
    os._exit(event["status"])

def fail(event, context):
    raise ValueError("as asked")

def eat(event, context):
    return len(b"x" * (event["mb"] << 20))

def large(event, context):
    return "x" * event["bytes"]

def say(event, context):
    print(event["text"])
    sys.stderr.write("aside\\n")

def count(event, context):
    boto3.client("s3").put_object(Bucket=event["bucket"], Key=context.aws_request_id + "/" + str(time.time_ns()))
    if event.get("fail"):
        raise RuntimeError("again")

def linger(event, context):
    def tick():
        while True:
            ticks.append(time.monotonic())
            time.sleep(0.01)
    threading.Thread(target=tick, daemon=True).start()

ticks = []

def longest_pause(event, context):
    before = len(ticks)
    while len(ticks) == before:
        time.sleep(0.01)
    return max(later - earlier for earlier, later in zip(ticks, ticks[1:]))

def lock(event, context):
    import multiprocessing
    try:
        multiprocessing.Lock()
    except OSError as exc:
        return type(exc).__name__
"""


class Cloud:
    """Short names for what the tests do."""

    def __init__(self, local: LocalLambda) -> None:
        self.local = local
        self.functions = local.client("lambda")
        self._named = 0

    def deploy(self, files: Any = TOOLS, **options: Any) -> str:
        self._named += 1
        name = f"f{self._named}"
        self.local.deploy(name, files, **options)
        return name

    def invoke(self, name: str, event: object = None, **options: Any) -> dict[str, Any]:
        given: dict[str, Any] = self.functions.invoke(FunctionName=name, Payload=json.dumps(event), **options)
        return given

    def call(self, name: str, do: str, **event: object) -> Any:
        answer = self.invoke(name, {"do": do, **event})
        told = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return told

    def began(self, bucket: str) -> int:
        """Give how many calls of the tool `hold` have begun."""
        listed = self.local.client("s3").list_objects_v2(Bucket=bucket, Prefix="began/")
        return int(listed["KeyCount"])

    def let_go(self, bucket: str) -> None:
        """Let the calls of the tool `hold` return."""
        self.local.client("s3").put_object(Bucket=bucket, Key="go")

    def fails(self, name: str, do: str = "", **event: object) -> tuple[dict[str, Any], str]:
        """Give the error and the log's tail of a call that fails."""
        answer = self.invoke(name, {"do": do, **event}, LogType="Tail")
        assert answer["StatusCode"] == 200
        assert answer["FunctionError"] == "Unhandled"
        return json.loads(answer["Payload"].read()), tail(answer)

    def refused(self, name: str, event: object = None, **options: Any) -> dict[str, Any]:
        with pytest.raises(ClientError) as raised:
            self.invoke(name, event, **options)
        told: dict[str, Any] = raised.value.response
        return told

    def lines(self, name: str, pattern: str = "") -> list[str]:
        found = self.local.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{name}", filterPattern=pattern, interleaved=True
        )
        return [event["message"] for event in found["events"]]


def tail(answer: dict[str, Any]) -> str:
    return base64.b64decode(answer["LogResult"]).decode()


def until(is_so: Callable[[], object], limit_s: float = 10.0) -> None:
    limit = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cloud(local_lambda: LocalLambda) -> Cloud:
    return Cloud(local_lambda)


@pytest.fixture(scope="module")
def tools(cloud: Cloud) -> str:
    return cloud.deploy(MemorySize=256)


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    name = f"tests-{uuid.uuid4().hex}"
    cloud.local.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def faults(cloud: Cloud) -> Iterator[Callable[..., None]]:
    yield cloud.local.faults
    cloud.local.faults()


@pytest.fixture(scope="module")
def is_isolated(cloud: Cloud) -> None:
    if not cloud.local.counts()["is_isolated"]:
        pytest.skip("sandboxes have no file system of their own here: that needs root, and Linux 5.12")
