"""The sandboxes that there are: one for each invocation at a time, kept warm for the next, ended when they are stale."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore, Condition, Event, Thread

from tests.emulators.lambda_faults import Counts
from tests.emulators.lambda_functions import Code, Function
from tests.emulators.lambda_logs import LogWriter, Stream
from tests.emulators.lambda_sandbox import Ended, Sandbox
from tests.emulators.lambda_spawner import Spawner

__all__ = ["SANDBOX_KEY", "SANDBOX_SECRET", "SANDBOX_TOKEN", "Pool"]

SANDBOX_KEY = "ASIASANDBOX"  # what the access keys of sandboxes begin with
SANDBOX_SECRET = "secret-of-a-sandbox"
SANDBOX_TOKEN = "token-of-a-sandbox"
_SWEEP_S = 0.5


class Pool:
    """Sandboxes of all functions, up to as many as this machine bears: then an invocation waits. Thread-safe."""

    def __init__(
        self, folder: Path, *, endpoint: str, logs: LogWriter, counts: Counts, most: int, idle_s: float, isolate: bool
    ) -> None:
        self._spawner = Spawner(folder, may_isolate=isolate)
        self.code = Code(folder / "code")
        self._endpoint = endpoint
        self._logs = logs
        self._counts = counts
        self._most = most
        self._idle_s = idle_s
        self._changed = Condition()
        self._idle: dict[Function, list[Sandbox]] = {}
        self._stale: dict[str, int] = {}  # by name: how often its sandboxes were retired
        self._lent: dict[int, tuple[Sandbox, int]] = {}  # with that number when it was lent; each time a new tuple
        self._live = 0
        self._starting = BoundedSemaphore(2 * (os.cpu_count() or 1))  # or each would take too long for its limit
        self._is_closed = Event()
        self._sweeper = Thread(target=self._sweep_now_and_then, name="sweeper", daemon=True)
        self._sweeper.start()

    @property
    def is_isolated(self) -> bool:
        """Whether sandboxes have their own view of the file system."""
        return self._spawner.is_isolated

    @property
    def live(self) -> int:
        """How many sandboxes there are."""
        return self._live

    def warm(self, function: Function) -> Sandbox | None:
        """Lend an idle sandbox, or reserve the right to `start` one."""
        with self._changed:
            while True:
                if idle := self._idle.get(function):
                    sandbox = idle.pop()
                    if not sandbox.is_alive:  # it was killed after its last answer
                        self._end(sandbox)
                        continue
                    self._lent[id(sandbox)] = (sandbox, self._stale.get(function.name, 0))
                    return sandbox
                if self._live < self._most:
                    self._live += 1
                    return None
                if (oldest := self._oldest()) is not None:
                    self._end(oldest)
                else:
                    self._changed.wait(1.0)

    def start(self, function: Function) -> Sandbox:
        """Start and lend a sandbox, for which `warm` has made room; `initialize` follows."""
        now = datetime.now(UTC)
        name = f"{now:%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        stream = Stream(self._logs, function.region, f"/aws/lambda/{function.name}", name)
        self._starting.acquire()  # until it is initialized
        try:
            sandbox = Sandbox(
                function=function,
                stream=stream,
                access_key=SANDBOX_KEY + uuid.uuid4().hex[:9].upper(),
                secrets=(SANDBOX_SECRET, SANDBOX_TOKEN),
                spawner=self._spawner,
                endpoint=self._endpoint,
                task=self.code.of(function),
            )
        except BaseException:
            self._starting.release()
            self._forget()
            raise
        self._counts.add("sandboxes", "cold_starts")
        with self._changed:
            self._lent[id(sandbox)] = (sandbox, self._stale.get(function.name, 0))
        return sandbox

    def initialize(self, sandbox: Sandbox, limit_s: float) -> tuple[Ended | None, float]:
        """Wait for a sandbox that was started; gives how it failed, and the seconds that it took."""
        try:
            return sandbox.init(limit_s), time.monotonic() - sandbox.used_at
        finally:
            self._starting.release()

    @contextmanager
    def lent(self, sandbox: Sandbox) -> Iterator[None]:
        """End a sandbox that is not given back inside."""
        lent = self._lent[id(sandbox)]
        try:
            yield
        finally:
            if self._lent.get(id(sandbox)) is lent:  # else it was given back, and somebody else may have it now
                self.give_back(sandbox, is_fit=False)

    def give_back(self, sandbox: Sandbox, *, is_fit: bool) -> None:
        """Keep a sandbox for the next invocation, or end it. Once: then it does nothing."""
        with self._changed:
            lent = self._lent.pop(id(sandbox), None)
            if lent is None:
                return
            if is_fit and sandbox.is_alive and lent[1] == self._stale.get(sandbox.function.name, 0):
                sandbox.used_at = time.monotonic()
                self._idle.setdefault(sandbox.function, []).append(sandbox)
                self._changed.notify()
                return
        self._end(sandbox)

    def retire(self, name: str) -> None:
        """End the sandboxes of a function, now or when they are given back."""
        with self._changed:
            self._stale[name] = self._stale.get(name, 0) + 1
            gone = [function for function in self._idle if function.name == name]
            ended = [sandbox for function in gone for sandbox in self._idle.pop(function)]
        for sandbox in ended:
            self._end(sandbox)

    def retire_all(self) -> None:
        """End the sandboxes of all functions."""
        with self._changed:
            names = {function.name for function in self._idle} | set(self._stale)
        for name in names:
            self.retire(name)

    def kill_lent(self) -> None:
        """Kill the runtimes of the sandboxes that are lent: who has one hears of it, and gives it back."""
        with self._changed:  # or one could be given back as if it were alive
            for sandbox, _ in self._lent.values():
                sandbox.kill_runtime()

    def close(self) -> None:
        """End all idle sandboxes, and the process that starts them: those that are busy end with this process."""
        self._is_closed.set()
        self._sweeper.join()
        self.retire_all()
        self._spawner.close()

    def _oldest(self) -> Sandbox | None:
        idle = [sandbox for sandboxes in self._idle.values() for sandbox in sandboxes]
        if not idle:
            return None
        oldest = min(idle, key=lambda sandbox: sandbox.used_at)
        self._idle[oldest.function].remove(oldest)
        return oldest

    def _sweep_now_and_then(self) -> None:
        while not self._is_closed.wait(_SWEEP_S):
            limit = time.monotonic() - self._idle_s
            with self._changed:
                old = [one for idle in self._idle.values() for one in idle if one.used_at < limit]
                for sandbox in old:
                    self._idle[sandbox.function].remove(sandbox)
            for sandbox in old:
                self._end(sandbox)

    def _end(self, sandbox: Sandbox) -> None:
        sandbox.end()
        self._forget()

    def _forget(self) -> None:
        with self._changed:
            self._live -= 1
            self._changed.notify()
