"""What calls cost on Lambda, by a dated list of public prices: `prices.json`, which also says what it leaves out."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from lithops.spi.compute import Cost

__all__ = ["cost"]

MB_PER_GB = 1024  # as Lambda counts


class _Prices(NamedTuple):
    as_of: str
    source: str
    currency: str
    by_region: dict[str, dict[str, float]]


def cost(memory_mb: int, architecture: str, region: str, billed_s: float, calls: int) -> Cost | None:
    """Price calls by their memory, by the seconds billed for all of them, and by their number.

    None for a region or an architecture that the list does not have. Ephemeral storage and the free tier are not counted.
    """
    prices = _prices()
    here = prices.by_region.get(region, {})
    if architecture not in here:
        return None
    amount = memory_mb / MB_PER_GB * billed_s * here[architecture] + calls * here["request"]
    return Cost(amount, prices.currency, prices.as_of, prices.source)


@cache
def _prices() -> _Prices:
    told = json.loads(files(__package__).joinpath("prices.json").read_text("utf-8"))
    by_region = {
        region: {name: price for name, price in group.items() if name != "regions"}
        for group in told["prices"]
        for region in group["regions"]
    }
    return _Prices(told["as_of"], told["source"], told["currency"], by_region)
