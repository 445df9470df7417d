"""Invocations by boto3, each on a thread of a bounded pool: the way through proxies, which boto3 knows and we do not."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from typing import Any

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from lithops.errors import BackendError
from lithops_aws.compute.errors import translate
from lithops_aws.compute.invoke import Answer, Cut, Invoker, Outcome, Request, Unsent
from lithops_aws.compute.session import Session

__all__ = ["ThreadsInvoker"]

log = logging.getLogger(__name__)

MAX_THREADS = 64
IDLE_S = 20.0
JOIN_S = 8.0

_UNSENT = (  # raised before a request has gone out
    sdk.ConnectTimeoutError,
    sdk.EndpointConnectionError,
    sdk.NoCredentialsError,
    sdk.ProxyConnectionError,
    sdk.SSLError,
)


class ThreadsInvoker(Invoker):
    """Sends as many requests at the same time as it has threads; `submit` waits for one. `answer_s` bounds every answer."""

    def __init__(self, session: Session, answer_s: float) -> None:
        self._session = session
        self._answer_s = answer_s
        self._changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._is_closed = False

    def submit(self, request: Request) -> None:
        with self._changed:
            while len(self._waiting) >= MAX_THREADS and not self._is_closed:
                self._changed.wait(IDLE_S)
            if self._is_closed:
                raise _closed()
            self._waiting.append(request)
            if len(self._waiting) > self._idle and len(self._threads) < MAX_THREADS:
                thread = threading.Thread(target=self._run, name="lithops-aws-invoke", daemon=True)
                self._threads.add(thread)
                thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            threads, waiting = list(self._threads), list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for request in waiting:
            request.on_end(Unsent(_closed()))
        limit = time.monotonic() + JOIN_S
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, limit - time.monotonic()))  # one in the middle of a call ends with it

    def _run(self) -> None:
        while (request := self._next()) is not None:
            outcome = self._invoke(request)
            try:
                request.on_end(outcome)
            except Exception:  # no bug of the caller's may end the thread of others
                log.exception("the end of an invocation could not be taken in")

    def _next(self) -> Request | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._is_closed, IDLE_S)
            self._idle -= 1
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            self._threads.discard(threading.current_thread())
            return None

    def _invoke(self, request: Request) -> Outcome:
        asked: dict[str, Any] = {"LogType": "Tail"} if request.kind == "RequestResponse" else {}
        try:
            client = self._session.client("lambda", read_s=self._answer_s)
            told = client.invoke(
                FunctionName=request.function, InvocationType=request.kind, Payload=request.body, **asked
            )
            return Answer(told["StatusCode"], _headers(told), told["Payload"].read())
        except sdk.ClientError as exc:
            error = exc.response.get("Error", {})
            headers = _headers(exc.response) | {"x-amzn-errortype": str(error.get("Code", ""))}
            status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return Answer(status, headers, json.dumps({"message": error.get("Message", "")}).encode())
        except Exception as exc:  # whatever it is, the call needs an end
            if isinstance(exc, _UNSENT) or not isinstance(exc, sdk.BotoCoreError | ResponseParserError):
                ours = translate(exc, "invoking a function")
                return Unsent(ours or BackendError(f"invoking a function failed: {type(exc).__name__}: {exc}"))
            return Cut(f"{type(exc).__name__}: {exc}")


def _headers(told: Any) -> dict[str, str]:
    headers = told.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return {name.lower(): value for name, value in headers.items()}


def _closed() -> BackendError:
    return BackendError("the backend aws_lambda is closed: make a new executor")
