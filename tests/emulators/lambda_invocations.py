"""One invocation, from a function and an event to an answer and the lines of its log; and how many may run at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from threading import Lock

from tests.emulators.lambda_faults import Chaos, Counts
from tests.emulators.lambda_functions import Function, reserved_elsewhere
from tests.emulators.lambda_pool import Pool
from tests.emulators.lambda_reports import Measured, end_line, init_report, report, start_line, timeout_message
from tests.emulators.lambda_reports import error_body as body_of
from tests.emulators.lambda_sandbox import Ended, Event, Sandbox

__all__ = ["Concurrency", "Invocations", "Result", "ThrottledError"]


class ThrottledError(Exception):
    """Too much runs already; the text is the reason that Lambda gives."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation gave. `log` is the text of its own lines."""

    body: bytes
    is_error: bool
    log: bytes


class Concurrency:
    """Counts what runs now, and refuses what would be too much. Thread-safe."""

    def __init__(self, limit: int, chaos: Chaos) -> None:
        self._limit = limit
        self._chaos = chaos
        self._lock = Lock()
        self._running: Counter[str] = Counter()
        self._unreserved = 0

    @property
    def limit(self) -> int:
        """The account's limit."""
        changed = self._chaos.faults.concurrency
        return self._limit if changed is None else changed

    def enter(self, function: Function) -> None:
        """Take a place. Raises `ThrottledError`; otherwise `leave` must follow."""
        free = self.limit - reserved_elsewhere(function.region)
        with self._lock:
            if function.reserved is not None:
                if self._running[function.name] >= function.reserved:
                    raise ThrottledError("ReservedFunctionConcurrentInvocationLimitExceeded")
            else:
                if self._unreserved >= free:
                    raise ThrottledError("ConcurrentInvocationLimitExceeded")
                self._unreserved += 1
            self._running[function.name] += 1

    def leave(self, function: Function) -> None:
        """Give a place back."""
        with self._lock:
            self._running[function.name] -= 1
            if function.reserved is None:
                self._unreserved -= 1

    def told(self) -> int:
        """Give how many run now."""
        return self._running.total()


class Invocations:
    """Runs functions in sandboxes of a pool. Thread-safe."""

    def __init__(self, pool: Pool, chaos: Chaos, counts: Counts) -> None:
        self._pool = pool
        self._chaos = chaos
        self._counts = counts

    def run(self, function: Function, event: Event) -> Result:
        """Run a function once; its failures are results."""
        lines = [start_line(event.request_id, function.version)]
        if (warm := self._pool.warm(function)) is not None:
            return self._run_warm(warm, event, lines)
        sandbox = self._pool.start(function)
        with self._pool.lent(sandbox):
            runtime = function.runtime.replace("python", "python:")
            sandbox.stream.line(f"INIT_START Runtime Version: {runtime}.local\n")
            failed, init_s = self._pool.initialize(sandbox, self._chaos.faults.init_limit_s)
            if failed is None:
                sandbox.stream.line(lines[0])
                return self._finish(sandbox, event, lines, function.timeout_s, init_s, time.monotonic())
            sandbox.stream.line(init_report(init_s, "init", *_status(failed)))
        return self._run_again(function, event, lines)

    def _run_warm(self, sandbox: Sandbox, event: Event, lines: list[str]) -> Result:
        began = time.monotonic()
        with self._pool.lent(sandbox):
            sandbox.stream.line(lines[0])
            return self._finish(sandbox, event, lines, sandbox.function.timeout_s, None, began)

    def _run_again(self, function: Function, event: Event, lines: list[str]) -> Result:
        """Initialize once more, as a part of the invocation."""
        began = time.monotonic()
        if (warm := self._pool.warm(function)) is not None:  # another call's
            return self._run_warm(warm, event, lines)
        sandbox = self._pool.start(function)
        with self._pool.lent(sandbox):
            sandbox.stream.line(lines[0])
            failed, init_s = self._pool.initialize(sandbox, function.timeout_s)
            if failed is None:
                return self._finish(sandbox, event, lines, max(0.0, function.timeout_s - init_s), None, began)
            said = sandbox.tail().decode(errors="replace")
            told = init_report(init_s, "invoke", *_status(failed))
            sandbox.stream.line(told)
            return self._end(sandbox, event, [*lines, said, told], failed, None, began)

    def _finish(
        self, sandbox: Sandbox, event: Event, lines: list[str], limit_s: float, init_s: float | None, began: float
    ) -> Result:
        killer: threading.Timer | None = None
        if self._chaos.strikes("kill"):
            delay_s = self._chaos.between(0.0, self._chaos.faults.kill_within_s)
            killer = threading.Timer(delay_s, sandbox.kill_runtime)
            killer.daemon = True
            killer.start()
        ended = sandbox.invoke(event, limit_s)
        if killer is not None:
            killer.cancel()
            killer.join()
        said = sandbox.tail().decode(errors="replace")
        return self._end(sandbox, event, [*lines, said], ended, init_s, began)

    def _end(
        self, sandbox: Sandbox, event: Event, lines: list[str], ended: Ended, init_s: float | None, began: float
    ) -> Result:
        function = sandbox.function
        duration_s = time.monotonic() - began
        body = ended.body
        sandbox.freeze()
        sandbox.stream.end_line()
        status, error_type = _status(ended) if ended.kind in ("died", "timeout") else ("success", "")
        own: list[str] = []
        if ended.kind == "timeout":
            duration_s = function.timeout_s
            own.append(timeout_message(function.timeout_s, event.request_id))
            said = f"RequestId: {event.request_id} Error: Task timed out after {function.timeout_s:.2f} seconds"
            body, error_type = body_of("Sandbox.Timedout", said), ""
        elif ended.kind == "died":
            own.append(f"{_message(ended, event)}\nRuntime.ExitError\n")
            body = body_of("Runtime.ExitError", _message(ended, event))
        measured = Measured(duration_s, function.memory_mb, sandbox.peak_bytes, init_s, status, error_type)
        own += [end_line(event.request_id), report(event.request_id, measured)]
        for line in own:
            sandbox.stream.line(line)
        is_fit = ended.kind in ("answer", "error") and sandbox.is_alive
        self._pool.give_back(sandbox, is_fit=is_fit)
        self._counts.add("invocations", "failed" if ended.kind != "answer" else "succeeded")
        said_before = [text if text.endswith("\n") or not text else text + "\n" for text in lines]
        return Result(body, ended.kind != "answer", "".join([*said_before, *own]).encode())


def _status(ended: Ended) -> tuple[str, str]:
    return ("timeout", "") if ended.kind == "timeout" else ("error", ended.error_type)


def _message(ended: Ended, event: Event) -> str:
    return f"RequestId: {event.request_id} Error: {ended.body.decode()}"
