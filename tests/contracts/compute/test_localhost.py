"""The localhost backend passes the compute kit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import pytest

from lithops.spi.compute import ComputeBackend
from lithops.spi.storage import StorageBackend
from lithops.testing import ComputeContract
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.config import LocalhostConfig
from lithops_localhost.storage import LocalhostStorage


class TestLocalhostCompute(ComputeContract):
    keeps_memory: ClassVar[bool] = sys.platform.startswith("linux")

    @pytest.fixture
    def options(self, tmp_path: Path) -> LocalhostConfig:
        return LocalhostConfig(worker_processes=2, storage_root=str(tmp_path))

    @pytest.fixture
    def backend(self, options: LocalhostConfig) -> ComputeBackend:
        return LocalhostCompute(options)

    @pytest.fixture
    def store(self, options: LocalhostConfig) -> StorageBackend | None:
        return LocalhostStorage(options)
