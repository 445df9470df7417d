"""A store that is opened sends nothing; the first use does."""

from __future__ import annotations

from benchmarks.measure import Row
from benchmarks.stores.sizes import Sizes
from benchmarks.stores.store import Store
from benchmarks.stores.watcher import watching

__all__ = ["rows"]


def rows(store: Store, url: str, _: Sizes) -> list[Row]:
    """Count the requests of opening, and check that the counter sees those of the first use."""
    counts = []
    for opened in (store.ours, store.sdk):
        with watching(url) as watcher:
            client = opened(watcher.url)
            counts.append(len(watcher.requests))
            client.put("opening", b"")
            if len(watcher.requests) == counts[-1]:
                raise ValueError("the first put was not counted: the client went past the proxy")
    ours, sdk = counts
    return [Row("requests of opening", f"{ours}", f"{store.sdk_name} {sdk}", ours, at_most=0, unit="requests")]
