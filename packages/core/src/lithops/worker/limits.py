"""Keep a worker within its memory, by the operating system where it can."""

from __future__ import annotations

import resource
import sys

__all__ = ["limit_memory"]

_MIB = 1024 * 1024


def limit_memory(memory_mb: int | None) -> bool:
    """Let this process have at most `memory_mb` MiB of private memory; None: no limit. Tell whether it is in force.

    RLIMIT_DATA on Linux counts what the process may write and shares with nobody; RLIMIT_AS would count mapped files
    and libraries too, which a call does not use up. Above the limit an allocation fails: a MemoryError.
    See setrlimit(2).
    """
    if not sys.platform.startswith("linux"):
        return False
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard if memory_mb is None else memory_mb * _MIB
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    return memory_mb is not None
