"""Which keys a pattern matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.jobs.partition_patterns import compile_pattern, literal_prefix


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("*.csv", ["a.csv", ".csv", ".a.csv"], ["d/a.csv", "a.csvx", "a_csv"]),
        ("d/*/x", ["d/a/x", "d//x"], ["d/a/b/x", "d/x"]),
        ("d/?", ["d/a", "d/\u00e9"], ["d/", "d/ab", "d//"]),
        ("**", ["a", "a/b", ""], []),
        ("d/**", ["d/a", "d/a/b", "d/"], ["d", "e/d/a"]),
        ("d/**/x", ["d/x", "d/a/x", "d/a/b/x"], ["d/ax", "dx"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax"]),
        ("**/**/x", ["x", "a/x"], ["ax"]),
        ("a**x", ["ax", "a/b/x", "abx"], ["b/ax"]),
        ("[ab]1", ["a1", "b1"], ["c1", "[ab]1"]),
        ("[!ab]", ["c", "!"], ["a", "/", ""]),
        ("[a-c]", ["b"], ["d", "-"]),
        ("[]x]", ["]", "x"], ["[]x]"]),
        ("[!]]", ["x"], ["]"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[\\d&&~||[]", ["\\", "d", "&", "~", "|", "["], ["1"]),
        ("[*--0-]", ["*", "-", "0"], ["."]),
        ("[", ["["], ["x"]),
        ("[]", ["[]"], ["x"]),
        ("[!]", ["!"], ["x"]),
        ("a.b+(c)|$^\\", ["a.b+(c)|$^\\"], ["axb"]),
        ("a\n*", ["a\nb\nc"], ["a"]),
    ],
)
def test_a_pattern_matches_these_keys_and_not_those(pattern: str, matches: list[str], others: list[str]) -> None:
    compiled = compile_pattern(pattern)
    assert [key for key in [*matches, *others] if compiled.fullmatch(key)] == matches


@given(st.text(alphabet="ab/*?[]!-\n."), st.text(alphabet="ab/\n."))
def test_what_matches_begins_with_the_literal_prefix(pattern: str, key: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except ValueError:
        return
    if compiled.fullmatch(key):
        assert key.startswith(literal_prefix(pattern))


@given(st.text())
def test_a_text_without_pattern_characters_matches_itself_only(text: str) -> None:
    literal = re.sub(r"[*?\[]", "", text)
    compiled = compile_pattern(literal)
    assert literal_prefix(literal) == literal
    assert compiled.fullmatch(literal)
    assert not compiled.fullmatch(literal + "x")


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(ValueError, match="'x\\[z-a\\]' is no pattern"):
        compile_pattern("x[z-a]")
