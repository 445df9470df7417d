"""The frame: 16 bytes of prefix, a JSON header, blobs back to back. Encoding, decoding, reading from a stream.

    +------+--------------+-------------+-------------+--------+--------+--
    | LTH1 | header u32   | body u64    | header JSON | blob 0 | blob 1 | ...
    +------+--------------+-------------+-------------+--------+--------+--

The header has "v" ([major, minor]), "kind", and "blobs" (the length of each blob in bytes); numbers are big-endian.
"frozen" lists the big blobs that the receiver need not be able to write.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from lithops.errors import WireError, WireVersionError
from lithops.types import Buffer
from lithops.wire.small_status import SMALL_KIND, match_small
from lithops.wire.version import WIRE_VERSION

__all__ = ["WIRE_VERSION", "FrameReader", "Message", "decode", "encode", "read_messages"]

MAGIC = b"LTH1"
MAX_HEADER_BYTES = 64 * 1024 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024 * 1024
MAX_STREAM_FRAME_BYTES = 512 * 1024 * 1024
"""On a stream: what a peer may make us allocate. Bigger inputs and results go through a store."""

BIG_BLOB_BYTES = 64 * 1024
"""From this length on a blob is a writable view, so that arrays made on it can be written; below, bytes."""

_PREFIX = struct.Struct(">4sIQ")
_FIRST_ROOM_BYTES = 8 * 1024 * 1024
_BUFFER_BYTES = 256 * 1024
_encode_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Message:
    """One decoded frame: its kind, its header as JSON text and as values, and its blobs.

    `small` is set for a header whose form is known (`lithops.wire.small_status`): then its JSON is read when asked for.
    """

    __slots__ = ("_header", "blobs", "header_json", "kind", "small")

    def __init__(
        self,
        kind: str,
        header: dict[str, Any] | None,
        header_json: bytes,
        blobs: list[Buffer],
        small: re.Match[bytes] | None = None,
    ) -> None:
        self.kind = kind
        self.header_json = header_json
        self.blobs = blobs
        self.small = small
        self._header = header

    @property
    def header(self) -> dict[str, Any]:
        """The header's values."""
        if self._header is None:
            self._header = json.loads(self.header_json)
        return self._header


def frame_text(text: str, blob: Buffer) -> list[Buffer]:
    """Make a frame of a header that is JSON text already, and that names its one blob."""
    header = text.encode()
    return [_PREFIX.pack(MAGIC, len(header), len(blob)) + header, blob]


def encode(kind: str, header: dict[str, Any], blobs: Sequence[Buffer] = ()) -> list[Buffer]:
    """Make a frame, as buffers to be sent in order. The first has all but the blobs, which are not copied."""
    fields = {"v": WIRE_VERSION, "kind": kind, **header}
    body = 0
    if blobs:
        sizes = [memoryview(blob).nbytes if isinstance(blob, memoryview) else len(blob) for blob in blobs]
        fields["blobs"] = sizes
        body = sum(sizes)
        if body >= BIG_BLOB_BYTES:
            frozen = [at for at, blob in enumerate(blobs) if sizes[at] >= BIG_BLOB_BYTES and memoryview(blob).readonly]
            if frozen:
                fields["frozen"] = frozen
    text = _encode_json(fields).encode()
    return [_PREFIX.pack(MAGIC, len(text), body) + text, *blobs]


def decode(frame: Buffer) -> Message:
    """Read one whole frame. Raises `WireError` for anything that is not exactly one well-formed frame."""
    view = memoryview(frame)
    if len(view) < _PREFIX.size:
        raise WireError(f"a message of {len(view)} bytes is truncated: it needs at least {_PREFIX.size}; send it again")
    header_size, body_size = _sizes(view)
    start = _PREFIX.size + header_size
    if len(view) != start + body_size:
        raise WireError(
            f"a message has {len(view)} bytes but announces {start + body_size}: it was truncated or joined on its way"
        )
    return _parse(bytes(view[_PREFIX.size : start]), view[start:])


def read_messages(stream: BinaryIO, max_frame_bytes: int = MAX_STREAM_FRAME_BYTES) -> Iterator[Message]:
    """Yield the messages of a file or pipe as they come, until its end. Raises `WireError`, also for an end in a message."""
    reader = FrameReader(max_frame_bytes)
    while True:
        room = reader.writable()
        count = stream.readinto1(room) if hasattr(stream, "readinto1") else stream.readinto(room)  # type: ignore[attr-defined]
        if not count:
            break
        yield from reader.received(count)
    if reader.in_frame:
        raise WireError("a stream of messages ended in the middle of one: its sender died")


class FrameReader:
    """Cut a stream of bytes into messages, without copying big ones twice.

    Receive into `writable()`, then pass the number of bytes to `received`. `max_frame_bytes` bounds what a peer
    can make us allocate. Not thread-safe. After a `WireError` it gives no further message: what follows rubbish may be
    meant to look like one.
    """

    def __init__(self, max_frame_bytes: int = MAX_STREAM_FRAME_BYTES) -> None:
        self._max = max_frame_bytes
        self._small = bytearray(_BUFFER_BYTES)
        self._small_view = memoryview(self._small)
        self._filled = 0
        self._big: memoryview | None = None
        self._big_filled = 0
        self._big_total = 0
        self._spare: memoryview | None = None
        self._is_broken = False

    @property
    def in_frame(self) -> bool:
        """Whether a frame has begun and is not complete."""
        return self._filled > 0 or self._big is not None

    def writable(self) -> memoryview:
        """Give the room for the next bytes; never empty."""
        if self._big is not None:
            return self._big[self._big_filled : self._big_total]
        return self._small_view[self._filled :]

    def received(self, count: int) -> Iterator[Message]:
        """Take note of `count` new bytes; yield the messages that they complete. Raises `WireError`."""
        if self._is_broken:
            raise WireError("this stream of messages broke before: nothing more is read from it")
        self._is_broken = True  # until the bytes turn out to be in order
        yield from self._received(count)
        self._is_broken = False

    def _received(self, count: int) -> Iterator[Message]:
        if self._big is not None:
            self._big_filled += count
            if self._big_filled == self._big_total:
                frame, self._big, self._big_filled = self._big, None, 0
                message = decode(frame[: self._big_total])
                if all(isinstance(blob, bytes) for blob in message.blobs):
                    self._spare = frame  # nobody has a view of it: its pages serve the next big frame
                yield message
            elif self._big_filled == len(self._big):  # room is made as bytes come, not as they are announced
                bigger = memoryview(bytearray(min(self._big_total, 2 * len(self._big))))
                bigger[: self._big_filled] = self._big
                self._big = bigger
            return
        end = self._filled + count
        at = 0
        view = self._small_view
        while end - at >= _PREFIX.size:
            header_size, body_size = _sizes(view[at : at + _PREFIX.size])
            total = _PREFIX.size + header_size + body_size
            if total > self._max:
                raise WireError(f"a message announces {total} bytes, over the limit of {self._max}: it is refused")
            if total > end - at:
                if total > len(self._small):
                    big, self._spare = self._spare, None
                    if big is None or len(big) < min(total, _FIRST_ROOM_BYTES):
                        big = memoryview(bytearray(min(total, _FIRST_ROOM_BYTES)))
                    big[: end - at] = view[at:end]
                    self._big, self._big_filled, self._big_total, self._filled = big, end - at, total, 0
                    return
                break
            body = at + _PREFIX.size + header_size
            message = _parse(bytes(view[at + _PREFIX.size : body]), view[body : at + total], copy=True)
            at += total
            yield message
        if at:
            self._small[: end - at] = self._small[at:end]
        self._filled = end - at


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


# Made once: `json.loads` with an option makes a decoder for each call, and costs twice the time.
_scan_json: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(parse_constant=_no_constant).scan_once  # type: ignore[attr-defined]


def _sizes(prefix: memoryview) -> tuple[int, int]:
    magic, header_size, body_size = _PREFIX.unpack_from(prefix)
    if magic != MAGIC:
        raise WireError(f"a message begins with {bytes(magic)!r}, not {MAGIC!r}: the sender is not a Lithops peer")
    if header_size > MAX_HEADER_BYTES or body_size > MAX_BODY_BYTES:
        raise WireError(f"a message announces a header of {header_size} and a body of {body_size} bytes: it is refused")
    return header_size, body_size


def _parse(text: bytes, body: memoryview, *, copy: bool = False) -> Message:
    small = match_small(text)
    if small is not None and int(small[7]) == len(body) < BIG_BLOB_BYTES:
        return Message(SMALL_KIND, None, text, [bytes(body)], small)
    try:
        plain = text.decode()
        header, end = _scan_json(plain, 0)
        if end != len(plain):
            raise WireError("a message's header has more than one JSON value")
    except StopIteration:
        raise WireError("a message's header is not JSON") from None
    except WireError:
        raise
    except (ValueError, RecursionError) as exc:
        raise WireError(f"a message's header is not JSON: {exc}") from None
    if not isinstance(header, dict):
        raise WireError("a message's header is not a JSON object")
    version = header.get("v")
    if type(version) is not list or not version or type(version[0]) is not int:
        raise WireError("a message has no version: the sender is not a Lithops peer")
    if version[0] != WIRE_VERSION[0]:
        raise WireVersionError(
            f"a message of wire version {version[0]} reached a reader of version {WIRE_VERSION[0]}: "
            "use the same Lithops release at both ends, or rebuild the runtime"
        )
    kind = header.get("kind")
    if type(kind) is not str:
        raise WireError("a message has no kind")
    return Message(kind, header, text, _blobs(header.get("blobs"), header.get("frozen"), body, copy))


def _blobs(sizes: Any, frozen: Any, body: memoryview, copy: bool) -> list[Buffer]:
    if sizes is None:
        sizes = []
    if type(sizes) is not list or not all(type(size) is int and size >= 0 for size in sizes):
        raise WireError("a message's blob sizes are malformed")
    if sum(sizes) != len(body):
        raise WireError(f"a message's blobs should have {sum(sizes)} bytes but have {len(body)}")
    if frozen is None:
        frozen = ()
    elif type(frozen) is not list or not all(type(at) is int for at in frozen):
        raise WireError("a message's frozen blobs are malformed")
    blobs: list[Buffer] = []
    at = 0
    for number, size in enumerate(sizes):
        part = body[at : at + size]
        if size < BIG_BLOB_BYTES or number in frozen:
            blobs.append(bytes(part))
        elif copy or part.readonly:
            blobs.append(memoryview(bytearray(part)))
        else:
            blobs.append(part)
        at += size
    return blobs
