"""The results of other calls that a call needs: when all are there, and how they are given to its worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from lithops.engine.call import Call
from lithops.errors import BackendError
from lithops.types import Payload

if TYPE_CHECKING:
    from lithops.engine.engine import Engine

__all__ = ["await_needs", "needed"]


def await_needs(call: Call, then: Callable[[Call], None]) -> None:
    """Call `then(call)` once, when all that the call needs has ended, on the thread that heard of the last."""
    left = len(call.needs)
    lock = threading.Lock()

    def settled(_need: Call) -> None:
        nonlocal left
        with lock:
            left -= 1
            is_last = left == 0
        if is_last:
            then(call)

    for need in call.needs:
        need.add_done_callback(settled)


def needed(call: Call, engine: Engine) -> tuple[Payload, ...]:
    """Give the results that a call needs, where its worker finds them: inline, or in this executor's store."""
    found: list[Payload] = []
    inline = 0
    for need in call.needs:
        assert need.status is not None
        assert need.status.result is not None
        payload = need.status.result
        if payload.parts is None and need.job.message.store != call.message.store:
            raise BackendError(
                f"call {call.call_id} needs a big result of another executor with another store: "
                "give it the value, by result(), instead of the future"
            )
        found.append(payload)
        inline += payload.size_bytes if payload.parts is not None else 0
    if inline > engine.limits(commits=call.message.commit).max_inline_bytes:
        stored = iter(engine.spill_together(call.job, [one for one in found if one.parts is not None]))
        found = [next(stored) if one.parts is not None else one for one in found]
    return tuple(found)
