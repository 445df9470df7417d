"""What the broken stores stand on. Each has one planted fault, and names the test of the kit that must catch it."""

from __future__ import annotations

from typing import ClassVar

import pytest

from lithops.objects.parts import Body
from lithops.spi.storage import StorageBackend
from lithops.testing import MemoryStorage, StorageContract

__all__ = ["Body", "Broken"]


class Broken(StorageContract):
    """`catches` names the test that must fail; each class names its store by `store`."""

    is_shared: ClassVar[bool] = False
    big_bytes: ClassVar[int] = 300_000
    multipart_bytes: ClassVar[int] = 3 << 20
    memory_bytes: ClassVar[int] = 0
    many_keys: ClassVar[int] = 1010
    store: ClassVar[type[MemoryStorage]]
    catches: ClassVar[str]

    @pytest.fixture
    def backend(self) -> StorageBackend:
        return self.store()
