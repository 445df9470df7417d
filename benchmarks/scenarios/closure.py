"""Calls that share a big array: ours closes over it, joblib gets it as an argument and memory-maps it by itself.

Each round has an array of its own, so that nobody finds it where an earlier round left it.
"""

from __future__ import annotations

from typing import Any

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from benchmarks.measure import CPUS, ROUNDS, Row, in_turn, main, timed
from joblib import Parallel, delayed

from lithops import FunctionExecutor

MIB = 1024 * 1024


def part_of(array: Any, number: int, calls: int) -> float:
    """Add up one part of the array; together the calls read all of it."""
    return float(array[number :: calls * 8].sum())


def rows(is_quick: bool) -> list[Row]:
    """Measure from the submission to the last result."""
    calls = 4 if is_quick else 64
    size_mib = 2 if is_quick else 50
    numbers = np.random.default_rng(0)

    with FunctionExecutor(worker_processes=CPUS) as fexec, Parallel(n_jobs=CPUS) as parallel:

        def ours(array: Any) -> list[float]:
            results: list[float] = fexec.get_result(
                fexec.map(lambda number: part_of(array, number, calls), range(calls))
            )
            return results

        def peer(array: Any) -> list[float]:
            return list(parallel(delayed(part_of)(array, number, calls) for number in range(calls)))

        def fresh() -> Any:
            return numbers.random(size_mib * MIB // 8)

        array = fresh()
        assert ours(array) == peer(array) == [part_of(array, number, calls) for number in range(calls)]

        def time_of(contender: Any) -> float:
            array = fresh()
            return timed(lambda: contender(array))

        times = in_turn(
            {"ours": lambda: time_of(ours), "joblib": lambda: time_of(peer)}, rounds=1 if is_quick else ROUNDS
        )
    scenario = f"closure over {size_mib} MiB, {calls} calls"
    shown = {name: f"{seconds * 1000:.0f} ms" for name, seconds in times.items()}
    return [Row(scenario, shown["ours"], f"joblib {shown['joblib']}", times["ours"] / times["joblib"], at_most=3)]


if __name__ == "__main__":
    main(rows)
