"""What answers of Lambda mean for their call: the bodies, headers and log tails are shaped as AWS's own."""

from __future__ import annotations

import base64
import json

import pytest

from lithops.errors import AccessDeniedError, BackendError, ThrottledError, TransientError
from lithops.spi.compute import Refusal, Unheard
from lithops.types import Artifact, CallEnd, CallMessage, CallOutput, CallStatus, JobMessage, Payload
from lithops.wire.output import encode_output
from lithops.wire.status import encode_status
from lithops.worker.overtime import OVERTIME
from lithops_aws.compute.answers import Said, is_missing, read_answer, refusal_of
from lithops_aws.compute.invoke import Answer

ID = "8f507cfc-xmpl-4697-b07a-ac58fc914c95".replace("xmpl", "4c11")
REPORT = (
    f"END RequestId: {ID}\nREPORT RequestId: {ID}\tDuration: 12.31 ms\tBilled Duration: 124 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 36 MB\tInit Duration: 110.20 ms\t\n"
)
START = f"START RequestId: {ID} Version: $LATEST\nlithops x-0-M000 00007 1 {ID}\n"


@pytest.fixture
def call() -> CallMessage:
    job = JobMessage("x-0", "M000", Artifact("", Payload((b"f",))), "work", timeout_s=1.0, memory_mb=128)
    return CallMessage(job, "00007", Payload((b"d",)), attempt=1)


def a_success(call: CallMessage, value: bytes = b"42", *, printed: str = "", **told: object) -> bytes:
    job = call.job
    status = CallStatus(
        job.executor_id, job.job_id, call.call_id, call.attempt, CallEnd.SUCCESS, result=Payload((value,))
    )
    body = {"status": base64.b64encode(b"".join(encode_status(status, {}))).decode()}
    if printed:
        body["output"] = base64.b64encode(b"".join(encode_output(call, "stdout", printed))).decode()
    return json.dumps(body | told).encode()


def answer(body: object, tail: str = START + REPORT, *, failed: bool = False, status: int = 200, **more: str) -> Answer:
    headers = {"x-amz-log-result": base64.b64encode(tail.encode()).decode(), "x-amzn-requestid": ID}
    if failed:
        headers["x-amz-function-error"] = "Unhandled"
    return Answer(status, headers | more, body if isinstance(body, bytes) else json.dumps(body).encode())


def the_end(said: list[Said]) -> CallStatus:
    *before, status = said
    assert all(isinstance(one, CallOutput) for one in before)
    assert isinstance(status, CallStatus)
    return status


def failed(call: CallMessage, kind: str, message: str, tail: str) -> CallStatus:
    body = {"errorType": kind, "errorMessage": message}
    return the_end(read_answer(answer(body, tail, failed=True), call, 0.1))


def test_a_status_comes_with_what_was_billed(call: CallMessage) -> None:
    (status,) = read_answer(answer(a_success(call)), call, 0.1)
    assert isinstance(status, CallStatus)
    assert (status.end, status.call_id, status.attempt, status.billed_s) == (CallEnd.SUCCESS, "00007", 1, 0.124)
    assert status.result is not None
    assert status.result.parts == (b"42",)


def test_a_big_result_can_be_written_to(call: CallMessage) -> None:
    (status,) = read_answer(answer(a_success(call, b"x" * 100_000)), call, 0.1)
    assert isinstance(status, CallStatus)
    assert status.result is not None
    assert status.result.parts is not None


def test_what_was_printed_comes_before_the_status(call: CallMessage) -> None:
    tail = f"{START}one\ntwo\n{REPORT}"
    output, status = read_answer(answer(a_success(call, printed="one\ntwo\n"), tail), call, 0.1)
    assert output == CallOutput("x-0", "M000", "00007", "stdout", "one\ntwo\n")
    assert isinstance(status, CallStatus)


def test_what_other_programs_wrote_is_told_from_what_was_printed(call: CallMessage) -> None:
    tail = f"{START}one\nfrom below\ntwo\nagain\n{REPORT}"
    said = read_answer(answer(a_success(call, printed="one\ntwo\n"), tail), call, 0.1)
    assert [one.text for one in said if isinstance(one, CallOutput)] == ["one\ntwo\n", "from below\nagain\n"]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_text_without_an_end_of_line_is_told_once(call: CallMessage, end: str) -> None:
    tail = f"{START}no end{end}{REPORT}"
    said = read_answer(answer(a_success(call, printed="no end"), tail), call, 0.1)
    assert [one.text for one in said if isinstance(one, CallOutput)] == ["no end"]


def test_of_a_tail_that_was_cut_nothing_is_told_twice(call: CallMessage) -> None:
    printed = "".join(f"line {number} of many\n" for number in range(1000))
    whole = f"{START}{printed}{REPORT}"
    said = read_answer(answer(a_success(call, printed=printed), whole[-4096:]), call, 0.1)
    assert [one.text for one in said if isinstance(one, CallOutput)] == [printed]


def test_over_the_functions_time(call: CallMessage) -> None:
    tail = f"{START}2026-01-31T10:00:00.123Z {ID} Task timed out after 3.00 seconds\n\n{REPORT}"
    status = failed(call, "Sandbox.Timedout", f"RequestId: {ID} Error: Task timed out after 3.00 seconds", tail)
    assert status.end is CallEnd.TIMEOUT
    assert status.billed_s == 0.124
    assert status.error is not None
    assert "3.00 seconds" in status.error.message
    older = failed(call, "", f"2026-01-31T10:00:00.123Z {ID} Task timed out after 3.00 seconds", tail)
    assert older.end is CallEnd.TIMEOUT


def test_over_the_calls_own_time(call: CallMessage) -> None:
    message = f"RequestId: {ID} Error: Runtime exited with error: exit status 124"
    tail = f"{START}  File f.py\n{OVERTIME} of 1 s\n{message}\nRuntime.ExitError\n{REPORT}"
    assert failed(call, "Runtime.ExitError", message, tail).end is CallEnd.TIMEOUT
    assert failed(call, "Runtime.ExitError", message, START + REPORT).end is CallEnd.LOST


def test_out_of_memory(call: CallMessage) -> None:
    message = f"RequestId: {ID} Error: Runtime exited with error: signal: killed"
    tail = f"{START}{message}\nRuntime.ExitError\n{REPORT.replace('Used: 36 MB', 'Used: 128 MB')}"
    for status in (
        failed(call, "Runtime.ExitError", message, tail),
        failed(call, "Runtime.OutOfMemory", message, START + REPORT),
    ):
        assert status.end is CallEnd.LOST
        assert status.error is not None
        assert status.error.memory_limit
        assert "128 MB" in status.error.message
        assert "REPORT" in status.error.traceback


@pytest.mark.parametrize(
    ("how", "signal", "code"),
    [
        ("exit status 3", None, 3),
        ("signal: killed", 9, None),
        ("signal: segmentation fault (core dumped)", 11, None),
        ("signal: aborted", 6, None),
    ],
)
def test_a_death(call: CallMessage, how: str, signal: int | None, code: int | None) -> None:
    message = f"RequestId: {ID} Error: Runtime exited with error: {how}"
    tail = f"{START}last words\n{message}\nRuntime.ExitError\n{REPORT}"
    body = {"errorType": "Runtime.ExitError", "errorMessage": message}
    said = read_answer(answer(body, tail, failed=True), call, 0.1)
    status = the_end(said)
    assert status.end is CallEnd.LOST
    assert status.error is not None
    assert (status.error.signal, status.error.exit_code, status.error.memory_limit) == (signal, code, False)
    assert ID not in status.error.message
    assert [one.text for one in said if isinstance(one, CallOutput)] == ["last words\n"]


def test_an_exit_without_a_reason(call: CallMessage) -> None:
    message = f"RequestId: {ID} Error: Runtime exited without providing a reason"
    assert failed(call, "Runtime.ExitError", message, START + REPORT).end is CallEnd.LOST


@pytest.mark.parametrize(
    "kind", ["Runtime.ImportModuleError", "Runtime.HandlerNotFound", "WireVersionError", "Extension.InitError"]
)
def test_a_runtime_that_does_not_fit_is_rejected(call: CallMessage, kind: str) -> None:
    status = failed(call, kind, "Unable to import module 'lithops_aws.entry'", START + REPORT)
    assert status.end is CallEnd.REJECTED
    assert status.error is not None
    assert "lithops runtime update" in status.error.message
    assert "lithops_aws.entry" in status.error.message


def test_a_death_while_the_function_is_prepared_is_rejected(call: CallMessage) -> None:
    message = f"RequestId: {ID} Error: Runtime exited with error: exit status 1"
    told = "INIT_REPORT Init Duration: 90.1 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"
    tail = START + told + REPORT
    assert failed(call, "Runtime.ExitError", message, tail).end is CallEnd.REJECTED


def test_an_exception_of_the_handler_is_an_error(call: CallMessage) -> None:
    status = failed(call, "AccessDeniedError", "the role may not write", START + REPORT)
    assert status.end is CallEnd.ERROR
    assert status.error is not None
    assert (status.error.type, status.error.message) == ("AccessDeniedError", "the role may not write")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b"{",
        b'{"status": 3}',
        b'{"status": "x"}',
        b'{"status": "AAAA"}',
        b'{"status": "AAAA", "output": []}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_garbage_is_rejected(call: CallMessage, body: bytes) -> None:
    status = the_end(read_answer(answer(body), call, 0.1))
    assert status.end is CallEnd.REJECTED
    assert status.error is not None
    assert "lithops runtime update" in status.error.message


def test_a_status_of_another_call_or_version_is_rejected(call: CallMessage) -> None:
    other = CallMessage(call.job, "00008", call.data)
    assert the_end(read_answer(answer(a_success(other)), call, 0.1)).end is CallEnd.REJECTED
    frame = base64.b64decode(json.loads(a_success(call))["status"]).replace(b'"v":[1,0]', b'"v":[9,0]')
    body = {"status": base64.b64encode(frame).decode()}
    status = the_end(read_answer(answer(body), call, 0.1))
    assert status.end is CallEnd.REJECTED
    assert status.error is not None
    assert status.error.type == "WireVersionError"


def test_a_tail_that_is_no_base64_does_no_harm(call: CallMessage) -> None:
    told = Answer(200, {"x-amz-log-result": "\xff!"}, a_success(call))
    assert the_end(read_answer(told, call, 0.1)).billed_s is None


def test_throttling_is_back_pressure(call: CallMessage) -> None:
    body = {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
    headers = {"x-amzn-errortype": "TooManyRequestsException:http://internal.amazon.com/", "retry-after": "3"}
    (refusal,) = read_answer(Answer(429, headers, json.dumps(body).encode()), call, 0.1)
    assert isinstance(refusal, Refusal)
    assert refusal.calls == [call]
    assert isinstance(refusal.error, ThrottledError)
    assert refusal.error.retry_after_s == 3.0
    assert "ConcurrentInvocationLimitExceeded" in str(refusal.error)


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (503, "ServiceUnavailableException", TransientError),
        (500, "ServiceException", TransientError),
        (409, "ResourceConflictException", TransientError),
        (502, "EC2ThrottledException", ThrottledError),
        (403, "AccessDeniedException", AccessDeniedError),
        (403, "InvalidSignatureException", AccessDeniedError),
        (413, "RequestTooLargeException", BackendError),
        (400, "InvalidRequestContentException", BackendError),
        (404, "ResourceNotFoundException", BackendError),
        (418, "", BackendError),
    ],
)
def test_a_refusal(status: int, kind: str, expected: type[BackendError]) -> None:
    told = Answer(status, {"x-amzn-errortype": kind}, b'{"message": "so"}')
    assert type(refusal_of(told)) is expected
    assert is_missing(told) == (status == 404)


def test_a_server_error_after_a_long_wait_is_no_refusal(call: CallMessage) -> None:
    (said,) = read_answer(Answer(504, {}, b"<html>"), call, 60.0)
    assert isinstance(said, Unheard)
    (said,) = read_answer(Answer(504, {}, b"<html>"), call, 0.2)
    assert isinstance(said, Refusal)
