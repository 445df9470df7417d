"""Dates in the answers of S3, read quickly: botocore's own parser takes most of the time of a listing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["quick_dates"]


def quick_dates(fallback: Callable[[Any], datetime]) -> Callable[[Any], datetime]:
    """Make a parser for ISO 8601 and HTTP dates; `fallback` reads what is neither."""

    def read(value: Any) -> datetime:
        if isinstance(value, str):
            try:
                if value[10:11] == "T":
                    found = datetime.fromisoformat(value)
                    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
                if value[3:4] == ",":
                    return parsedate_to_datetime(value)
            except ValueError:
                pass
        return fallback(value)

    return read
