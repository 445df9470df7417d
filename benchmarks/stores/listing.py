"""The requests of a listing: as few as the store's pages allow."""

from __future__ import annotations

import math

from benchmarks.measure import Row
from benchmarks.stores.sizes import Sizes
from benchmarks.stores.store import Store
from benchmarks.stores.watcher import watching

__all__ = ["rows"]


def rows(store: Store, url: str, sizes: Sizes) -> list[Row]:
    """Fill the bucket by a side door, and list all of it through a proxy that counts."""
    keys = [f"listed/{number:06}" for number in range(sizes.listed_keys or store.listed_keys)]
    store.fill(url, keys)
    requests = []
    for opened in (store.ours, store.sdk):
        with watching(url) as watcher:
            client = opened(watcher.url)
            if (seen := client.count("listed/")) != len(keys):
                raise ValueError(f"{seen} keys of {len(keys)} were listed")
            requests.append(len(watcher.requests))
    ours, sdk = requests
    fewest = math.ceil(len(keys) / store.page_keys)
    scenario = f"listing of {len(keys):,} keys, {store.page_keys:,} a page"
    return [Row(scenario, f"{ours}", f"{store.sdk_name} {sdk}", ours, at_most=fewest, unit="requests")]
