"""Where parts begin and end: for any content, separator and cut, the parts make up the object, records whole."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import StorageError
from lithops.worker import data_reader
from lithops.worker.data_reader import PartReader
from lithops.worker.data_sources import FileSource

SIMPLE = [b"\n", b"\r\n", b"|;", "\u2028".encode(), b"<end>", b"--x"]  # none of these overlaps itself
OVERLAPPING = [b"\n\n", b"||", b"aba", b"\r\n\r\n"]


class CountingSource:
    """Bytes in memory, read in short pieces; counts what is read, and holds each run to its end."""

    def __init__(self, content: bytes, longest_read: int = 1 << 30) -> None:
        self.content = content
        self.longest_read = longest_read
        self.runs: list[tuple[int, int]] = []
        self.bytes_read = 0
        self.at = 0
        self.is_closed = False

    def seek(self, start: int, end: int | None) -> None:
        self.at = start
        self.runs.append((start, len(self.content) if end is None else end))

    def readinto(self, buffer: memoryview, /) -> int:
        block = self.content[self.at : min(self.runs[-1][1], self.at + min(len(buffer), self.longest_read))]
        buffer[: len(block)] = block
        self.at += len(block)
        self.bytes_read += len(block)
        return len(block)

    def close(self) -> None:
        self.is_closed = True


def reader(source: CountingSource, start: int, end: int | None, separator: bytes | None) -> PartReader:
    size = None if end is None else len(source.content)
    return PartReader(source, "test", start, end, size, separator)


@contextmanager
def small_blocks(size: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_reader, "BLOCK_BYTES", size)
        patch.setattr(data_reader, "_SEARCH_BYTES", size)
        patch.setattr(data_reader, "_LEAST_MARGIN_BYTES", 1)
        yield


def boundary(content: bytes, separator: bytes, at: int) -> int:
    """The rule, word by word."""
    if at <= 0:
        return 0
    if at >= len(content):
        return len(content)
    found = content.find(separator, max(0, at - len(separator)))
    return len(content) if found < 0 else found + len(separator)


def records(content: bytes, separator: bytes) -> list[bytes]:
    *whole, last = content.split(separator)
    return [record + separator for record in whole] + ([last] if last else [])


@st.composite
def contents(draw: st.DrawFn, separators: list[bytes]) -> tuple[bytes, bytes]:
    separator = draw(st.sampled_from(separators))
    pieces = st.sampled_from([separator, separator[:1], separator[1:], b"a", b"b", b"\n", b"\r", b"word"])
    content = draw(st.one_of(st.lists(pieces, max_size=40).map(b"".join), st.binary(max_size=60)))
    return content, separator


@given(contents(SIMPLE), st.integers(1, 30), st.integers(1, 9), st.integers(1, 9))
def test_each_record_is_in_the_part_in_which_its_first_byte_lies(
    case: tuple[bytes, bytes], chunk: int, block: int, longest_read: int
) -> None:
    content, separator = case
    with small_blocks(block):
        found = [
            reader(CountingSource(content, longest_read), start, min(len(content), start + chunk), separator).readall()
            for start in range(0, len(content), chunk)
        ]
    expected = [b""] * len(found)
    at = 0
    for record in records(content, separator):
        expected[at // chunk] += record
        at += len(record)
    assert found == expected
    assert b"".join(found) == content


@given(contents(SIMPLE + OVERLAPPING), st.lists(st.integers(0, 60)), st.integers(1, 9), st.integers(1, 9))
def test_parts_lie_between_boundaries_for_any_separator_and_any_cuts(
    case: tuple[bytes, bytes], cuts: list[int], block: int, longest_read: int
) -> None:
    content, separator = case
    edges = [0, *sorted(cut for cut in cuts if cut < len(content)), len(content)]
    found = []
    with small_blocks(block):
        for start, end in itertools.pairwise(edges):
            part = reader(CountingSource(content, longest_read), start, end, separator).readall()
            assert part == content[boundary(content, separator, start) : boundary(content, separator, end)]
            found.append(part)
    assert b"".join(found) == content


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_without_a_separator_a_part_is_exact(content: bytes, start: int, length: int) -> None:
    start = min(start, len(content))
    end = min(len(content), start + length)
    source = CountingSource(content)
    assert reader(source, start, end, None).readall() == content[start:end]
    assert source.bytes_read == end - start


@pytest.mark.parametrize("content", [b"", b"\n", b"x", b"x\n", b"\n\n", b"ab"])
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_tiny_objects_are_whole_in_their_parts(content: bytes, chunk: int) -> None:
    starts = range(0, max(1, len(content)), chunk)
    parts = [
        reader(CountingSource(content), start, min(len(content), start + chunk), b"\n").readall() for start in starts
    ]
    assert b"".join(parts) == content
    assert [line for part in parts for line in part.splitlines(True)] == content.splitlines(True)


def test_the_whole_is_read_without_a_search() -> None:
    source = CountingSource(b"no separator here")
    assert reader(source, 0, 17, b"\n").readall() == source.content
    assert source.runs == [(0, 17)]


def test_a_part_that_ends_with_a_separator_reads_no_byte_more() -> None:
    source = CountingSource(b"a\nb\nc\n")
    assert reader(source, 0, 4, b"\n").readall() == b"a\nb\n"
    assert source.bytes_read == 4


def test_a_stream_of_unknown_size_is_read_to_its_end() -> None:
    assert reader(CountingSource(b"a\nb"), 0, None, b"\n").readall() == b"a\nb"


def test_nothing_is_opened_before_the_first_read() -> None:
    source = CountingSource(b"a\nb\n")
    reader(source, 2, 4, b"\n").close()
    assert source.runs == []
    assert source.is_closed


def test_a_usual_part_is_one_run() -> None:
    source = CountingSource(b"a line of text\n" * 100_000)
    part = reader(source, 200_000, 400_000, b"\n").readall()
    assert 199_980 <= len(part) <= 200_020
    assert len(source.runs) == 1
    assert source.runs[0][1] - source.runs[0][0] <= 200_000 + (1 << 16) + 1


def test_parts_of_one_endless_record_read_it_a_bounded_number_of_times() -> None:
    content = bytes(1 << 20)
    sources = [CountingSource(content) for _ in range(256)]
    step = len(content) // len(sources)
    parts = [reader(source, at * step, (at + 1) * step, b"\n").readall() for at, source in enumerate(sources)]
    assert parts[0] == content
    assert not any(parts[1:])
    assert sum(source.bytes_read for source in sources) <= 2 * len(content) + len(sources)
    assert len(sources[0].runs) <= 12  # each twice as long as the last


def test_runs_for_a_long_last_record_do_not_fetch_the_rest_of_the_object() -> None:
    source = CountingSource(b"x" * 300_000 + b"\n" + b"y" * 10_000_000)
    assert len(reader(source, 0, 1000, b"\n").readall()) == 300_001
    assert max(end for _, end in source.runs) < 1_000_000


def test_an_object_that_became_shorter_is_an_error_that_names_it() -> None:
    source = CountingSource(b"short")
    part = PartReader(source, "s3://bucket/key", 0, 10, 20, None)
    with pytest.raises(StorageError, match=r"s3://bucket/key ends at byte 5, but had 20 bytes"):
        part.readall()


def test_a_failure_while_the_beginning_is_searched_loses_nothing_on_the_next_read() -> None:
    class Failing(CountingSource):
        failures = 2

        def readinto(self, buffer: memoryview, /) -> int:
            if self.bytes_read >= 3 and self.failures:
                self.failures -= 1
                raise StorageError("weather")
            return super().readinto(buffer)

    content = b"aaaaaaaaaa\nbbb\ncc\n"
    part = reader(Failing(content, longest_read=2), 4, 13, b"\n")
    pieces = b""
    for _ in range(2):
        with pytest.raises(StorageError, match="weather"):
            part.read(100)
    while piece := part.read(100):
        pieces += piece
    assert pieces == b"bbb\n"


def test_a_closed_part_cannot_be_read() -> None:
    part = reader(CountingSource(b"abc"), 0, 3, b"\n")
    part.close()
    part.close()
    assert part.closed
    with pytest.raises(ValueError, match="closed"):
        part.readall()


def test_an_endless_line_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    size = 64 << 20
    with path.open("wb") as file:
        file.truncate(size)
    block = memoryview(bytearray(1 << 16))
    total = 0
    tracemalloc.start()
    try:
        for start in range(0, size, 8 << 20):
            with PartReader(FileSource(str(path)), "sparse", start, start + (8 << 20), size, b"\n") as part:
                while count := part.readinto(block):
                    total += count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == size
    assert peak < 4 << 20
