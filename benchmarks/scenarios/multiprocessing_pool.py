"""`Pool.map` of calls that do nothing, on warm workers: as a program calls it, against the standard library's chunks of 1."""

from __future__ import annotations

import multiprocessing
from functools import partial

from benchmarks.measure import CPUS, ROUNDS, Row, in_turn, main, timed

from lithops.multiprocessing import Pool


def same(x: int) -> int:
    """Do nothing."""
    return x


def rows(is_quick: bool) -> list[Row]:
    """Measure both pools, ours with its default chunks and with chunks of 1."""
    calls, rounds = (1000, 2) if is_quick else (10_000, ROUNDS)
    found = []
    with multiprocessing.Pool(CPUS) as native, Pool(CPUS) as ours:
        assert native.map(same, range(1000)) == ours.map(same, range(1000)) == list(range(1000))
        for name, chunksize in (("", None), (", chunksize=1", 1)):
            times = in_turn(
                {
                    "ours": partial(timed, partial(ours.map, same, range(calls), chunksize)),
                    "native": partial(timed, partial(native.map, same, range(calls), 1)),
                },
                rounds=rounds,
            )
            rates = {who: f"{calls / seconds:,.0f} calls/s" for who, seconds in times.items()}
            figure = times["native"] / times["ours"]
            scenario = f"Pool.map of {calls:,} no-ops{name}"
            peer = f"multiprocessing.Pool, chunksize=1 {rates['native']}"
            found.append(Row(scenario, rates["ours"], peer, figure, at_least=1))
    return found


if __name__ == "__main__":
    main(rows)
