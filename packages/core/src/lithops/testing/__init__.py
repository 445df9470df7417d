"""For those who write a backend: the conformance kit, and doubles that pass it. Names are imported on first use.

from lithops.testing import StorageContract

class TestAcmeStorage(StorageContract):
    @pytest.fixture
    def backend(self):
        return AcmeStorage(AcmeConfig(...))
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops.testing.compute.contract import ComputeContract
    from lithops.testing.compute_faulty import ComputeFault, FaultyCompute
    from lithops.testing.storage.contract import StorageContract
    from lithops.testing.storage_faulty import Fault, FaultyStorage
    from lithops.testing.storage_memory import MemoryStorage

__all__ = [
    "ComputeContract",
    "ComputeFault",
    "Fault",
    "FaultyCompute",
    "FaultyStorage",
    "MemoryStorage",
    "StorageContract",
]

_HOMES = {
    "ComputeContract": "lithops.testing.compute.contract",
    "ComputeFault": "lithops.testing.compute_faulty",
    "FaultyCompute": "lithops.testing.compute_faulty",
    "Fault": "lithops.testing.storage_faulty",
    "FaultyStorage": "lithops.testing.storage_faulty",
    "MemoryStorage": "lithops.testing.storage_memory",
    "StorageContract": "lithops.testing.storage.contract",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lithops.testing' has no attribute '{name}'")
    package = home.rpartition(".")[0]
    if name.endswith("Contract") and package not in sys.modules:
        import pytest

        pytest.register_assert_rewrite(package)  # so that a failing test of the kit shows its values
    return getattr(import_module(home), name)
