"""What travels between client and worker: frames with a flat JSON header and opaque blobs. Standard library only.

Nothing here unpickles anything: blobs are pickles only to those who run the user's code.
"""

from lithops.wire.calls import decode_calls, encode_calls
from lithops.wire.envelope import WIRE_VERSION, FrameReader, Message, decode, encode, read_messages
from lithops.wire.output import decode_output
from lithops.wire.status import decode_status, encode_status, expand_stats

__all__ = [
    "WIRE_VERSION",
    "FrameReader",
    "Message",
    "decode",
    "decode_calls",
    "decode_output",
    "decode_status",
    "encode",
    "encode_calls",
    "encode_status",
    "expand_stats",
    "read_messages",
]
