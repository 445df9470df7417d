"""Calls as processes, one for each start. Answers go into files: what a call leaves running holds no pipe open."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from subprocess import PIPE, Popen, TimeoutExpired
from tempfile import TemporaryDirectory

from lithops import spi, wire
from lithops.errors import BackendError, WireError
from lithops_template.config import TemplateConfig
from lithops_template.errors import compute_error


class TemplateCompute(spi.ComputeBackend):
    features = spi.ComputeFeature.REPLIES | spi.ComputeFeature.TIMEOUTS

    def __init__(self, config: TemplateConfig) -> None:
        self.limits = spi.Limits(max_concurrency=config.max_workers, start_deadline_s=float("inf"))
        self._running: set[Popen[bytes]] = set()
        self._is_closed = False

    def start(self, runtime: spi.RuntimeSpec, calls: Sequence[spi.CallMessage], report: spi.Report) -> spi.Handle:
        (call,) = calls
        command = [sys.executable, "-P", "-m", "lithops_template.entry"]
        with TemporaryDirectory(ignore_cleanup_errors=True) as home, open(f"{home}/said", "w+b") as said:
            env = {**os.environ, "TMPDIR": home}
            with Popen(command, stdin=PIPE, stdout=said, env=env, process_group=0) as process:
                self._running.add(process)
                if self._is_closed:  # asked after `add`, so that no process slips through `close`
                    self._end(process)
                    raise BackendError("the template backend is closed: make a new executor")
                with suppress(TimeoutExpired):
                    process.communicate(b"".join(wire.encode_calls(calls)), call.job.timeout_s)
                code = process.returncode  # None when its time was over
                self._end(process)
            error = None if code is None else spi.ErrorInfo("WorkerLostError", f"exit code {code}", exit_code=code)
            status = spi.CallStatus.of(call, spi.CallEnd.TIMEOUT if code is None else spi.CallEnd.LOST, error)
            said.seek(0)
            with suppress(StopIteration, WireError):  # it died before it wrote its status, or while it did
                status = next(wire.decode_status(one) for one in wire.read_messages(said) if one.kind == "status")
        report(status)
        return str(process.pid)

    def translate(self, exc: BaseException) -> BackendError | None:
        return compute_error(exc) if isinstance(exc, OSError) else None

    def close(self) -> None:
        self._is_closed = True
        for process in list(self._running):
            self._end(process)

    def _end(self, process: Popen[bytes]) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # also what the call started and left
        process.wait(timeout=5.0)
        self._running.discard(process)
