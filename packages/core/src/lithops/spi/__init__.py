"""The contract for those who write a backend: the two ABCs, the hooks, and the values that they use.

`lithops.spi.hooks` is what a `plugin.py` imports; everything else of the contract is exported here.
"""

from lithops.spi.compute import (
    Check,
    ComputeBackend,
    ComputeFeature,
    Exit,
    Limits,
    LogLine,
    Report,
    RuntimeInfo,
    RuntimeSpec,
)
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.spi.version import SPI_VERSION
from lithops.types import (
    Artifact,
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
    "ByteStream",
    "CallEnd",
    "CallMessage",
    "CallOutput",
    "CallStatus",
    "Check",
    "ComputeBackend",
    "ComputeFeature",
    "ErrorInfo",
    "Exit",
    "Handle",
    "JobMessage",
    "Limits",
    "LogLine",
    "ObjectInfo",
    "Payload",
    "Report",
    "RuntimeInfo",
    "RuntimeSpec",
    "Span",
    "StorageBackend",
    "StorageFeature",
    "StorageRef",
]
