"""What runs inside Lambda: `handler` takes one call, or the question what this runtime is.

{"lithops": "<frame of the call, base64>"}  -->  {"status": "<frame>", "output": "<frames, back to back>"}, both base64
{"lithops-runtime": true}                   -->  {"python": "3.11", "wire": 1, ...}

The worker is imported here, while Lambda prepares a new sandbox; the store's SDK only when a call needs it.
"""

from __future__ import annotations

import binascii
import os
import sys
import time
from collections import deque
from functools import partial
from typing import Any

import cloudpickle  # noqa: F401 - nearly every function needs it, and a sandbox's start has time for it

from lithops._version import __version__
from lithops.errors import WireError
from lithops.types import Buffer, CallEnd, CallMessage, CallStatus, ErrorInfo
from lithops.wire.calls import decode_calls
from lithops.wire.envelope import WIRE_VERSION, decode
from lithops.wire.output import encode_output
from lithops.wire.status import decode_status, encode_status
from lithops.worker.output import OutputStream
from lithops.worker.overtime import Watch
from lithops.worker.run import Runner

__all__ = ["handler"]

MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""Lambda answers at most 6 MB, and base64 is most of that: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

MAX_OUTPUT_BYTES = 1024 * 1024
"""What is printed beyond this comes in the function's log only; of more, the last is kept."""

LAST_WORDS_S = 1.0
"""How long before Lambda ends the function a call is given up whose end must be told in the store."""

UNWRITTEN_EXIT_CODE = 74  # EX_IOERR of sysexits.h

_LOST_OUTPUT = "(lithops: what was printed before is in the function's log)\n"
_PIECE_BYTES = 64 * 1024
_FRAME_BYTES = 512  # what a message has besides the text, at most


class _Output:
    """Keeps what the call prints, and writes it to the function's log."""

    def __init__(self) -> None:
        self.is_kept = False
        self._pieces: deque[tuple[str, bytearray]] = deque()
        self._size = 0
        self._is_cut = False
        self._streams = tuple(
            OutputStream(name, partial(self._take, name, fileno), fileno)
            for name, fileno in (("stdout", 1), ("stderr", 2))
        )

    def begin(self, *, keeps: bool) -> None:
        """Take over the standard streams, also from a call that put others there."""
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[assignment, misc]
        self.is_kept = keeps
        self._pieces.clear()
        self._size = 0
        self._is_cut = False

    def flush(self) -> None:
        """Take what has no end of line yet."""
        for stream in self._streams:
            stream.flush()

    def frames(self, call: CallMessage, room: int) -> bytes:
        """Give what was kept, at most `room` bytes of it, as messages."""
        self.flush()
        self._drop(room)
        said = [(name, piece.decode("utf-8", "replace")) for name, piece in self._pieces]
        if self._is_cut:
            said.insert(0, ("stderr", _LOST_OUTPUT))
        return b"".join([part for name, text in said for part in encode_output(call, name, text)])

    def _take(self, name: str, fileno: int, frame: list[Any]) -> None:
        text: bytes = frame[1]
        write_all(fileno, text)
        if not self.is_kept:
            return
        if self._pieces and self._pieces[-1][0] == name and len(self._pieces[-1][1]) < _PIECE_BYTES:
            self._pieces[-1][1].extend(text)
        else:
            self._pieces.append((name, bytearray(text)))
            self._size += _FRAME_BYTES
        self._size += len(text)
        self._drop(MAX_OUTPUT_BYTES)

    def _drop(self, room: int) -> None:
        while self._pieces and self._size > room:
            self._size -= len(self._pieces.popleft()[1]) + _FRAME_BYTES
            self._is_cut = True


# Lambda has no semaphores of POSIX: joblib would warn of that, in each new sandbox, where functions or batches use it.
os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")

_output = _Output()
_runner = Runner(flush=_output.flush)
_watch = Watch(_runner.give_up)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Run the call that an event brings. Raises `WireError` for one that cannot be read, and what the store raises."""
    began = time.monotonic()
    if not isinstance(event, dict) or not isinstance(event.get("lithops"), str):
        if isinstance(event, dict) and event.get("lithops-runtime"):
            return _about()
        raise WireError("an event came that is no call of Lithops: invoke this function by Lithops only")
    call = _decode(event["lithops"])
    pid = os.getpid()
    job = call.job
    _output.begin(keeps=not job.commit)
    write_all(1, f"lithops {job.job_key} {call.call_id} {call.attempt} {context.aws_request_id}\n".encode())
    left_s = context.get_remaining_time_in_millis() / 1000 - (time.monotonic() - began)
    tells = job.store is not None and (
        job.commit or (job.commit_after_s is not None and job.commit_after_s < min(left_s, job.timeout_s or left_s))
    )
    if tells:
        left_s -= min(LAST_WORDS_S, left_s / 10)
    if tells or (job.timeout_s is not None and job.timeout_s < left_s):
        _watch.begin(call, left_s if job.timeout_s is None else min(left_s, job.timeout_s), tells=tells)
    try:
        frame = _runner.run(call)
    except Exception as exc:  # the store's, when the status cannot be written
        if job.commit:  # nobody hears an exception; how a process ended is told by the function's log
            write_all(2, f"lithops: the status could not be written: {type(exc).__name__}: {exc}\n".encode())
            os._exit(UNWRITTEN_EXIT_CODE)
        raise
    finally:
        _watch.end()
    if os.getpid() != pid:  # a fork that the function made and that came back here: its parent has the call
        os._exit(0)
    if job.commit:
        return {}
    return _answer(call, frame)


def _decode(text: str) -> CallMessage:
    try:
        frame = bytearray(binascii.a2b_base64(text, strict_mode=True))  # so that arrays can be written
    except ValueError as exc:
        raise WireError(f"an event's call is not base64: {exc}") from None
    calls = decode_calls(decode(frame))
    if len(calls) != 1:
        raise WireError(f"an event has {len(calls)} calls: this runtime takes one at a time")
    return calls[0]


def _answer(call: CallMessage, frame: list[Buffer]) -> dict[str, str]:
    status = b"".join(frame)
    if len(status) > MAX_ANSWER_BYTES * 3 // 4:
        status = b"".join(_shorter(call, status))
    answer = {"status": binascii.b2a_base64(status, newline=False).decode()}
    room = (MAX_ANSWER_BYTES - len(answer["status"])) * 3 // 4
    output = _output.frames(call, room)
    if output:
        answer["output"] = binascii.b2a_base64(output, newline=False).decode()
    return answer


def _shorter(call: CallMessage, frame: bytes) -> list[Buffer]:
    """Say without its big part how a call ended: a result that nothing could store, or an exception with much in it."""
    status = decode_status(decode(frame))
    error = status.error
    if error is not None:
        return encode_status(CallStatus.of(call, status.end, error._replace(payload=None)), {})
    reason = (
        f"the result has {len(frame)} bytes, more than Lambda's answers take: configure a storage that the function may "
        "write to, or return less"
    )
    return encode_status(CallStatus.of(call, CallEnd.ERROR, ErrorInfo("lithops.errors.SerializationError", reason)), {})


def _about() -> dict[str, Any]:
    return {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "wire": WIRE_VERSION[0],
        "lithops": __version__,
        "architecture": os.uname().machine,
    }


def write_all(fileno: int, text: bytes) -> None:
    """Write to the function's log."""
    view = memoryview(text)
    try:
        while view:
            view = view[os.write(fileno, view) :]
    except OSError:  # the function closed it: the answer has what it printed
        return
