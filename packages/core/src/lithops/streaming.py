"""Results as they come, from input that is read as it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from typing import Any

from lithops.engine.call import Call
from lithops.future import ResponseFuture
from lithops.submission import Submission, Submitter
from lithops.worker.arguments import Binder

__all__ = ["stream"]


def stream(
    submitter: Submitter, what: Submission, elements: Iterable[Any], number: int, *, ordered: bool, in_flight: int
) -> Iterator[Any]:
    """Yield results; at most `in_flight` calls are submitted and not yielded. What was yielded is forgotten."""
    if in_flight < 1:
        raise ValueError(f"in_flight is {in_flight}: give a number from 1 on")
    largest = max(1, in_flight // 4)
    blocks = submitter.blocks(what, Binder(what.function, what.extra_args), elements, number, largest=largest)
    waiting: deque[Call] = deque()
    ended: SimpleQueue[Call] = SimpleQueue()
    count = 0
    has_more = True
    while True:
        while has_more and count + largest <= in_flight:
            block = next(blocks, None)
            if block is None:
                has_more = False
                break
            count += len(block)
            if ordered:
                waiting.extend(block)
            else:
                for call in block:
                    call.add_done_callback(ended.put)
        if not count:
            return
        call = waiting.popleft() if ordered else ended.get()  # bounded by the engine: every call ends
        count -= 1
        value = ResponseFuture(call).result()
        call.forget_result()
        yield value
