"""Printed text goes line by line, whole and in order, with the call that printed it."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.spi import Artifact, CallMessage, CallOutput, JobMessage, Payload
from lithops.wire.envelope import decode
from lithops.wire.output import decode_output
from lithops.worker import context
from lithops.worker.output import PIECE_CHARACTERS, OutputStream, capture


class Sent:
    """Takes frames and reads them."""

    def __init__(self) -> None:
        self.outputs: list[CallOutput] = []

    def __call__(self, frame: list[Any]) -> None:
        self.outputs.append(decode_output(decode(b"".join(bytes(buffer) for buffer in frame))))

    @property
    def texts(self) -> list[str]:
        return [output.text for output in self.outputs]


@pytest.fixture
def call() -> Iterator[CallMessage]:
    one = CallMessage(JobMessage("e", "M000", Artifact("", Payload((b"",)))), "00003", Payload((b"",)))
    context.begin(one)
    yield one
    context.end()


def make() -> tuple[OutputStream, Sent]:
    sent = Sent()
    return OutputStream("stdout", sent, 1), sent


def test_a_line_is_sent_when_it_is_complete() -> None:
    stream, sent = make()
    print("a", "b", sep="-", end="", file=stream)
    assert sent.texts == []
    print("c", file=stream)
    assert sent.texts == ["a-bc\n"]


def test_what_is_left_is_sent_by_flush_once() -> None:
    stream, sent = make()
    stream.write("no end of line")
    stream.flush()
    stream.flush()
    assert sent.texts == ["no end of line"]


@pytest.mark.usefixtures("call")
def test_text_tells_its_call_and_stream() -> None:
    sent = Sent()
    for name in ("stdout", "stderr"):
        print("x", file=OutputStream(name, sent, 1))
    context.end()
    print("y", file=OutputStream("stdout", sent, 1))
    ids = [(one.executor_id, one.job_id, one.call_id, one.stream) for one in sent.outputs]
    assert ids == [("e", "M000", "00003", "stdout"), ("e", "M000", "00003", "stderr"), (None, None, None, "stdout")]


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)), st.integers(1, 5))
def test_nothing_is_lost_or_reordered(pieces: list[str], every: int) -> None:
    stream, sent = make()
    for at, piece in enumerate(pieces):
        assert stream.write(piece) == len(piece)
        if at % every == 0:
            stream.flush()
    stream.flush()
    assert "".join(sent.texts) == "".join(pieces)


@given(st.binary(max_size=100), st.lists(st.integers(0, 100), max_size=5))
def test_bytes_are_decoded_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    stream, sent = make()
    at = 0
    for cut in sorted(cuts):
        stream.buffer.write(data[at:cut])
        at = max(at, cut)
    stream.buffer.write(data[at:])
    stream.buffer.write(b"\n")  # so that nothing incomplete is kept back
    stream.flush()
    assert "".join(sent.texts) == (data + b"\n").decode("utf-8", "backslashreplace")


def test_a_long_text_goes_in_pieces() -> None:
    stream, sent = make()
    text = "x" * (2 * PIECE_CHARACTERS + 5) + "\n"
    stream.write(text)
    assert "".join(sent.texts) == text
    assert max(map(len, sent.texts)) <= PIECE_CHARACTERS


def test_text_without_line_ends_is_not_kept_for_ever() -> None:
    stream, sent = make()
    for _ in range(100):
        stream.write("x" * 1000)
    assert sum(map(len, sent.texts)) > 100_000 - PIECE_CHARACTERS - 1000


def test_text_that_is_no_unicode_is_escaped() -> None:
    stream, sent = make()
    print("\ud800", file=stream)
    assert sent.texts == ["\\ud800\n"]


def test_only_text_is_written() -> None:
    stream, _ = make()
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"x")  # type: ignore[arg-type]


def test_it_is_what_programs_expect_of_an_output_stream() -> None:
    stream, sent = make()
    assert (stream.encoding, stream.errors, stream.fileno()) == ("utf-8", "backslashreplace", 1)
    assert (stream.writable(), stream.readable(), stream.seekable(), stream.isatty()) == (True, False, False, False)
    stream.reconfigure(line_buffering=True, encoding="utf-8")
    stream.writelines(["a", "b\n"])
    wrapper = io.TextIOWrapper(stream.buffer, write_through=True)  # type: ignore[type-var]
    wrapper.write("wrapped\n")
    log = logging.Logger("test")
    log.addHandler(logging.StreamHandler(stream))
    log.error("logged")
    assert "".join(sent.texts) == "ab\nwrapped\nlogged\n"


def test_closing_the_binary_side_does_not_end_the_stream() -> None:
    stream, sent = make()
    stream.buffer.close()
    print("still here", file=stream)
    assert sent.texts == ["still here\n"]


def test_many_threads_lose_nothing() -> None:
    stream, sent = make()
    count = 300

    def write(name: str) -> None:
        for number in range(count):
            stream.write(f"{name}{number}\n")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    finally:
        sys.setswitchinterval(interval)
    stream.flush()
    lines = "".join(sent.texts).splitlines()
    assert sorted(lines) == sorted(f"{name}{number}" for name in "abcd" for number in range(count))


def test_capture_takes_both_streams_over_for_good() -> None:
    program = """
import sys, lithops.worker.output as output
from lithops.wire.envelope import decode
from lithops.wire.output import decode_output
frames = []
real = sys.stdout
flush = output.capture(frames.append)
print("out", end="")
print("err", end="", file=sys.stderr)
sys.__stdout__.write("again")
flush()
said = [decode_output(decode(b"".join(map(bytes, frame)))) for frame in frames]
real.write(repr([(one.stream, one.text) for one in said]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[('stdout', 'outagain'), ('stderr', 'err')]"
    assert callable(capture)
