"""What the broken backends stand on: the localhost backend, with what it is given or what it reports changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import ClassVar, TypeAlias

import pytest

from lithops.spi import (
    CallMessage,
    CallOutput,
    CallStatus,
    ComputeBackend,
    Handle,
    JobMessage,
    Refusal,
    Report,
    RuntimeInfo,
    RuntimeSpec,
    StorageBackend,
    Unheard,
)
from lithops.testing import ComputeContract
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.config import LocalhostConfig
from lithops_localhost.storage import LocalhostStorage

Said: TypeAlias = CallStatus | CallOutput | Refusal | Unheard


class BrokenCompute(ComputeBackend):
    """The localhost backend, until a subclass breaks something."""

    features = LocalhostCompute.features
    limits = LocalhostCompute.limits

    def __init__(self, options: LocalhostConfig) -> None:
        self.options = options
        self.inner = LocalhostCompute(options)
        self.given: dict[CallMessage, CallMessage] = {}

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        job = self.change_job(calls[0].job)
        for call in calls:
            self.given[call] = self.change_call(
                CallMessage(job, call.call_id, call.data, call.needs, call.attempt) if job is not call.job else call
            )
        return self.inner.start(runtime, [self.given[call] for call in calls], lambda said: self.hear(said, report))

    def change_job(self, job: JobMessage) -> JobMessage:
        return job

    def change_call(self, call: CallMessage) -> CallMessage:
        return call

    def hear(self, said: Said, report: Report) -> None:
        report(said)

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        self.inner.cancel(handle, [self.given[call] for call in calls])

    def ensure_runtime(self, runtime: RuntimeSpec) -> RuntimeInfo:
        return self.inner.ensure_runtime(runtime)

    def prepare(self) -> None:
        self.inner.prepare()

    def close(self) -> None:
        self.inner.close()


class Broken(ComputeContract):
    """The kit, in a hurry."""

    wait_s: ClassVar[float] = 3.0
    close_s: ClassVar[float] = 2.0
    timeout_s: ClassVar[float] = 0.2
    most_calls: ClassVar[int] = 100
    keeps_memory: ClassVar[bool] = True
    compute: ClassVar[type[BrokenCompute]]

    @pytest.fixture
    def options(self, tmp_path: Path) -> LocalhostConfig:
        return LocalhostConfig(worker_processes=2, storage_root=str(tmp_path))

    @pytest.fixture
    def backend(self, options: LocalhostConfig) -> ComputeBackend:
        return self.compute(options)

    @pytest.fixture
    def store(self, options: LocalhostConfig) -> StorageBackend | None:
        return LocalhostStorage(options)


def planted(test: str, says: str) -> Callable[[type[BrokenCompute]], type[BrokenCompute]]:
    """Make a test class for a backend; `test_kit` reads which test must fail, and what it must say."""

    def register(compute: type[BrokenCompute]) -> type[BrokenCompute]:
        home = compute.__module__
        fields = {"compute": compute, "catches": (test, says), "__module__": home}
        contract: type = getattr(compute, "contract", Broken)
        setattr(sys.modules[home], f"Test{compute.__name__}", type(f"Test{compute.__name__}", (contract,), fields))
        return compute

    return register
