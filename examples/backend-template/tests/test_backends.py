from pathlib import Path

import pytest
from lithops_template.compute import TemplateCompute
from lithops_template.config import TemplateConfig
from lithops_template.storage import TemplateStorage

from lithops.testing import ComputeContract, StorageContract


class TestTemplateStorage(StorageContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> TemplateStorage:
        return TemplateStorage(TemplateConfig(root=str(tmp_path)))


class TestTemplateCompute(ComputeContract):
    keeps_memory = True

    @pytest.fixture
    def backend(self) -> TemplateCompute:
        return TemplateCompute(TemplateConfig(max_workers=8))

    @pytest.fixture
    def store(self, tmp_path: Path) -> TemplateStorage:
        return TemplateStorage(TemplateConfig(root=str(tmp_path)))
