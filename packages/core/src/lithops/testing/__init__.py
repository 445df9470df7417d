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
    from lithops.testing.broker import BrokerContract
    from lithops.testing.compute.contract import ComputeContract, ComputeEventContract
    from lithops.testing.compute_faulty import ComputeFault, FaultyCompute
    from lithops.testing.storage.contract import StorageContract
    from lithops.testing.storage.fault_proxy import FaultProxy
    from lithops.testing.storage.http import HttpStorageContract
    from lithops.testing.storage.http_faults import Answer, HttpFault, HttpRequest
    from lithops.testing.storage_faulty import Fault, FaultyStorage
    from lithops.testing.storage_memory import MemoryStorage

__all__ = [
    "Answer",
    "BrokerContract",
    "ComputeContract",
    "ComputeEventContract",
    "ComputeFault",
    "Fault",
    "FaultProxy",
    "FaultyCompute",
    "FaultyStorage",
    "HttpFault",
    "HttpRequest",
    "HttpStorageContract",
    "MemoryStorage",
    "StorageContract",
]

_HOMES = {
    "Answer": "lithops.testing.storage.http_faults",
    "HttpFault": "lithops.testing.storage.http_faults",
    "HttpRequest": "lithops.testing.storage.http_faults",
    "FaultProxy": "lithops.testing.storage.fault_proxy",
    "HttpStorageContract": "lithops.testing.storage.http",
    "BrokerContract": "lithops.testing.broker",
    "ComputeContract": "lithops.testing.compute.contract",
    "ComputeEventContract": "lithops.testing.compute.contract",
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
    pytest = sys.modules.get("pytest")
    if pytest is not None and package not in (__name__, *sys.modules):
        pytest.register_assert_rewrite(package)  # so that a failing test of the kit shows its values
    return getattr(import_module(home), name)
