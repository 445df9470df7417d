"""What LITHOPS_PLUGINS says: which plugins are loaded. The package's docstring has its words."""

from __future__ import annotations

from collections.abc import Callable

from lithops.errors import ConfigError

__all__ = ["VARIABLE", "selected"]

VARIABLE = "LITHOPS_PLUGINS"


def selected(text: str) -> Callable[[str], bool]:
    """Read the value of LITHOPS_PLUGINS, and give the test that tells which entry-point names are loaded.

    Raises `ConfigError` when the value both names plugins and leaves some out.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words in (["none"], ["-"]):
        return lambda _: False
    left_out = {word[1:].strip() for word in words if word.startswith("-")}
    if left_out and len(left_out) < len(set(words)):
        raise ConfigError(
            f"{VARIABLE}={text!r} both names plugins and leaves some out: write 'a,b' for only those, or '-a,-b' for"
            " all but those"
        )
    if left_out or not words:
        return lambda name: name not in left_out
    return lambda name: name in words
