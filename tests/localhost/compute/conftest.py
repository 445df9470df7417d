"""A pool of real workers, and what it reported of each call."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from lithops.jobs.serialize import dump_function
from lithops.spi import (
    Artifact,
    CallEnd,
    CallMessage,
    CallOutput,
    CallStatus,
    JobMessage,
    Payload,
    Refusal,
    RuntimeSpec,
    Unheard,
)
from lithops.worker.pickles import dump, load
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.config import LocalhostConfig

WAIT_S = 20.0


class Bench:
    """A localhost backend with some workers; takes functions and inputs, keeps statuses and output."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.root = root
        self.backend = LocalhostCompute(LocalhostConfig(storage_root=str(root), **options))
        self.changed = threading.Condition()
        self.statuses: dict[CallMessage, CallStatus] = {}
        self.reported: Counter[tuple[str, str]] = Counter()
        self.outputs: list[CallOutput] = []
        self.order: list[CallMessage] = []
        self._calls: dict[tuple[str, str], CallMessage] = {}
        self._numbers = itertools.count()

    def report(self, said: CallStatus | CallOutput | Refusal | Unheard) -> None:
        assert isinstance(said, (CallStatus, CallOutput))  # a pool knows what became of each call
        with self.changed:
            if isinstance(said, CallOutput):
                self.outputs.append(said)
            else:
                name = (said.job_id, said.call_id)
                self.reported[name] += 1
                self.statuses[self._calls[name]] = said
                self.order.append(self._calls[name])
            self.changed.notify_all()

    def start(self, function: Callable[..., Any], inputs: Collection[object], **fields: Any) -> list[CallMessage]:
        """Start a job with one call for each input."""
        digest, parts = dump_function(function, "f")
        number = next(self._numbers)
        settings: dict[str, Any] = {"function_name": "f", "results_inline_max": 1 << 30, **fields}
        job = JobMessage("exec-0", f"M{number:03d}", Artifact(digest, Payload(parts)), **settings)
        calls = [CallMessage(job, f"{at:05d}", Payload(dump(((one,), None)))) for at, one in enumerate(inputs)]
        self._calls.update({(job.job_id, call.call_id): call for call in calls})
        self.backend.start(RuntimeSpec(), calls, self.report)
        return calls

    def wait(self, calls: Collection[CallMessage]) -> list[CallStatus]:
        """Wait for the ends of calls, and check that each was told once."""
        with self.changed:
            is_over = self.changed.wait_for(lambda: all(call in self.statuses for call in calls), WAIT_S)
            left = [call.call_id for call in calls if call not in self.statuses]
            assert is_over, f"{len(left)} calls have no end: {left[:10]}"
            assert {self.reported[call.job.job_id, call.call_id] for call in calls} <= {1}
            return [self.statuses[call] for call in calls]

    def ends(self, calls: Collection[CallMessage]) -> list[CallEnd]:
        return [status.end for status in self.wait(calls)]

    def values(self, calls: Collection[CallMessage]) -> list[Any]:
        return [value_of(status) for status in self.wait(calls)]

    def run(self, function: Callable[..., Any], *inputs: object, **fields: Any) -> list[Any]:
        return self.values(self.start(function, inputs, **fields))

    def text(self, call: CallMessage | None, stream: str | None = None) -> str:
        """Give what a call printed; None: what no call printed."""
        ids = (call.job.job_id, call.call_id) if call is not None else (None, None)
        with self.changed:
            said = [one for one in self.outputs if (one.job_id, one.call_id) == ids]
        return "".join(one.text for one in said if stream is None or one.stream == stream)

    def until(self, condition: Callable[[], bool], what: str = "what the test waits for") -> None:
        limit = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < limit, f"{what} does not come"
            time.sleep(0.005)

    def children(self) -> list[int]:
        """Give the ids of this process's children that live."""
        return children_of(os.getpid())

    @staticmethod
    def is_alive(pid: int) -> bool:
        return is_alive(pid)


def value_of(status: CallStatus) -> Any:
    assert status.end is CallEnd.SUCCESS, (status.end, status.error)
    assert status.result is not None
    assert status.result.parts is not None
    return load(status.result.parts)


def children_of(pid: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
            except OSError:  # it ended meanwhile
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(name))
    return found


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Make benches; afterwards no process, thread, descriptor or run folder of theirs is left."""
    before = (set(children_of(os.getpid())), set(threading.enumerate()), len(os.listdir("/proc/self/fd")))
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(tmp_path / f"root{len(made)}", **{"worker_processes": 2, **options}))
        return made[-1]

    yield make
    for one in made:
        one.backend.close()
    assert set(children_of(os.getpid())) <= before[0]
    assert set(threading.enumerate()) <= before[1]
    assert len(os.listdir("/proc/self/fd")) <= before[2]
    for one in made:
        assert not (one.root / ".run").exists() or list((one.root / ".run").iterdir()) == []


@pytest.fixture
def two(bench: Callable[..., Bench]) -> Bench:
    """A bench with two workers."""
    return bench()


@pytest.fixture
def single(bench: Callable[..., Bench]) -> Bench:
    """A bench with one worker."""
    return bench(worker_processes=1)
