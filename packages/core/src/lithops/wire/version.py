"""The version of the wire."""

from __future__ import annotations

__all__ = ["WIRE_VERSION"]

WIRE_VERSION = (1, 0)
"""(major, minor). The same major is compatible both ways: unknown fields are ignored."""
