from __future__ import annotations

from pathlib import Path

import pytest

from lithops.testing import StorageContract
from lithops_template.config import TemplateConfig
from lithops_template.storage import TemplateStorage


class TestTemplateStorage(StorageContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> TemplateStorage:  # type: ignore[override]
        return TemplateStorage(TemplateConfig(root=str(tmp_path)))
