"""One sandbox: a runtime's process, the Runtime API that it asks for work, and what it prints. One thread at a time.

Sandbox.init    the runtime starts, imports the handler, and asks for its first event
Sandbox.invoke  the event goes out as the answer to that question; the runtime's answer comes in, then its next
                question; then the sandbox is frozen until the next event
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.emulators.lambda_functions import Function
from tests.emulators.lambda_logs import Stream
from tests.emulators.lambda_reports import error_body, exit_message
from tests.emulators.lambda_runtime_api import Connection, RuntimeRequest
from tests.emulators.lambda_spawner import Spawner

__all__ = ["RESPONSE_BYTES", "Ended", "Event", "Sandbox"]

RESPONSE_BYTES = 6_291_556
_TAIL_BYTES = 16_384
_GRACE_S = 2.0  # for what a runtime does between its last words and its end


@dataclass(frozen=True, slots=True)
class Event:
    """What a function is called with."""

    request_id: str
    payload: bytes
    client_context: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an initialization or an invocation ended: the answer, the runtime's error, or how the runtime died."""

    kind: Literal["answer", "error", "died", "timeout"]
    body: bytes = b""
    error_type: str = ""


@dataclass(slots=True)
class _Heard:
    """What the runtime has said since the last event."""

    next: Connection | None = None
    answer: Ended | None = None
    init_error: Ended | None = None


@dataclass(slots=True)
class _Guard:
    """What the sandbox's process 1 has said."""

    status: int | None = None
    is_gone: bool = False
    is_oom: bool = False
    peak_bytes: int = 0
    peaks: int = 0


@dataclass(slots=True, eq=False)
class Sandbox:
    """A sandbox that has been started; `init` comes first."""

    function: Function
    stream: Stream
    access_key: str
    secrets: tuple[str, str]  # the secret, the session token
    spawner: Spawner
    endpoint: str
    task: Path
    is_frozen: bool = False
    is_killed: bool = False
    used_at: float = field(default_factory=time.monotonic)
    _heard: _Heard = field(default_factory=_Heard)
    _guard: _Guard = field(default_factory=_Guard)
    _tail: bytearray = field(default_factory=bytearray)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _listener: socket.socket = field(init=False)
    _control: socket.socket = field(init=False)
    _printed: int = field(init=False)
    _connections: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        function = self.function
        self._control, self._printed = self.spawner.start(
            self.task,
            handler=function.handler,
            memory_mb=function.memory_mb,
            tmp_mb=function.tmp_mb,
            env=self._environment(),
        )
        os.set_blocking(self._printed, False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._control, selectors.EVENT_READ, self._hear_guard)
        self._selector.register(self._printed, selectors.EVENT_READ, self._hear_output)

    @property
    def peak_bytes(self) -> int:
        """The most memory that has been seen in use."""
        return self._guard.peak_bytes

    @property
    def is_alive(self) -> bool:
        """Whether the runtime waits for an event."""
        while self._listen(0):
            continue
        return not self.is_killed and not self._has_ended() and self._heard.next is not None

    def init(self, limit_s: float) -> Ended | None:
        """Wait until the runtime asks for its first event; gives how it failed to."""
        self._wait(time.monotonic() + limit_s, lambda: self._heard.next or self._heard.init_error)
        if self._heard.init_error is not None:
            self._wait(time.monotonic() + _GRACE_S, lambda: False)
            return self._heard.init_error
        if self._has_ended():
            return self._died()
        return None if self._heard.next is not None else Ended("timeout", error_type="Sandbox.Timedout")

    def invoke(self, event: Event, limit_s: float) -> Ended:
        """Give the runtime an event and wait for its answer."""
        waiting = self._heard.next
        assert waiting is not None
        self._heard = _Heard()
        self._tail.clear()
        self.thaw()
        until = time.monotonic() + limit_s
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + limit_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.function.arn,
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
        }
        if event.client_context:
            headers["Lambda-Runtime-Client-Context"] = event.client_context
        waiting.answer(200, event.payload, headers)
        self._wait(until, lambda: self._heard.answer and self._heard.next)
        if self._heard.answer is not None:
            if self._heard.next is None:
                self._wait(time.monotonic() + _GRACE_S, lambda: self._heard.next)
            return self._heard.answer
        if self._has_ended():
            return self._died()
        return Ended("timeout", error_type="Sandbox.Timedout")

    def freeze(self) -> None:
        """Stop all its processes, as between two events, and measure."""
        if self._has_ended() or self.is_frozen:
            return
        self.is_frozen = True
        peaks = self._guard.peaks
        self._order(b"F")
        self._wait(time.monotonic() + _GRACE_S, lambda: self._guard.peaks > peaks)

    def thaw(self) -> None:
        """Let its processes go on."""
        if self.is_frozen:
            self.is_frozen = False
            self._order(b"T")

    def kill_runtime(self) -> None:
        """Kill the runtime as the machine's failure would. From any thread; once is enough."""
        if not self.is_killed:
            self.is_killed = True
            self._order(b"K")

    def tail(self) -> bytes:
        """Give the last of what was printed since the event."""
        return bytes(self._tail)

    def end(self) -> None:
        """End all its processes and wait until they are gone."""
        try:
            self._control.shutdown(socket.SHUT_WR)
            self._control.settimeout(_GRACE_S)
            while self._control.recv(1024):
                continue
        except OSError:
            pass
        self._hear_output()
        self.stream.end_line()
        self._selector.close()
        self._listener.close()
        self._control.close()
        for connection in self._connections:
            connection.close()
        os.close(self._printed)

    def _wait(self, until: float, is_done: Callable[[], object]) -> None:
        while not is_done() and not self._has_ended():
            left = until - time.monotonic()
            if left <= 0:
                break
            self._listen(left)
        while self._listen(0):  # what was said before the end counts
            continue

    def _listen(self, limit_s: float) -> bool:
        ready = self._selector.select(limit_s)
        for key, _ in ready:
            key.data()
        return bool(ready)

    def _has_ended(self) -> bool:
        return self._guard.status is not None or self._guard.is_gone

    def _died(self) -> Ended:
        killed = "Runtime exited with error: signal: killed"
        said = killed if self._guard.status is None else exit_message(self._guard.status)
        return Ended("died", said.encode(), "Runtime.ExitError")

    def _order(self, order: bytes) -> None:
        try:
            self._control.send(order)
        except OSError:  # it has ended
            return

    def _accept(self) -> None:
        taken, _ = self._listener.accept()
        connection = Connection(taken)
        self._connections.append(connection)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear(connection))

    def _hear(self, connection: Connection) -> None:
        if not connection.read():
            self._selector.unregister(connection)
            self._connections.remove(connection)
            connection.close()
            return
        for request in connection.requests():
            self._answer(connection, request)

    def _answer(self, connection: Connection, request: RuntimeRequest) -> None:
        kind = request.path.rpartition("/")[2]
        if request.method == "GET" and request.path == "/invocation/next":
            self._heard.next = connection  # answered with the next event
            return
        if request.path == "/init/error":
            self._heard.init_error = Ended("error", request.body, _error_type(request))
        elif kind == "error":
            self._heard.answer = Ended("error", request.body, _error_type(request))
        elif kind == "response" and len(request.body) > RESPONSE_BYTES:
            said = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
            kind_of_error = "Function.ResponseSizeTooLarge"
            self._heard.answer = Ended("error", error_body(kind_of_error, said), kind_of_error)
            limit = f"Exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
            connection.answer(413, error_body("RequestEntityTooLarge", limit))
            return
        elif kind == "response":
            self._heard.answer = Ended("answer", request.body)
        else:
            connection.answer(404, b"{}")
            return
        connection.answer(202, b'{"status":"OK"}\n')

    def _hear_guard(self) -> None:
        try:
            said = self._control.recv(4096)
        except OSError:
            said = b""
        if not said:
            self._guard.is_gone = True
            self._selector.unregister(self._control)
            return
        told = json.loads(said)
        self._guard.peak_bytes = max(self._guard.peak_bytes, told["peak"])
        self._guard.peaks += 1
        if "status" in told:
            self._guard.status = told["status"]
            if told["is_oom"]:
                self._guard.peak_bytes = self.function.memory_mb << 20

    def _hear_output(self) -> None:
        while True:
            try:
                data = os.read(self._printed, 1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                if self._printed in self._selector.get_map():
                    self._selector.unregister(self._printed)
                return
            self._tail += data
            del self._tail[:-_TAIL_BYTES]
            self.stream.write(data)

    def _environment(self) -> dict[str, str]:
        function = self.function
        return {
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": function.handler,
            **_told_to_functions(function),
            "AWS_LAMBDA_LOG_GROUP_NAME": self.stream.group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.stream.name,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._listener.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secrets[0],
            "AWS_SESSION_TOKEN": self.secrets[1],
            "AWS_ENDPOINT_URL": self.endpoint,
            **function.environment,
        }


def _told_to_functions(function: Function) -> Mapping[str, str]:
    return {
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    }


def _error_type(request: RuntimeRequest) -> str:
    told = request.headers.get("lambda-runtime-function-error-type")
    if told:
        return told
    try:
        return str(json.loads(request.body)["errorType"])
    except (ValueError, KeyError, TypeError):
        return "Unknown"
