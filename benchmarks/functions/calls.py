"""Messages of calls, made without an executor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from lithops.types import Artifact, CallMessage, JobMessage, Payload
from lithops.worker.pickles import dump

__all__ = ["one_call"]

INLINE_BYTES = 1024 * 1024


def one_call(function: Callable[..., Any], *args: object) -> CallMessage:
    """Make a call of a function that travels by value."""
    parts = dump(function)
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    job = JobMessage("bench", "A000", Artifact(digest, Payload(parts)), "function", results_inline_max=INLINE_BYTES)
    return CallMessage(job, "00000", Payload(dump((args, {}))))
