"""Patterns of keys and paths: the same on every store and on this machine.

`*` and `?` match within a name, `[abc]`, `[a-z]` and `[!a]` one character, `**` also across slashes; `a/**/b` matches
`a/b` too. No name is special: one that begins with a dot matches like any other.
"""

from __future__ import annotations

import re

from lithops.jobs.references import PATTERN_CHARACTERS

__all__ = ["compile_pattern", "literal_prefix"]


def literal_prefix(pattern: str) -> str:
    """Give what every match of the pattern begins with."""
    return pattern[: next((at for at, char in enumerate(pattern) if char in PATTERN_CHARACTERS), len(pattern))]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Make the expression that a key matches as a whole. Raises `ValueError` for a malformed one."""
    pieces: list[str] = []
    for match in re.finditer(r"(?:(?<=/)|^)(?:\*\*/)+|\*\*+|\*|\?|\[!?(?:\][^\]]*|[^\]]+)\]|.", pattern, re.DOTALL):
        token = match[0]
        if token.startswith("**"):
            pieces.append("(?:.*/)?" if token.endswith("/") else ".*")
        elif token == "*":
            pieces.append("[^/]*")
        elif token == "?":
            pieces.append("[^/]")
        elif token[0] == "[" and len(token) > 1:
            pieces.append(_one_of(token[1:-1]))
        else:
            pieces.append(re.escape(token))
    try:
        return re.compile("".join(pieces), re.DOTALL)
    except re.error as exc:
        raise ValueError(f"'{pattern}' is no pattern: {exc.msg}; write '[a-z]' with the lower character first") from exc


def _one_of(body: str) -> str:
    negation, body = ("^", body[1:]) if body.startswith("!") and len(body) > 1 else ("", body)
    members = re.sub(r"(?s)(.)-(.)|(.)", lambda one: "-".join(map(re.escape, filter(None, one.groups()))), body)
    return f"(?!/)[{negation}{members}]"
