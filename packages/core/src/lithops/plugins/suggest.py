"""Guessing what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["closest", "did_you_mean"]


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Give the known word that resembles `word` most, whatever their case, or None."""
    from difflib import get_close_matches  # only needed when something is wrong

    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word[:100].lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Phrase the closest known word as a question; all known words when none is close."""
    known = sorted(known)
    meant = closest(word, known)
    if meant is not None:
        return f"did you mean '{meant}'?"
    return f"known are: {', '.join(known) or 'none'}"
