"""What a worker knows of the call that it runs now, for code that asks "am I in a call?"."""

from __future__ import annotations

from lithops.types import CallMessage

__all__ = ["begin", "current", "end", "retire", "take_retired"]

_current: CallMessage | None = None
_is_retired = False


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


def retire() -> None:
    """Ask that this process runs no call after this one. Where a platform decides that itself, it may run more."""
    global _is_retired
    _is_retired = True


def take_retired() -> bool:
    """Tell whether `retire` was called, and forget it."""
    global _is_retired
    was, _is_retired = _is_retired, False
    return was
