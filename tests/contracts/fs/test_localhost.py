"""The file system over local files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contracts.fs.fs_contract import FileSystemContract

from lithops.spi.storage import StorageBackend
from lithops_localhost.config import LocalhostConfig
from lithops_localhost.storage import LocalhostStorage


class TestLocalhost(FileSystemContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> StorageBackend:
        backend = LocalhostStorage(LocalhostConfig(storage_root=str(tmp_path)))
        backend.create_bucket(self.bucket)
        return backend
