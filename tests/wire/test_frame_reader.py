"""A stream of frames gives the same messages however it is cut; what is left open is known."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lithops.errors import WireError
from lithops.types import Buffer
from lithops.wire.envelope import BIG_BLOB_BYTES, FrameReader, Message, decode, encode


def joined(buffers: list[Buffer]) -> bytes:
    return b"".join(bytes(buffer) for buffer in buffers)


def facts(message: Message) -> tuple[str, dict[str, object], list[bytes]]:
    return message.kind, message.header, [bytes(blob) for blob in message.blobs]


def feed(reader: FrameReader, data: bytes, chunks: list[int]) -> list[Message]:
    """Give the reader at most so many bytes at a time, as `recv_into` does; each chunk size is used again and again."""
    messages: list[Message] = []
    at = turn = 0
    while at < len(data):
        room = reader.writable()
        assert len(room) > 0
        count = min(chunks[turn % len(chunks)], len(room), len(data) - at)
        room[:count] = data[at : at + count]
        messages.extend(reader.received(count))
        at, turn = at + count, turn + 1
    return messages


sizes = st.integers(0, 200) | st.sampled_from(
    [BIG_BLOB_BYTES - 1, BIG_BLOB_BYTES, 262_144 - 16 - 60, 262_144, 262_145, 400_000]
)
frames = st.lists(st.lists(sizes, max_size=3), max_size=5)
chunkings = st.lists(
    st.integers(1, 50) | st.sampled_from([16, 4096, 65_536, 262_143, 262_144, 1_000_000]), min_size=1, max_size=5
)


@given(frames, chunkings)
@example([[400_000], [], [262_145, 1]], [1_000_000])
@settings(max_examples=150, deadline=None)
def test_every_chunking_gives_the_same_messages(shapes: list[list[int]], chunks: list[int]) -> None:
    if sum(map(sum, shapes)) > 20_000:
        chunks = [max(chunk, 4096) for chunk in chunks]
    whole = [
        joined(encode(f"kind{at}", {"at": at}, [bytes([at, 65]) * (size // 2) + b"x" * (size % 2) for size in shape]))
        for at, shape in enumerate(shapes)
    ]
    reader = FrameReader()
    messages = feed(reader, b"".join(whole), chunks)
    assert [facts(message) for message in messages] == [facts(decode(frame)) for frame in whole]
    assert not reader.in_frame


def test_byte_by_byte_each_message_comes_with_its_last_byte() -> None:
    reader = FrameReader()
    frame = joined(encode("x", {"n": 1}, [b"blob", b""]))
    for at, byte in enumerate(frame * 2):
        reader.writable()[:1] = bytes([byte])
        found = list(reader.received(1))
        assert len(found) == ((at + 1) % len(frame) == 0)
        assert reader.in_frame == ((at + 1) % len(frame) != 0)


@pytest.mark.parametrize("size", [BIG_BLOB_BYTES, 300_000])
def test_big_blobs_are_writable_and_stay_as_they_are_when_more_comes(size: int) -> None:
    reader = FrameReader()
    first, second = (joined(encode("x", {}, [bytearray(fill * size)])) for fill in (b"a", b"b"))
    messages = feed(reader, first + second + first, [100_000])
    views = [message.blobs[0] for message in messages]
    assert all(isinstance(view, memoryview) and not view.readonly for view in views)
    views[0][:] = b"c" * size  # type: ignore[index]
    assert [bytes(view[:2]) for view in views] == [b"cc", b"bb", b"aa"]


def test_small_blobs_stay_as_they_are_when_more_comes() -> None:
    reader = FrameReader()
    (first,) = feed(reader, joined(encode("x", {}, [b"a" * 1000])), [5000])
    feed(reader, joined(encode("x", {}, [b"b" * 1000])), [5000])
    assert first.blobs == [b"a" * 1000]


@pytest.mark.parametrize("size", [10, 300_000])
def test_rubbish_after_a_sound_frame_is_refused_and_the_frame_is_given(size: int) -> None:
    reader = FrameReader()
    frame = joined(encode("x", {}, [b"a" * size]))
    found = feed(reader, frame, [1 << 20])
    reader.writable()[:16] = b"GET / HTTP/1.1\r\n"
    with pytest.raises(WireError, match="not a Lithops peer"):
        list(reader.received(16))
    assert [message.kind for message in found] == ["x"]


def test_nothing_is_read_after_rubbish_not_even_what_looks_sound() -> None:
    reader = FrameReader()
    frame = joined(encode("x", {}, [b"a"]))
    rubbish = b"rubbish of the user"
    reader.writable()[: len(rubbish)] = rubbish
    with pytest.raises(WireError, match="not a Lithops peer"):
        list(reader.received(len(rubbish)))
    reader.writable()[: len(frame)] = frame
    with pytest.raises(WireError, match="broke before"):
        list(reader.received(len(frame)))
