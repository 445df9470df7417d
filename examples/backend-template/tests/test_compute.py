from __future__ import annotations

from pathlib import Path

import pytest

from lithops.testing import ComputeContract
from lithops_template.compute import TemplateCompute
from lithops_template.config import TemplateConfig
from lithops_template.storage import TemplateStorage


class TestTemplateCompute(ComputeContract):
    keeps_memory = True

    @pytest.fixture
    def backend(self) -> TemplateCompute:
        return TemplateCompute(TemplateConfig())

    @pytest.fixture
    def store(self, tmp_path: Path) -> TemplateStorage:
        return TemplateStorage(TemplateConfig(root=str(tmp_path)))
