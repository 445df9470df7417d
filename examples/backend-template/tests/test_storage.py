from __future__ import annotations

from pathlib import Path

import pytest
from lithops_template.config import TemplateConfig
from lithops_template.storage import TemplateStorage

from lithops.spi import StorageBackend
from lithops.testing import StorageContract


class TestTemplateStorage(StorageContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> StorageBackend:
        return TemplateStorage(TemplateConfig(root=str(tmp_path)))
