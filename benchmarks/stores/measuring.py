"""Measure one store: `measuring STORE [--quick] SCENARIO...`; prints JSON in the last line: `rows` and `failed`."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

from benchmarks.measure import Row
from benchmarks.stores import big, get_many, listing, opening, small
from benchmarks.stores.sizes import QUICK, WHOLE, Sizes
from benchmarks.stores.store import BUCKET, Store, store_named

__all__ = ["SCENARIOS"]

SCENARIOS: dict[str, Callable[[Store, str, Sizes], list[Row]]] = {
    "opening": opening.rows,
    "small": small.rows,
    "get_many": get_many.rows,
    "big": big.rows,
    "listing": listing.rows,  # last: servers may be slower once they have many objects
}


def main(name: str, scenarios: Sequence[str], sizes: Sizes) -> None:
    """Start the store's server, and measure one scenario after the other; one that fails does not end the rest."""
    store = store_named(name)
    rows: list[Row] = []
    failed = []
    with store.serve() as server:
        store.ours(server.url).storage.create_bucket(BUCKET)
        for scenario in scenarios:
            print(f" {name} {scenario} ...", file=sys.stderr, flush=True)
            try:
                rows += SCENARIOS[scenario](store, server.url, sizes)
            except Exception as exc:  # whatever a client or a server may raise
                traceback.print_exc()
                failed.append(f"{scenario} of {name} could not be measured: {type(exc).__name__}: {exc}")
    found = [{**dataclasses.asdict(row), "scenario": f"{name}: {row.scenario}"} for row in rows]
    print(json.dumps({"rows": found, "failed": failed}))


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--quick"]
    with tempfile.TemporaryDirectory(prefix="lithops-bench-") as home:
        os.environ["HOME"] = home
        main(arguments[0], arguments[1:], QUICK if "--quick" in sys.argv else WHOLE)
