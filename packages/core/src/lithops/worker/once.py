"""Run the calls of one message: what a platform's own entry point calls, and a program for pipes and containers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from lithops.errors import WireError
from lithops.types import Buffer
from lithops.wire.calls import decode_calls
from lithops.wire.envelope import decode
from lithops.worker.output import capture
from lithops.worker.run import Runner

__all__ = ["main", "run_frame"]


def run_frame(frame: Buffer, runner: Runner) -> Iterator[list[Buffer]]:
    """Run the calls of a frame in order and yield the frame of each status. Raises `WireError` for a bad frame."""
    for call in decode_calls(decode(frame)):
        yield runner.run(call)


def main() -> int:
    """Read one frame from the standard input; write statuses and output, as frames, to the standard output."""
    out = os.dup(1)
    os.dup2(2, 1)  # what other code prints must not enter the protocol

    def send(buffers: list[Buffer]) -> None:
        for buffer in buffers:
            _write_all(out, buffer)

    runner = Runner(limits_memory=True, flush=capture(send))
    try:
        for status in run_frame(sys.stdin.buffer.read(), runner):
            send(status)
    except WireError as exc:
        print(f"lithops worker: {exc}", file=sys.stderr, flush=True)
        return 1
    return 0


def _write_all(fd: int, buffer: Buffer) -> None:
    view = memoryview(buffer).cast("B")
    while view:
        view = view[os.write(fd, view) :]
