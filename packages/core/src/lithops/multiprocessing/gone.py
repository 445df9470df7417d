"""What is said where a shared object is not in Redis any more."""

from __future__ import annotations

from lithops.errors import SharedObjectGoneError

__all__ = ["SharedObjectGoneError", "gone"]


def gone(what: object) -> SharedObjectGoneError:
    """Make the error for an object that is not there."""
    return SharedObjectGoneError(
        f"the shared {type(what).__name__} is not in Redis any more: its manager was shut down, the process that made it"
        " has ended, or it has expired; keep the maker running while others use it"
    )
