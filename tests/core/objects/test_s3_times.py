"""Dates of answers are read as botocore reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.utils import parse_timestamp

from lithops.objects.s3_times import quick_dates


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30T02:34:15.000Z",
        "2026-11-30T02:34:15Z",
        "2026-11-30T02:34:15+02:00",
        "Mon, 30 Nov 2026 02:34:15 GMT",
        "1764470055",
        1764470055,
    ],
)
def test_dates_are_read_as_the_sdk_reads_them(text: str | int) -> None:
    assert quick_dates(parse_timestamp)(text) == parse_timestamp(text)


def test_a_date_without_a_zone_is_in_utc() -> None:
    assert quick_dates(parse_timestamp)("2026-11-30T02:34:15") == datetime(2026, 11, 30, 2, 34, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-99-30T02:34:15Z"])
def test_what_is_no_date_is_the_sdk_s_error(text: str) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        quick_dates(parse_timestamp)(text)
