"""Calls as processes: a start is one process, which reads its call from a file and writes its status to another.

Files, not pipes: none fills up, and what a call leaves running holds none open. Their folder is also the process's
folder for temporary files, so nothing is left of a process that is killed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from threading import Lock

from lithops.errors import BackendError
from lithops.spi import ComputeBackend, ComputeFeature, Limits, Report, RuntimeSpec
from lithops.types import CallEnd, CallMessage, CallOutput, CallStatus, ErrorInfo, Handle
from lithops.wire import FrameReader, decode_status, encode_calls
from lithops.wire.output import OUTPUT, decode_output
from lithops_template.config import TemplateConfig
from lithops_template.errors import compute_error

__all__ = ["TemplateCompute"]

COMMAND = [sys.executable, "-P", "-m", "lithops_template.entry"]
KILL_TIMEOUT_S = 5.0


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
        self._running: dict[CallMessage, Popen[bytes]] = {}  # who takes a call out of it ends it
        self._cancelled: set[CallMessage] = set()  # before they were here
        self._is_closed = False

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        """Run one call to its end."""
        (call,) = calls
        with (
            TemporaryDirectory(prefix="lithops-template-", ignore_cleanup_errors=True) as home,
            open(f"{home}/calls", "w+b") as told,
            open(f"{home}/statuses", "w+b") as said,
            open(f"{home}/printed", "w+b") as printed,
        ):
            told.writelines(encode_calls(calls))
            told.seek(0)
            with self._lock:
                if self._is_closed:
                    raise BackendError("the template backend is closed: make a new executor")
                env = {**os.environ, "TMPDIR": home}
                process = Popen(COMMAND, stdin=told, stdout=said, stderr=printed, env=env, start_new_session=True)
                self._running[call] = process
                if call in self._cancelled:
                    self._cancelled.remove(call)
                    self._end(call)
            end = self._wait(call, process)
            printed.seek(0)
            text = printed.read().decode(errors="replace")
            if text:
                report(CallOutput(call.job.executor_id, call.job.job_id, call.call_id, "stderr", text))
            status = CallStatus.of(call, end, _death(process.returncode, text) if end is CallEnd.LOST else None)
            reader = FrameReader()
            said.seek(0)
            while count := said.readinto(reader.writable()):
                for message in reader.received(count):
                    if message.kind == OUTPUT:
                        report(decode_output(message))
                    else:
                        status = decode_status(message)
        report(status)
        return str(process.pid)

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        """Kill the processes of calls; `start` reports them."""
        with self._lock:
            for call in calls:
                if call in self._running:
                    self._end(call)
                else:
                    self._cancelled.add(call)  # the engine's thread may be about to start it

    def translate(self, exc: BaseException) -> BackendError | None:
        """Translate what the system raises in `start`."""
        return compute_error(exc) if isinstance(exc, OSError) else None

    def close(self) -> None:
        """Kill all processes."""
        with self._lock:
            self._is_closed = True
            processes = [self._end(call) for call in list(self._running)]
        for process in processes:
            process.wait(KILL_TIMEOUT_S)

    def _end(self, call: CallMessage) -> Popen[bytes]:
        process = self._running.pop(call)
        _kill(process)
        return process

    def _wait(self, call: CallMessage, process: Popen[bytes]) -> CallEnd:
        """Wait until a process is over, and say how its call ended if it left no status."""
        end = CallEnd.LOST
        try:
            process.wait(call.job.timeout_s)
        except TimeoutExpired:
            end = CallEnd.TIMEOUT
        _kill(process)  # and what the call left running
        process.wait(KILL_TIMEOUT_S)
        with self._lock:
            return CallEnd.CANCELLED if self._running.pop(call, None) is None else end


def _kill(process: Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _death(code: int, text: str) -> ErrorInfo:
    signal_, exit_code = (-code, None) if code < 0 else (None, code)
    reason = f"its worker ended with code {code}"
    return ErrorInfo("WorkerLostError", reason, text[-4000:], signal=signal_, exit_code=exit_code)
