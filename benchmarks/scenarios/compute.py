"""Calls of 50 ms of pure Python: how much of the processors' time is theirs.

The ideal is what the same calls take without a framework: as many plain processes as processors run them in loops,
all at once, and tell how long one call took them. So clocks that fall when all processors work do not count
against anybody. The number of iterations that take 50 ms is found in the run.
"""

from __future__ import annotations

import statistics
from concurrent.futures import ProcessPoolExecutor

from benchmarks.measure import CPUS, ROUNDS, Row, in_turn, main, timed

from lithops import FunctionExecutor


def burn(iterations: int) -> int:
    """Keep a processor busy with Python."""
    total = 0
    for number in range(iterations):
        total += number & 7
    return total


def burn_in_loop(iterations: int, calls: int) -> float:
    """Give the seconds that a call takes in a loop."""
    return timed(lambda: [burn(iterations) for _ in range(calls)]) / calls


def rows(is_quick: bool) -> list[Row]:
    """Measure the efficiency."""
    calls = 4 if is_quick else 64
    each = -(-calls // CPUS)
    with ProcessPoolExecutor(CPUS) as pool, FunctionExecutor(worker_processes=CPUS) as fexec:

        def call_s(iterations: int) -> float:
            return statistics.mean(pool.map(burn_in_loop, [iterations] * CPUS, [each] * CPUS, chunksize=1))

        sample = 2_000_000
        iterations = int(sample * 0.05 / call_s(sample))
        fexec.get_result(fexec.map(burn, [1000] * 100))
        times = in_turn(
            {
                "ours": lambda: timed(lambda: fexec.get_result(fexec.map(burn, [iterations] * calls))),
                "ideal": lambda: call_s(iterations) * calls / CPUS,
            },
            rounds=1 if is_quick else ROUNDS,
        )
    scenario = f"{calls} calls of 50 ms pure Python"
    figure = times["ideal"] / times["ours"]
    return [Row(scenario, f"{times['ours']:.3f} s", f"ideal {times['ideal']:.3f} s", figure, at_least=0.97)]


if __name__ == "__main__":
    main(rows)
