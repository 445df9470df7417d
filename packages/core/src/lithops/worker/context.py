"""What a worker knows of the call that it runs now, for code that asks "am I in a call?"."""

from __future__ import annotations

from lithops.types import CallMessage

__all__ = ["begin", "current", "end"]

_current: CallMessage | None = None


def current() -> CallMessage | None:
    """Give the call that this process runs, or None outside of a call."""
    return _current


def begin(call: CallMessage) -> None:
    """Note that a call begins; a worker runs one call at a time."""
    global _current
    _current = call


def end() -> None:
    """Note that the call is over."""
    global _current
    _current = None
