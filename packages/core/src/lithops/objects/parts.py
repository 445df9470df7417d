"""Bodies cut into parts, and parts sent by several threads: how an object of any size is written in bounded memory."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, TypeAlias, TypeVar, cast

from lithops.types import Buffer

__all__ = ["Body", "cut", "grown", "send_parts", "size_of"]

Body: TypeAlias = Buffer | Sequence[Buffer] | BinaryIO
T = TypeVar("T")
_GROWS_AFTER = 1000
_WAIT_S = 3600.0


def size_of(body: Body) -> int | None:
    """Count the bytes that are left in a body; None for a stream that cannot tell."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return memoryview(body).nbytes
    if isinstance(body, Sequence):
        return sum(memoryview(buffer).nbytes for buffer in _buffers(body))
    try:
        at = body.tell()
        end = body.seek(0, io.SEEK_END)
        body.seek(at)
    except (AttributeError, OSError, ValueError):  # of a stream that cannot seek, or was made by somebody
        return None
    return max(0, end - at)


def cut(body: Body, part_bytes: Callable[[int], int] | int) -> Iterator[memoryview]:
    """Yield a body in parts of exactly `part_bytes` (or what it gives for the part's number, from 0), the last shorter.

    An empty body gives one empty part. One part is held at a time; a single buffer is not copied. What the body's own
    stream raises comes through.
    """
    size_at = part_bytes if callable(part_bytes) else lambda _: part_bytes
    if isinstance(body, (bytes, bytearray, memoryview)):
        yield from _cut_buffer(memoryview(body).cast("B"), size_at)
    elif isinstance(body, Sequence):
        yield from _cut_pieces((memoryview(buffer).cast("B") for buffer in _buffers(body)), size_at)
    else:
        yield from _cut_pieces(_pieces(body), size_at)


def grown(part_bytes: int) -> Callable[[int], int]:
    """Let parts double in size after each 1,000 of them, so that 10,000 parts (S3's limit) hold any stream."""
    return lambda number: int(part_bytes * 2 ** (number // _GROWS_AFTER))


def send_parts(
    parts: Iterator[memoryview], send: Callable[[int, memoryview], T], *, at_once: int = 4, first: int = 1
) -> list[T]:
    """Send parts by `send(number, part)`, numbered from `first`, in threads; gives what it returned, in their order.

    At most `at_once` + 1 parts are in memory. The first failure ends the rest: it is raised once no thread runs.
    """
    answers: list[T] = []
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="lithops-parts") as pool:
        try:
            for number, part in enumerate(parts, first):
                if len(waiting) == at_once:
                    answers.append(waiting.popleft().result(_WAIT_S))
                waiting.append(pool.submit(send, number, part))
                del part
            while waiting:
                answers.append(waiting.popleft().result(_WAIT_S))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # leaving the block waits for those that run
            raise
    return answers


def _cut_buffer(view: memoryview, size_at: Callable[[int], int]) -> Iterator[memoryview]:
    at = number = 0
    while True:
        size = size_at(number)
        yield view[at : at + size]
        at, number = at + size, number + 1
        if at >= len(view):
            return


def _cut_pieces(pieces: Iterator[memoryview], size_at: Callable[[int], int]) -> Iterator[memoryview]:
    number = 0
    part = bytearray()
    for piece in pieces:
        while len(piece):
            room = size_at(number) - len(part)
            if not room:  # only now is it known that the part is not the last
                yield memoryview(part)
                number, part = number + 1, bytearray()
                continue
            part += piece[:room]
            piece = piece[room:]
    yield memoryview(part)


def _buffers(body: object) -> Sequence[Buffer]:
    return cast(Sequence[Buffer], body)  # the type checker takes a memoryview for a Sequence too, of numbers


def _pieces(stream: BinaryIO) -> Iterator[memoryview]:
    while data := cast(object, stream.read(1 << 20)):
        if isinstance(data, str):
            raise TypeError("cannot write text as an object's bytes: open the file in binary mode, 'rb'")
        yield memoryview(cast(bytes, data))
