"""Objects of 10 KiB, one thread: the rate against the bare SDK's, and the requests of each put and get."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from benchmarks.measure import Row, timed
from benchmarks.stores.pairs import in_pairs
from benchmarks.stores.sizes import SMALL_BYTES, Sizes
from benchmarks.stores.store import Client, Store
from benchmarks.stores.watcher import watching

__all__ = ["rows"]

COUNTED = 10


def rows(store: Store, url: str, sizes: Sizes) -> list[Row]:
    """Measure puts, then gets of what was put."""
    data = os.urandom(SMALL_BYTES)
    ours, sdk = store.ours(url), store.sdk(url)
    for client in (ours, sdk):  # connections are opened, modules imported
        client.put("small/warm", data)
        assert client.get("small/warm") == data
    calls = sizes.small_calls

    def keys(side: str, number: int) -> list[str]:
        return [f"small/{side}/{number}/{call}" for call in range(calls)]

    def put(client: Client, side: str, number: int) -> float:
        return timed(lambda: [client.put(key, data) for key in keys(side, number)])

    def get(client: Client, side: str, number: int) -> float:
        return timed(lambda: [client.get(key) for key in keys(side, number)])

    found = []
    for verb, act in (("put", put), ("get", get)):
        pair = in_pairs(partial(act, ours, "ours"), partial(act, sdk, "sdk"), rounds=sizes.small_rounds)
        scenario = f"{calls * sizes.small_rounds:,} {verb}s of 10 KiB, one thread"
        peer = f"{store.sdk_name} {calls / pair.peer_s:,.0f}/s"
        found.append(Row(scenario, f"{calls / pair.ours_s:,.0f}/s", peer, pair.ratio, at_least=0.95))
    return found + counted(store, url, data)


def counted(store: Store, url: str, data: bytes) -> list[Row]:
    """Count the requests of puts and gets, after a first one that may ask for a token."""
    requests: dict[str, list[float]] = {"put": [], "get": []}
    for opened in (store.ours, store.sdk):
        with watching(url) as watcher:
            client = opened(watcher.url)
            client.put("small/counted", data)
            acts: dict[str, Callable[[], object]] = {
                "put": partial(client.put, "small/counted", data),
                "get": partial(client.get, "small/counted"),
            }
            for verb, act in acts.items():
                before = len(watcher.requests)
                for _ in range(COUNTED):
                    act()
                requests[verb].append((len(watcher.requests) - before) / COUNTED)
    return [
        Row(
            f"requests of a {verb} of 10 KiB",
            f"{ours:g}",
            f"{store.sdk_name} {sdk:g}",
            ours,
            at_most=1,
            unit="requests",
        )
        for verb, (ours, sdk) in requests.items()
    ]
