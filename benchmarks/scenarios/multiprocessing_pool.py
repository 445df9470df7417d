"""`Pool.map` of calls that do nothing, on warm workers, beside the standard library's pool."""

from __future__ import annotations

import multiprocessing
from functools import partial

from benchmarks.measure import CPUS, ROUNDS, Row, in_turn, main, timed

from lithops.multiprocessing.pool import Pool


def same(x: int) -> int:
    """Do nothing."""
    return x


def rows(is_quick: bool) -> list[Row]:
    """Measure the chunks that `map` makes by itself, and chunks of one."""
    calls = 1000 if is_quick else 10_000
    found = []
    with multiprocessing.Pool(CPUS) as native, Pool(CPUS) as pool:

        def work(of: Pool | multiprocessing.pool.Pool, chunksize: int | None) -> list[int]:
            return of.map(same, range(calls), chunksize)

        assert work(native, 1) == work(pool, 1) == list(range(calls))
        for chunksize in (None, 1):
            contenders = {
                "ours": partial(timed, partial(work, pool, chunksize)),
                "native": partial(timed, partial(work, native, 1)),
            }
            times = in_turn(contenders, rounds=2 if is_quick else ROUNDS)
            rates = {name: f"{calls / seconds:,.0f} calls/s" for name, seconds in times.items()}
            named = "its own chunks" if chunksize is None else f"chunks of {chunksize}"
            figure = times["native"] / times["ours"]
            scenario = f"Pool.map of {calls:,} no-ops, {named}"
            found.append(
                Row(
                    scenario, rates["ours"], f"multiprocessing.Pool, chunks of 1, {rates['native']}", figure, at_least=1
                )
            )
    return found


if __name__ == "__main__":
    main(rows)
