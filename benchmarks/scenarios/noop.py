"""Calls that do nothing, on warm workers, a future each: what a call costs."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial

from benchmarks.measure import CPUS, ROUNDS, Row, in_turn, main, timed

from lithops import FunctionExecutor


def same(x: int) -> int:
    """Do nothing."""
    return x


def rows(is_quick: bool) -> list[Row]:
    """Measure a small and a large job."""
    found = []
    with ProcessPoolExecutor(CPUS) as pool, FunctionExecutor(worker_processes=CPUS) as fexec:

        def pooled(calls: int) -> list[int]:
            return list(pool.map(same, range(calls), chunksize=1))

        def ours(calls: int) -> list[int]:
            results: list[int] = fexec.get_result(fexec.map(same, range(calls)))
            return results

        assert pooled(1000) == ours(1000) == list(range(1000))
        for calls in (100, 1000) if is_quick else (1000, 10_000):
            contenders = {"ours": partial(timed, partial(ours, calls)), "pool": partial(timed, partial(pooled, calls))}
            times = in_turn(contenders, rounds=2 if is_quick else ROUNDS)
            rates = {name: f"{calls / seconds:,.0f} calls/s" for name, seconds in times.items()}
            figure = times["pool"] / times["ours"]
            scenario = f"no-op map of {calls:,} calls, warm"
            found.append(Row(scenario, rates["ours"], f"ProcessPoolExecutor {rates['pool']}", figure, at_least=3))
    return found


if __name__ == "__main__":
    main(rows)
