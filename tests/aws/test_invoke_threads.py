"""Invocations by boto3 on threads, for those behind a proxy: they end as the others do."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from lithops.errors import AccessDeniedError, BackendError, TransientError
from lithops_aws.compute.invoke import Answer, Cut, Outcome, Request, Unsent
from lithops_aws.compute.invoke_threads import ThreadsInvoker

KEYS = ReadOnlyCredentials("AKIATEST", "very secret", None)
WAIT_S = 20.0


def outcomes(invoker: ThreadsInvoker, count: int = 1, *, body: bytes = b"ok") -> list[Outcome]:
    ends: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    for _ in range(count):
        invoker.submit(Request("f", "RequestResponse", body, WAIT_S, KEYS, ends.put))
    return [ends.get(timeout=WAIT_S) for _ in range(count)]


class FakeSession:
    """A session whose client does as told."""

    def __init__(self, invoke: Callable[..., Any]) -> None:
        self.invoke = invoke
        self.read_s = 0.0

    def client(self, service: str, *, read_s: float) -> Any:
        self.read_s = read_s
        return SimpleNamespace(invoke=self.invoke)


def test_threads_answer_alike() -> None:
    def invoke(**asked: Any) -> Any:
        fate = asked["Payload"]
        if fate == b"ok":
            told = {"HTTPHeaders": {"X-Amzn-RequestId": "7"}}
            return {"StatusCode": 200, "ResponseMetadata": told, "Payload": BytesIO(b"ok")}
        if fate == b"throttled":
            answer = {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": "2"}}
            error = {"Code": "TooManyRequestsException", "Message": "m"}
            raise ClientError({"Error": error, "ResponseMetadata": answer}, "Invoke")
        errors = {
            b"unreached": EndpointConnectionError(endpoint_url="x"),
            b"slow": ReadTimeoutError(endpoint_url="x"),
            b"keyless": NoCredentialsError(),
            b"bug": ZeroDivisionError(),
        }
        raise errors[fate]

    invoker = ThreadsInvoker(FakeSession(invoke), 930.0)  # type: ignore[arg-type]
    with closing(invoker):
        assert outcomes(invoker, body=b"ok") == [Answer(200, {"x-amzn-requestid": "7"}, b"ok")]
        (told,) = outcomes(invoker, body=b"throttled")
        assert told == Answer(
            429, {"retry-after": "2", "x-amzn-errortype": "TooManyRequestsException"}, b'{"message": "m"}'
        )
        expected = {b"unreached": TransientError, b"keyless": AccessDeniedError, b"bug": BackendError}
        for fate, error in expected.items():
            (told,) = outcomes(invoker, body=fate)
            assert isinstance(told, Unsent)
            assert type(told.error) is error
        assert isinstance(outcomes(invoker, body=b"slow")[0], Cut)
        assert len(outcomes(invoker, 300)) == 300
    with pytest.raises(BackendError):
        outcomes(invoker)
    assert not [one for one in threading.enumerate() if one.name == "lithops-aws-invoke"]
