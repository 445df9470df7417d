"""LITHOPS_PLUGINS limits which plugins are loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import ConfigError
from lithops.plugins.selection import selected

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True).filter(lambda name: name != "none")


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        ("", "abc"),
        ("  ", "abc"),
        (",", "abc"),
        ("none", ""),
        ("-", ""),
        ("a", "a"),
        (" a , c ", "ac"),
        ("a,a", "a"),
        ("-a", "bc"),
        ("-a, -b", "c"),
        ("-a,-a", "bc"),
        ("unknown", ""),
        ("-unknown", "abc"),
    ],
)
def test_the_value_selects(text: str, loaded: str) -> None:
    assert "".join(filter(selected(text), "abc")) == loaded


@pytest.mark.parametrize("text", ["a,-b", "-a,b", "-a,none"])
def test_naming_and_leaving_out_together_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="LITHOPS_PLUGINS"):
        selected(text)


@given(st.lists(NAMES, min_size=1), NAMES)
def test_leaving_out_is_the_contrary_of_naming(names: list[str], name: str) -> None:
    assert selected(",".join(names))(name) is (name in names)
    assert selected(",".join("-" + one for one in names))(name) is (name not in names)
