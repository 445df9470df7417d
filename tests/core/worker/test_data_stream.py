"""What users do with `data_stream`: any mix of reads, and the standard library's readers on top."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.worker import data_stream
from lithops.worker.data_stream import DataStream, RecordStream

SEPARATORS = [b"\n", b"\r\n", b"\n\n", b"aba", "\u2028".encode(), b"|"]


class Trickle(io.RawIOBase):
    """A raw stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, longest_read: int = 1 << 30) -> None:
        self._content = io.BytesIO(content)
        self._longest_read = longest_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        block = self._content.read(min(len(buffer), self._longest_read))
        buffer[: len(block)] = block
        return len(block)


def open_stream(content: bytes, separator: bytes, longest_read: int = 1 << 30) -> DataStream | RecordStream:
    raw = Trickle(content, longest_read)
    return DataStream(raw) if separator == b"\n" else RecordStream(raw, separator)


def split(content: bytes, separator: bytes) -> list[bytes]:
    *whole, last = content.split(separator)
    return [record + separator for record in whole] + ([last] if last else [])


contents = st.lists(st.sampled_from([*SEPARATORS, b"a", b"b", b"\n", b"\r", b"word"]), max_size=40).map(b"".join)
reads = st.lists(
    st.tuples(
        st.sampled_from(["read", "read1", "readinto", "readline", "readline-n", "next", "for"]), st.integers(0, 9)
    )
)


@given(contents, st.sampled_from(SEPARATORS), reads, st.integers(1, 9), st.integers(1, 9))
def test_any_mix_of_reads_gives_the_bytes_in_order(
    content: bytes, separator: bytes, operations: list[tuple[str, int]], block: int, longest_read: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_stream, "BLOCK_BYTES", block)
        stream = open_stream(content, separator, longest_read)
        at = 0
        for operation, size in operations:
            rest = content[at:]
            record = next(iter(split(rest, separator)), b"")
            if operation == "read":
                got = stream.read(size)
                assert got == rest[:size]
            elif operation == "read1":
                got = stream.read1(size)
                assert got == rest[: len(got)]
                assert len(got) <= size
                assert bool(got) == bool(rest[:size])
            elif operation == "readinto":
                buffer = bytearray(size)
                got = bytes(buffer[: stream.readinto(buffer)])
                assert got == rest[:size]
            elif operation == "readline":
                got = stream.readline()
                assert got == record
            elif operation == "readline-n":
                got = stream.readline(size)
                assert got == record[:size]
            elif operation == "next":
                got = next(stream, b"")
                assert got == record
            else:
                got = b""
                for got in stream:  # noqa: B007
                    break
                assert got == record
            at += len(got)
        assert stream.read() == content[at:]
        assert stream.read() == b""
        assert stream.readline() == b""


@given(contents, st.sampled_from(SEPARATORS), st.integers(1, 9))
def test_iteration_and_readlines_give_every_record_once(content: bytes, separator: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_stream, "BLOCK_BYTES", block)
        assert list(open_stream(content, separator)) == split(content, separator)
        assert open_stream(content, separator).readlines() == split(content, separator)


@pytest.mark.parametrize("separator", SEPARATORS)
def test_text_csv_and_gzip_read_from_it(separator: bytes) -> None:
    table = b'name,note\nann,"two\nlines"\nbob,\xc3\xa9\n'
    assert io.TextIOWrapper(open_stream(table, separator), "utf-8").read() == table.decode()
    rows = list(csv.reader(io.TextIOWrapper(open_stream(table, separator), "utf-8", newline="")))
    assert rows == [["name", "note"], ["ann", "two\nlines"], ["bob", "\u00e9"]]
    packed = gzip.compress(table * 1000)
    with gzip.open(open_stream(packed, separator, longest_read=100)) as unpacked:
        assert unpacked.read() == table * 1000
    assert json.load(open_stream(b'{"a": [1, 2]}', separator)) == {"a": [1, 2]}


@pytest.mark.parametrize("separator", SEPARATORS)
def test_it_is_a_binary_file_that_closes(separator: bytes) -> None:
    with open_stream(b"a", separator) as stream:
        assert isinstance(stream, io.BufferedIOBase)
        assert stream.readable()
        assert not stream.writable()
        assert not stream.seekable()
    stream.close()
    assert stream.closed


@pytest.mark.parametrize("separator", [b"\n", b"||"])
def test_lines_of_a_long_part_are_read_in_bounded_memory(separator: bytes) -> None:
    content = (b"x" * 998 + separator) * 20_000
    raw = Trickle(content)
    stream = DataStream(raw) if separator == b"\n" else RecordStream(raw, separator)
    tracemalloc.start()
    try:
        assert sum(1 for _ in stream) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 << 20


def test_a_record_of_many_blocks_is_found_with_a_separator_across_two() -> None:
    content = b"x" * ((1 << 20) - 1) + b"||" + b"y" * (5 << 20) + b"||z"
    assert [len(record) for record in RecordStream(Trickle(content), b"||")] == [(1 << 20) + 1, (5 << 20) + 2, 1]


def test_an_iterator_outlives_the_name_of_its_stream() -> None:
    lines = iter(open_stream(b"a\nb\n", b"\n"))
    assert list(lines) == [b"a\n", b"b\n"]
