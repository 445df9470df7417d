"""The compute kit fits backends that only accept: statuses come by the store, deaths by `poll`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from threading import Lock
from uuid import uuid4

import pytest

from lithops.spi import (
    CallEnd,
    CallMessage,
    CallOutput,
    CallStatus,
    ComputeBackend,
    ComputeFeature,
    Exit,
    Handle,
    Refusal,
    Report,
    RuntimeSpec,
    StorageBackend,
    StorageRef,
    Unheard,
)
from lithops.testing import ComputeContract
from lithops.testing.compute.ends import EndTests
from lithops.testing.compute.payloads import PayloadTests
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.config import LocalhostConfig
from lithops_localhost.storage import LocalhostStorage


class AcceptingCompute(ComputeBackend):
    """The localhost backend behind a platform that reports nothing, and tells deaths when it is asked."""

    features = ComputeFeature.POLL | ComputeFeature.CANCEL
    limits = LocalhostCompute.limits

    def __init__(self, options: LocalhostConfig) -> None:
        self._inner = LocalhostCompute(options)
        self._lock = Lock()
        self._exits: dict[Handle, Exit] = {}

    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        handle = uuid4().hex
        self._inner.start(runtime, calls, lambda said: self._note(handle, said))
        return handle

    def entrust(self, store: StorageRef, credentials: Mapping[str, str]) -> None:
        self._inner.entrust(store, credentials)

    def cancel(self, handle: Handle, calls: Collection[CallMessage]) -> None:
        self._inner.cancel(handle, calls)

    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        with self._lock:
            return {handle: self._exits[handle] for handle in handles if handle in self._exits}

    def close(self) -> None:
        self._inner.close()

    def _note(self, handle: Handle, said: CallStatus | CallOutput | Refusal | Unheard) -> None:
        if isinstance(said, CallStatus) and said.end in (CallEnd.LOST, CallEnd.CANCELLED):
            with self._lock:
                before = self._exits.get(handle)
                calls = {said.call_id, *((before and before.calls) or ())}
                is_full = bool(said.error and said.error.memory_limit)
                self._exits[handle] = Exit(f"it ended as {said.end}", calls=calls, memory_limit=is_full)


class TestAcceptingCompute(ComputeContract):
    @pytest.fixture
    def options(self, tmp_path: Path) -> LocalhostConfig:
        return LocalhostConfig(worker_processes=2, storage_root=str(tmp_path))

    @pytest.fixture
    def backend(self, options: LocalhostConfig) -> ComputeBackend:
        return AcceptingCompute(options)

    @pytest.fixture
    def store(self, options: LocalhostConfig) -> StorageBackend | None:
        return LocalhostStorage(options)


class TestComputeWithoutStore(PayloadTests, EndTests):
    """What needs a store is skipped; all else runs."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> ComputeBackend:
        return LocalhostCompute(LocalhostConfig(worker_processes=2, storage_root=str(tmp_path)))
