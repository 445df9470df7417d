"""What runs inside Lambda, here in a process of its own for each test's sandbox: it takes over the standard streams."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lithops.spi.compute import ComputeFeature, Limits
from lithops.testing.compute import functions
from lithops.testing.compute.client import Client
from lithops.types import CallEnd, CallMessage, CallStatus
from lithops.wire.calls import encode_calls
from lithops.wire.envelope import decode, read_messages
from lithops.wire.keys import status_key
from lithops.wire.output import decode_output
from lithops.wire.status import decode_status
from lithops.worker.overtime import EXIT_CODE, OVERTIME
from lithops.worker.pickles import load
from lithops_localhost.config import LocalhostConfig
from lithops_localhost.storage import LocalhostStorage

WAIT_S = 30.0
SANDBOX = """
import json, sys, time
pipe_in, pipe_out = sys.stdin, open({answers!r}, "w", buffering=1)
from lithops_aws.entry import handler
class Context:
    aws_request_id = "an-id"
    def __init__(self, limit_s):
        self.end = time.time() + limit_s
    def get_remaining_time_in_millis(self):
        return int(1000 * (self.end - time.time()))
for line in pipe_in:
    limit_s, event = json.loads(line)
    try:
        answer = {{"answer": handler(event, Context(limit_s))}}
    except Exception as exc:
        answer = {{"errorType": type(exc).__name__, "errorMessage": str(exc)}}
    answer["sdk"] = "boto3" in sys.modules or "botocore" in sys.modules
    pipe_out.write(json.dumps(answer) + "\\n")
"""


class Sandbox:
    """A process that has the handler and takes one event after another."""

    def __init__(self, folder: Path) -> None:
        self._answers = folder / "answers"
        self._log = folder / "log"
        with open(self._log, "wb") as log:
            code = SANDBOX.format(answers=str(self._answers))
            command = [sys.executable, "-c", code]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True)
        self._read = 0

    def invoke(self, event: object, limit_s: float = 60.0) -> dict[str, Any] | None:
        """Give what the handler returned or raised; None when the process ended."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([limit_s, event]) + "\n")
        self.process.stdin.flush()
        for _ in range(int(WAIT_S / 0.01)):
            lines = self._answers.read_text().splitlines(keepends=True) if self._answers.exists() else []
            if len(lines) > self._read and lines[self._read].endswith("\n"):
                self._read += 1
                return dict(json.loads(lines[self._read - 1]))
            try:
                self.process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            return None
        raise AssertionError("no answer came")

    def log(self) -> str:
        return self._log.read_text()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.kill()
        self.process.wait(WAIT_S)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> LocalhostStorage:
    store = LocalhostStorage(LocalhostConfig(storage_root=str(tmp_path / "storage")))
    store.create_bucket("jobs")
    return store


class NoBackend:
    """Enough of a backend for the kit's client to make messages."""

    features = ComputeFeature.REPLIES
    limits = Limits(max_inline_bytes=1 << 20)
    commit_after_s = None


@pytest.fixture
def client(store: LocalhostStorage) -> Client:
    return Client(NoBackend(), store=store, bucket="jobs")  # type: ignore[arg-type]


def event_of(call: CallMessage, **changes: Any) -> dict[str, str]:
    job = call.job._replace(**changes)
    message = CallMessage(job, call.call_id, call.data, call.needs, call.attempt)
    return {"lithops": base64.b64encode(b"".join(encode_calls([message]))).decode()}


def read(told: dict[str, Any] | None) -> tuple[CallStatus, list[tuple[str, str]]]:
    assert told is not None
    answer = told["answer"]
    status = decode_status(decode(base64.b64decode(answer["status"])))
    printed = [decode_output(one) for one in read_messages(io.BytesIO(base64.b64decode(answer.get("output", ""))))]
    return status, [(one.stream, one.text) for one in printed]


def stored(store: LocalhostStorage, call: CallMessage) -> CallStatus:
    key = status_key(call.job.executor_id, call.job.job_id, call.call_id, call.attempt)
    with closing(store.get("jobs", key)) as stream:
        return decode_status(decode(stream.read()))


def run(client: Client, function: Callable[..., Any], *args: Any, **options: Any) -> CallMessage:
    return client.call(client.job(function, **options), 0, *args)


def test_a_runtime_tells_what_it_is(sandbox: Sandbox) -> None:
    told = sandbox.invoke({"lithops-runtime": True})
    assert told is not None
    assert told["answer"]["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert told["answer"]["wire"] == 1


def test_a_call_is_run_and_needs_no_sdk(sandbox: Sandbox, client: Client) -> None:
    call = run(client, functions.add, 20, 22)
    for _ in range(2):
        told = sandbox.invoke(event_of(call))
        assert told is not None
        assert told["sdk"] is False
        status, printed = read(told)
        assert status.result is not None
        assert load(status.result.parts or ()) == 42
        assert printed == []
    assert f"lithops {call.job.job_key} 00000 0 an-id\n" in sandbox.log()


def test_what_is_printed_is_in_the_answer_and_in_the_log(sandbox: Sandbox, client: Client) -> None:
    _, printed = read(sandbox.invoke(event_of(run(client, functions.say, "out \u00e4\n", "err"))))
    assert printed == [("stdout", "out \u00e4\n"), ("stderr", "err")]
    assert "out \u00e4\nerr" in sandbox.log()
    _, printed = read(sandbox.invoke(event_of(run(client, functions.say, "again", ""))))
    assert printed == [("stdout", "again")]


def test_of_very_much_output_the_last_is_in_the_answer(sandbox: Sandbox, client: Client) -> None:
    def chatter() -> None:
        import sys

        for number in range(100_000):
            print(f"{number:08} xxxxxxxxxxxxxxx")
            if number % 100 == 0:
                print("aside", file=sys.stderr)

    told = sandbox.invoke(event_of(run(client, chatter)))
    assert told is not None
    assert len(json.dumps(told)) < 2_000_000
    _, printed = read(told)
    assert printed[0][0] == "stderr"
    assert "log" in printed[0][1]
    assert printed[-1][1].endswith("00099999 xxxxxxxxxxxxxxx\n")


def test_an_exception_of_the_function_is_a_status(sandbox: Sandbox, client: Client) -> None:
    status, _ = read(sandbox.invoke(event_of(run(client, functions.fail, "so"))))
    assert status.end is CallEnd.ERROR
    assert status.error is not None
    assert (status.error.type, status.error.message) == ("ValueError", "so")


def test_a_status_that_is_too_big_says_so(sandbox: Sandbox, client: Client) -> None:
    def fail_big() -> None:
        raise ValueError(b"x" * 7_000_000)

    call = run(client, functions.make_bytes, 7_000_000)
    told = sandbox.invoke(event_of(call, store=None))
    assert len(json.dumps(told)) < 6_000_000
    status, _ = read(told)
    assert status.end is CallEnd.ERROR
    assert status.error is not None
    assert "storage" in status.error.message
    status, _ = read(sandbox.invoke(event_of(run(client, fail_big))))
    assert status.end is CallEnd.ERROR
    assert status.error is not None
    assert (status.error.type, status.error.payload) == ("ValueError", None)


def test_a_big_result_goes_through_the_store(sandbox: Sandbox, client: Client) -> None:
    status, _ = read(sandbox.invoke(event_of(run(client, functions.make_bytes, 3_000_000))))
    assert status.result is not None
    assert status.result.key is not None


def test_a_call_of_an_event_writes_its_status_and_answers_nothing(
    sandbox: Sandbox, client: Client, store: LocalhostStorage
) -> None:
    call = run(client, functions.say, "printed\n", "")
    told = sandbox.invoke(event_of(call, commit=True))
    assert told is not None
    assert told["answer"] == {}
    assert stored(store, call).end is CallEnd.SUCCESS
    assert "printed\n" in sandbox.log()


def test_a_call_that_took_long_is_written_and_answered(
    sandbox: Sandbox, client: Client, store: LocalhostStorage
) -> None:
    call = run(client, functions.add, 1, 2)
    status, _ = read(sandbox.invoke(event_of(call, commit_after_s=0.0)))
    assert status.end is stored(store, call).end is CallEnd.SUCCESS


def test_an_answer_is_not_lost_when_it_cannot_be_written(sandbox: Sandbox, client: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lost = LocalhostStorage(LocalhostConfig(storage_root=str(tmp_path / "file" / "no"))).ref("jobs")
    status, _ = read(sandbox.invoke(event_of(run(client, functions.add, 1, 2), commit_after_s=0.0, store=lost)))
    assert status.end is CallEnd.SUCCESS


def test_an_event_whose_status_cannot_be_written_ends_the_process(
    sandbox: Sandbox, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    lost = LocalhostStorage(LocalhostConfig(storage_root=str(tmp_path / "file" / "no"))).ref("jobs")
    assert sandbox.invoke(event_of(run(client, functions.add, 1, 2), commit=True, store=lost)) is None
    assert sandbox.process.returncode == 74
    assert "the status could not be written" in sandbox.log()


@pytest.mark.parametrize("how", ["sleep", "spin", "deaf", "child"])
def test_a_call_over_its_time_ends_its_process(sandbox: Sandbox, client: Client, how: str) -> None:
    assert sandbox.invoke(event_of(run(client, functions.never_end, how, timeout_s=0.1))) is None
    assert sandbox.process.returncode == EXIT_CODE
    last = sandbox.log().splitlines()[-1]
    assert last == f"{OVERTIME} of 0.1 s"
    assert "in never_end" in sandbox.log()


def test_an_event_over_its_time_leaves_its_end_in_the_store(
    sandbox: Sandbox, client: Client, store: LocalhostStorage
) -> None:
    call = run(client, functions.never_end, "sleep", timeout_s=0.1)
    assert sandbox.invoke(event_of(call, commit=True)) is None
    status = stored(store, call)
    assert status.end is CallEnd.TIMEOUT
    assert status.error is not None
    assert "never_end" in status.error.traceback


def test_an_event_that_its_function_would_end_leaves_word_before(
    sandbox: Sandbox, client: Client, store: LocalhostStorage
) -> None:
    call = run(client, functions.never_end, "sleep", timeout_s=60.0)
    assert sandbox.invoke(event_of(call, commit=True), limit_s=0.2) is None
    assert stored(store, call).end is CallEnd.TIMEOUT


def test_the_time_of_one_call_is_not_that_of_the_next(sandbox: Sandbox, client: Client) -> None:
    def wait() -> str:
        import time

        time.sleep(0.3)
        return "waited"

    assert read(sandbox.invoke(event_of(run(client, functions.add, 1, timeout_s=0.2))))[0].end is CallEnd.SUCCESS
    assert read(sandbox.invoke(event_of(run(client, wait, timeout_s=20.0))))[0].end is CallEnd.SUCCESS
    assert sandbox.invoke(event_of(run(client, wait, timeout_s=0.05))) is None


def test_a_fork_that_comes_back_answers_nothing(sandbox: Sandbox, client: Client) -> None:
    def fork() -> int:
        import os

        return os.fork()

    status, _ = read(sandbox.invoke(event_of(run(client, fork))))
    assert status.end is CallEnd.SUCCESS
    assert status.result is not None
    assert load(status.result.parts or ()) != 0
    assert read(sandbox.invoke(event_of(run(client, functions.add, 1))))[0].end is CallEnd.SUCCESS


def test_streams_that_a_call_replaced_or_closed_do_not_harm_the_next(sandbox: Sandbox, client: Client) -> None:
    def spoil() -> None:
        import os
        import sys

        sys.stdout = sys.stderr = None
        os.close(1)

    assert read(sandbox.invoke(event_of(run(client, spoil))))[0].end is CallEnd.SUCCESS
    _, printed = read(sandbox.invoke(event_of(run(client, functions.say, "here\n", ""))))
    assert printed == [("stdout", "here\n")]


@pytest.mark.parametrize("event", [None, [], {}, {"lithops": 3}, {"lithops": "%"}, {"lithops": "AAAA"}, "text"])
def test_what_is_no_call_is_an_error(sandbox: Sandbox, event: object) -> None:
    told = sandbox.invoke(event)
    assert told is not None
    assert told["errorType"] == "WireError"


def test_a_call_of_another_wire_is_an_error(sandbox: Sandbox, client: Client) -> None:
    frame = base64.b64decode(event_of(run(client, functions.add, 1))["lithops"]).replace(b'"v":[1,0]', b'"v":[9,0]')
    told = sandbox.invoke({"lithops": base64.b64encode(frame).decode()})
    assert told is not None
    assert told["errorType"] == "WireVersionError"
