from pathlib import Path

import pytest
from lithops_template.compute import TemplateCompute
from lithops_template.config import TemplateConfig
from lithops_template.storage import TemplateStorage

from lithops.testing import ComputeContract, StorageContract


class TestTemplateStorage(StorageContract):
    memory_bytes = very_many_keys = 0  # it holds an object whole in memory, and is not for so many

    @pytest.fixture
    def backend(self, tmp_path: Path) -> TemplateStorage:
        return TemplateStorage(TemplateConfig(root=str(tmp_path)))


class TestTemplateCompute(ComputeContract):
    keeps_memory = True
    store = TestTemplateStorage.backend

    @pytest.fixture
    def backend(self) -> TemplateCompute:
        return TemplateCompute(TemplateConfig(max_workers=8))
