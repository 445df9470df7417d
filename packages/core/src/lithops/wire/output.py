"""The message that carries what a call printed."""

from __future__ import annotations

from lithops.errors import WireError
from lithops.types import Buffer, CallMessage, CallOutput
from lithops.wire.envelope import Message, encode

__all__ = ["OUTPUT", "decode_output", "encode_output"]

OUTPUT = "output"


def encode_output(call: CallMessage | None, stream: str, text: str) -> list[Buffer]:
    """Make the frame of a piece of text; `stream` is "stdout" or "stderr"."""
    header = {"stream": stream}
    if call is not None:
        header |= {"executor_id": call.job.executor_id, "job_id": call.job.job_id, "call_id": call.call_id}
    return encode(OUTPUT, header, [text.encode("utf-8", "backslashreplace")])


def decode_output(message: Message) -> CallOutput:
    """Read a message of kind "output". Raises `WireError`."""
    header = message.header
    ids = [header.get(name) for name in ("executor_id", "job_id", "call_id")]
    stream = header.get("stream")
    if message.kind != OUTPUT or len(message.blobs) != 1 or stream not in ("stdout", "stderr"):
        raise WireError("a message of output is malformed")
    if not all(one is None or type(one) is str for one in ids):
        raise WireError("a message of output has malformed ids")
    return CallOutput(ids[0], ids[1], ids[2], stream, bytes(message.blobs[0]).decode("utf-8", "replace"))
