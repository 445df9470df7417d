"""Calls as processes: each start is one process, which gets its call from one file and writes its status to another.

Files, not pipes: no pipe fills up, and a process that the call leaves behind keeps none open. They are in a folder of
the start, which is the temporary folder of its process too, so that nothing is left when it is killed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from threading import Lock

from lithops.errors import BackendError
from lithops.spi import (
    CallEnd,
    CallMessage,
    CallOutput,
    CallStatus,
    ComputeBackend,
    ComputeFeature,
    ErrorInfo,
    Handle,
    Limits,
    Report,
    RuntimeSpec,
)
from lithops.wire import FrameReader, Message, decode_status, encode_calls
from lithops.wire.output import OUTPUT, decode_output
from lithops_template.config import TemplateConfig
from lithops_template.errors import compute_error

__all__ = ["TemplateCompute"]

KILL_TIMEOUT_S = 5.0
TOLD, HEARD, PRINTED = "told", "heard", "printed"


class TemplateCompute(ComputeBackend):
    """Runs each call in a fresh process. `start` returns when the call is over: the engine calls it on its threads."""

    features = ComputeFeature.REPLIES | ComputeFeature.TIMEOUTS | ComputeFeature.CANCEL | ComputeFeature.OUTPUT

    def __init__(self, options: TemplateConfig) -> None:
        self.limits = Limits(
            max_calls_per_start=1,
            max_payload_bytes=1 << 30,
            max_inline_bytes=1 << 20,
            max_concurrency=options.max_workers or os.cpu_count(),
            start_deadline_s=float("inf"),  # `start` sees the end of each process
        )
        self._lock = Lock()
        self._running: dict[CallMessage, Popen[bytes]] = {}
        self._cancelled: set[CallMessage] = set()
        self._is_closed = False

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        """Run one call to its end."""
        (call,) = calls
        with TemporaryDirectory(prefix="lithops-template-") as home:
            process, end = self._run(call, home), CallEnd.LOST
            try:
                process.wait(call.job.timeout_s)
            except TimeoutExpired:
                end = CallEnd.TIMEOUT
            _kill(process)  # and what the call left running
            process.wait(KILL_TIMEOUT_S)
            with self._lock:
                del self._running[call]
                if self._is_closed or call in self._cancelled:
                    end = CallEnd.CANCELLED
                self._cancelled.discard(call)
            status = None
            for message in _messages(f"{home}/{HEARD}"):
                if message.kind == OUTPUT:
                    report(decode_output(message))
                else:
                    status = decode_status(message)
            with open(f"{home}/{PRINTED}", encoding="utf-8", errors="replace") as file:
                text = file.read()
        if text:
            report(CallOutput(call.job.executor_id, call.job.job_id, call.call_id, "stderr", text))
        report(status or CallStatus.of(call, end, _reason(call, end, process.returncode, text)))
        return str(process.pid)

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        """Kill the processes of calls; `start` reports them."""
        with self._lock:
            for call in self._running.keys() & set(calls):
                self._cancelled.add(call)
                _kill(self._running[call])

    def translate(self, exc: BaseException) -> BackendError | None:
        """Translate what starting a process raises."""
        return compute_error(exc) if isinstance(exc, OSError) else None

    def close(self) -> None:
        """Kill all processes."""
        with self._lock:
            self._is_closed = True
            processes = list(self._running.values())
            for process in processes:
                _kill(process)
        for process in processes:
            process.wait(KILL_TIMEOUT_S)

    def _run(self, call: CallMessage, home: str) -> Popen[bytes]:
        with open(f"{home}/{TOLD}", "wb") as file:
            file.writelines(encode_calls([call]))
        command = [sys.executable, "-P", "-m", "lithops_template.entry"]
        with (
            open(f"{home}/{TOLD}", "rb") as told,
            open(f"{home}/{HEARD}", "wb") as heard,
            open(f"{home}/{PRINTED}", "wb") as printed,
            self._lock,
        ):
            if self._is_closed:
                raise BackendError("the template backend is closed: make a new executor")
            env = {**os.environ, "TMPDIR": home}
            process = Popen(command, stdin=told, stdout=heard, stderr=printed, env=env, start_new_session=True)
            self._running[call] = process
            return process


def _kill(process: Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _messages(path: str) -> Iterator[Message]:
    reader = FrameReader()
    with open(path, "rb") as file:
        while count := file.readinto(reader.writable()):
            yield from reader.received(count)


def _reason(call: CallMessage, end: CallEnd, code: int, text: str) -> ErrorInfo:
    if end is CallEnd.TIMEOUT:
        return ErrorInfo("TimeoutError", f"it ran longer than its time-out of {call.job.timeout_s} s")
    how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
    signal_, exit_code = (-code, None) if code < 0 else (None, code)
    return ErrorInfo("WorkerLostError", f"its worker {how}", text[-4000:], signal=signal_, exit_code=exit_code)
