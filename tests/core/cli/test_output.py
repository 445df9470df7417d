"""How sizes, counts and foreign text are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.cli.failure import sentence
from lithops.cli.output import count_of, shown, size_of
from lithops.errors import StorageNoSuchKeyError


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (10**9, "1.0 GB"),
        (5 * 10**15, "5,000.0 TB"),
    ],
)
def test_sizes_have_the_unit_that_people_read(size_bytes: int, text: str) -> None:
    assert size_of(size_bytes) == text


def test_counts_have_a_plural() -> None:
    assert [count_of(number, "object") for number in (0, 1, 2000)] == ["0 objects", "1 object", "2,000 objects"]


@given(st.text())
def test_shown_text_is_printable_and_plain_text_is_unchanged(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(shown(text)) == shown(text)
    assert not text.isprintable() or shown(text) == text


class Mute(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (StorageNoSuchKeyError("b", "k"), "there is no object 'k' in bucket 'b': check the key, or list the bucket"),
        (FileNotFoundError(2, "No such file or directory", "a\x1b"), "No such file or directory: 'a\\x1b'"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (TimeoutError("1 of 2 calls had ended"), "TimeoutError: 1 of 2 calls had ended"),
        (ValueError("a\x1b[31m"), "ValueError: a\\x1b[31m"),
        (Mute(), "Mute"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
    ids=repr,
)
def test_an_exception_becomes_a_sentence(exc: Exception, text: str) -> None:
    assert sentence(exc) == text
