"""The contract for those who write a backend: the two ABCs, the hooks, and the values that they use.

`lithops.spi.hooks` is what a `plugin.py` imports; everything else of the contract is exported here, each name imported
when it is first used: a worker opens a store without the half for compute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops.spi.compute import (
        Check,
        ComputeBackend,
        ComputeFeature,
        Cost,
        Exit,
        Limits,
        LogLine,
        Refusal,
        Report,
        RuntimeInfo,
        RuntimeSpec,
        Unheard,
    )
    from lithops.spi.monitoring import StatusBroker
    from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
    from lithops.spi.version import SPI_VERSION
    from lithops.types import (
        Artifact,
        BrokerRef,
        Buffer,
        CallEnd,
        CallMessage,
        CallOutput,
        CallStatus,
        ErrorInfo,
        Handle,
        JobMessage,
        ObjectInfo,
        Payload,
        Span,
        StorageRef,
    )

__all__ = [
    "SPI_VERSION",
    "Artifact",
    "BrokerRef",
    "Buffer",
    "ByteStream",
    "CallEnd",
    "CallMessage",
    "CallOutput",
    "CallStatus",
    "Check",
    "ComputeBackend",
    "ComputeFeature",
    "Cost",
    "ErrorInfo",
    "Exit",
    "Handle",
    "JobMessage",
    "Limits",
    "LogLine",
    "ObjectInfo",
    "Payload",
    "Refusal",
    "Report",
    "RuntimeInfo",
    "RuntimeSpec",
    "Span",
    "StatusBroker",
    "StorageBackend",
    "StorageFeature",
    "StorageRef",
    "Unheard",
]

_HOMES = {
    "Artifact": "lithops.types",
    "BrokerRef": "lithops.types",
    "Buffer": "lithops.types",
    "ByteStream": "lithops.spi.storage",
    "CallEnd": "lithops.types",
    "CallMessage": "lithops.types",
    "CallOutput": "lithops.types",
    "CallStatus": "lithops.types",
    "Check": "lithops.spi.compute",
    "ComputeBackend": "lithops.spi.compute",
    "ComputeFeature": "lithops.spi.compute",
    "Cost": "lithops.spi.compute",
    "ErrorInfo": "lithops.types",
    "Exit": "lithops.spi.compute",
    "Handle": "lithops.types",
    "JobMessage": "lithops.types",
    "Limits": "lithops.spi.compute",
    "LogLine": "lithops.spi.compute",
    "ObjectInfo": "lithops.types",
    "Payload": "lithops.types",
    "Refusal": "lithops.spi.compute",
    "Report": "lithops.spi.compute",
    "RuntimeInfo": "lithops.spi.compute",
    "RuntimeSpec": "lithops.spi.compute",
    "SPI_VERSION": "lithops.spi.version",
    "Span": "lithops.types",
    "StatusBroker": "lithops.spi.monitoring",
    "StorageBackend": "lithops.spi.storage",
    "StorageFeature": "lithops.spi.storage",
    "StorageRef": "lithops.types",
    "Unheard": "lithops.spi.compute",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lithops.spi' has no attribute '{name}'")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value
