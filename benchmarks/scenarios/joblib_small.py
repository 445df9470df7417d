"""Small calls by joblib's interface, on warm workers: `lithops` against joblib's own `loky`."""

from __future__ import annotations

from functools import partial

from benchmarks.measure import CPUS, ROUNDS, Row, in_turn, main, timed
from joblib import Parallel, delayed

from lithops.util.joblib import register_lithops


def square(x: int) -> int:
    """Do next to nothing."""
    return x * x


def rows(is_quick: bool) -> list[Row]:
    """Measure one `Parallel` call of 1,000 calls, in batches that joblib adapts."""
    calls = 200 if is_quick else 1000
    register_lithops(worker_processes=CPUS)

    def run(backend: str) -> list[int]:
        results: list[int] = Parallel(n_jobs=CPUS, backend=backend)(delayed(square)(x) for x in range(calls))
        return results

    assert run("lithops") == run("loky") == [x * x for x in range(calls)]
    contenders = {"ours": partial(timed, partial(run, "lithops")), "loky": partial(timed, partial(run, "loky"))}
    times = in_turn(contenders, rounds=2 if is_quick else ROUNDS)
    rates = {name: f"{calls / seconds:,.0f} calls/s" for name, seconds in times.items()}
    scenario = f"joblib, {calls:,} small calls, warm"
    return [Row(scenario, rates["ours"], f"loky {rates['loky']}", times["loky"] / times["ours"], at_least=0.5)]


if __name__ == "__main__":
    main(rows)
