from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from lithops_template.compute import TemplateCompute
from lithops_template.config import TemplateConfig
from lithops_template.storage import TemplateStorage

from lithops.spi import ComputeBackend, StorageBackend
from lithops.testing import ComputeContract


class TestTemplateCompute(ComputeContract):
    keeps_memory: ClassVar[bool] = True

    @pytest.fixture
    def backend(self) -> ComputeBackend:
        return TemplateCompute(TemplateConfig(max_workers=8))

    @pytest.fixture
    def store(self, tmp_path: Path) -> StorageBackend | None:
        return TemplateStorage(TemplateConfig(root=str(tmp_path)))
