"""More memory for the next attempt of a call that reached its limit."""

from __future__ import annotations

import math

from lithops.engine.call import Call

__all__ = ["give_more_memory"]


def give_more_memory(call: Call, bounds: tuple[int, int] | None) -> None:
    """Multiply a call's memory by its job's `Retry.memory_factor`, as far as the platform's `bounds` (in MB) go.

    A call whose memory nobody named keeps what it has.
    """
    factor, runtime = call.job.retry.memory_factor, call.runtime
    if factor == 1.0 or runtime.memory_mb is None:
        return
    wanted = math.ceil(runtime.memory_mb * factor)
    memory_mb = min(wanted, bounds[1]) if bounds is not None else wanted
    call.runtime = runtime._replace(memory_mb=memory_mb)
    call.message = call.message._replace(memory_mb=memory_mb)
