"""The compute kit fits backends that reply and take events, in both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contracts.compute.eventful import EventfulCompute

from lithops.spi import ComputeBackend, StorageBackend
from lithops.testing import ComputeEventContract
from lithops.testing.compute.verbs import VerbTests
from lithops_localhost.config import LocalhostConfig
from lithops_localhost.storage import LocalhostStorage


class Eventful:
    @pytest.fixture
    def options(self, tmp_path: Path) -> LocalhostConfig:
        return LocalhostConfig(worker_processes=2, storage_root=str(tmp_path))

    @pytest.fixture
    def backend(self, options: LocalhostConfig) -> ComputeBackend:
        return EventfulCompute(options)

    @pytest.fixture
    def store(self, options: LocalhostConfig) -> StorageBackend | None:
        return LocalhostStorage(options)


class TestEvents(Eventful, ComputeEventContract):
    pass


class TestItsVerbs(Eventful, VerbTests):
    pass
