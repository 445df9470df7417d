"""Prices: the vendor's own examples, what is not known, and the data file in the wheel."""

from __future__ import annotations

import json
import re
from datetime import date
from importlib.resources import files

import pytest

from lithops_aws.compute.prices import cost


def test_a_million_requests_cost_what_the_vendor_says() -> None:
    """A function of 1,536 MB, 3 million calls of 120 ms: 540,000 GB-s for 9.00 USD, requests for 0.60."""
    found = cost(1536, "x86_64", "us-east-1", 3_000_000 * 0.120, 3_000_000)
    assert found is not None
    assert found.amount == pytest.approx(9.00 + 0.60, abs=0.001)
    assert found.currency == "USD"
    assert found.source.startswith("https://aws.amazon.com/")
    assert date.fromisoformat(found.as_of) <= date.today()


def test_arm_is_cheaper_by_a_fifth() -> None:
    costs = [cost(1024, kind, "eu-west-1", 1e6, 0) for kind in ("x86_64", "arm64")]
    amounts = [one.amount for one in costs if one is not None]
    assert amounts == [pytest.approx(16.6667), pytest.approx(13.3334)]


def test_nothing_is_guessed() -> None:
    assert cost(128, "x86_64", "cn-north-1", 1.0, 1) is None
    assert cost(128, "x86_64", "", 1.0, 1) is None
    assert cost(128, "riscv", "us-east-1", 1.0, 1) is None


def test_the_list_is_dated_and_says_what_it_leaves_out() -> None:
    told = json.loads(files("lithops_aws.compute").joinpath("prices.json").read_text("utf-8"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["as_of"])
    assert "cn-*" in " ".join(told["notes"])
