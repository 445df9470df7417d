"""Jobs that outlive their client on the local Lambda: submitted by one process, followed by another."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("boto3")

from tests.aws.lambda_executors import BUCKET, Executors, Program, executors, home, local_lambda, program

from lithops.errors import CallCancelledError, CallTimeoutError, LithopsError, WorkerLostError
from lithops.types import CallEnd, CallStatus, ErrorInfo
from lithops.wire.keys import status_key
from lithops.wire.status import encode_status

__all__ = ["executors", "home", "local_lambda", "program"]

SUBMITS = """
import lithops

def work(x):
    import os, time
    time.sleep(0.5)
    if x == 3:
        raise ValueError("as asked", x)
    if x == 4:
        os._exit(7)
    return bytes(300_000) if x == 5 else x * x

with lithops.FunctionExecutor() as fexec:
    futures = fexec.map(work, range({calls}), detach=True, timeout={timeout})
print(futures[0].job_key)
"""


def submitted(program: Program, calls: int, timeout: float = 20) -> str:
    """Submit a job by a process that ends at once, and give its key."""
    return str(program(SUBMITS.format(calls=calls, timeout=timeout)).stdout.strip())


def test_another_process_finds_all_results(program: Program, executors: Executors) -> None:
    key = submitted(program, 3)
    attached = program(
        f"import lithops\nfutures = lithops.FunctionExecutor().attach({key!r})\nprint(futures.get_result())"
    )
    assert attached.stdout.strip() == "[0, 1, 4]"
    with executors.open() as executor:
        assert executor.attach(key).get_result() == [0, 1, 4]


def test_failures_and_big_results_are_found(program: Program, executors: Executors) -> None:
    key = submitted(program, 6, timeout=2)
    executor = executors.open()
    futures = executor.attach(key)
    assert [futures[at].result() for at in (0, 1, 2)] == [0, 1, 4]
    with pytest.raises(ValueError, match="as asked"):
        futures[3].result()
    assert futures[5].result() == bytes(300_000)
    assert not futures[4].done  # nobody hears a death: it would be lost when its time is over
    executor_id, _, job_id = key.rpartition("-")
    status = CallStatus(executor_id, job_id, "00004", 0, CallEnd.LOST, error=ErrorInfo("WorkerLostError", "it died"))
    frame = b"".join(map(bytes, encode_status(status, {})))
    executor.storage.put_object(BUCKET, status_key(executor_id, job_id, "00004", 0), frame)
    with pytest.raises(WorkerLostError, match="it died"):
        futures[4].result()


def test_the_command_line_follows_a_job(program: Program) -> None:
    key = submitted(program, 4)
    told = program(argv=["-m", "lithops.cli", "attach", key], code=1)
    assert f"Job '{key}': 4 calls: 3 success, 1 error." in told.stdout
    assert "call 00003: ValueError: ('as asked', 3)" in told.stdout
    found = json.loads(program(argv=["-m", "lithops.cli", "attach", key, "--json"], code=1).stdout)
    assert [(one["call_id"], one["end"]) for one in found] == [
        ("00000", "success"), ("00001", "success"), ("00002", "success"), ("00003", "error"),
    ]  # fmt: skip
    assert [one["success"] for one in found] == [True, True, True, False]


def test_a_job_that_is_none_is_told(program: Program, executors: Executors) -> None:
    with pytest.raises(LithopsError, match="there is no detached job 'abcdef-0-M000'"):
        executors.open().attach("abcdef-0-M000")
    assert "there is no detached job" in program(argv=["-m", "lithops.cli", "attach", "abcdef-0-M000"], code=1).stderr


def test_its_own_client_hears_of_it_too_and_is_told_how_to_find_it(executors: Executors) -> None:
    def sleep(seconds: float) -> str:
        import time

        time.sleep(seconds)
        return "woken"

    with executors.open() as executor:
        assert executor.call_async(sleep, 0, detach=True).result() == "woken"
        over = executor.call_async(sleep, 60, detach=True, timeout=1)
        with pytest.raises(CallTimeoutError):
            over.result()
        lost = executor.call_async(lambda code: __import__("os")._exit(code), 3, detach=True)
        with pytest.raises(WorkerLostError):
            lost.result()
        left = executor.call_async(sleep, 1, detach=True)
    with pytest.raises(CallCancelledError, match=rf"attach\('{left.job_key}'\)"):
        left.result()
    assert executors.open().attach(left.job_key).get_result() == "woken"


# The command line


def test_the_doctor_finds_all_well(program: Program) -> None:
    told = program(argv=["-m", "lithops.cli", "doctor", "-b", "aws_lambda"]).stdout
    assert "All " in told
    assert "a worker answered, with Python" in told


def test_the_doctor_says_what_is_wrong(program: Program) -> None:
    told = program(argv=["-m", "lithops.cli", "doctor"], code=1, aws={"secret_access_key": "wrong"})
    assert "failed" in told.stdout
    assert "wrong" not in told.stdout + told.stderr


def test_runtimes_are_deployed_listed_and_deleted(program: Program, executors: Executors) -> None:
    def lithops(*argv: str) -> str:
        return str(program(argv=["-m", "lithops.cli", "runtime", *argv]).stdout)

    assert "Runtime 'default' is ready" in lithops("deploy", "--memory", "448")
    found = json.loads(lithops("list", "--json"))
    assert 448 in [one["memory_mb"] for one in found]
    assert "448 MB" in lithops("list")
    lithops("delete", "default", "--memory", "448")
    assert not [name for name in executors.function_names() if name.endswith("-448MB")]
    lithops("delete", "default")
    assert executors.function_names() == []
    assert "There are no runtimes of 'aws_lambda'." in lithops("list")


def test_the_policy_is_printed_without_asking_aws(program: Program, executors: Executors) -> None:
    before = executors.cloud.counts()["client"]
    documents = json.loads(program(argv=["-m", "lithops.cli", "policy", "aws_lambda"]).stdout)
    assert executors.cloud.counts()["client"] == before
    assert len(documents) >= 3
    assert all(document["Version"] == "2012-10-17" for document in documents.values())


def test_the_logs_of_a_job_are_read_by_its_key(program: Program, executors: Executors) -> None:
    future = executors.open().call_async(lambda text: print(text), "written to the log")
    future.result()
    assert "written to the log" in program(argv=["-m", "lithops.cli", "logs", "get", future.job_key]).stdout
