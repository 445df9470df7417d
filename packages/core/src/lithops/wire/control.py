"""The kinds of messages by which a client and a worker on a stream agree who runs what."""

from __future__ import annotations

__all__ = ["HELLO", "RECALL", "RETURNED"]

HELLO = "hello"
"""A worker's first message: "python" ("3.11"), "wire" ([major, minor]) and "pid"."""

RECALL = "recall"
"""The client wants up to "count" calls back, the last first, of those that have not begun."""

RETURNED = "returned"
"""The worker's answer: the ids in "calls" will not be run by it. It may be empty."""
