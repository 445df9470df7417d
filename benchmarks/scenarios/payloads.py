"""Calls that get 1 MiB and give 1 MiB back."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

from benchmarks.measure import CPUS, ROUNDS, Row, in_turn, main, timed

from lithops import FunctionExecutor

MIB = 1024 * 1024


def echo(data: bytes) -> bytes:
    """Give back what was given."""
    return data


def rows(is_quick: bool) -> list[Row]:
    """Measure the bytes that go both ways."""
    calls = 4 if is_quick else 64
    blobs = [os.urandom(MIB) for _ in range(calls)]
    with ProcessPoolExecutor(CPUS) as pool, FunctionExecutor(worker_processes=CPUS) as fexec:

        def pooled() -> list[bytes]:
            return list(pool.map(echo, blobs, chunksize=1))

        def ours() -> list[bytes]:
            results: list[bytes] = fexec.get_result(fexec.map(echo, blobs))
            return results

        def our_time() -> float:
            seconds = timed(ours)
            fexec.clean()
            fexec.futures.clear()
            return seconds

        assert pooled() == ours() == blobs
        times = in_turn({"ours": our_time, "pool": lambda: timed(pooled)}, rounds=1 if is_quick else ROUNDS)
    rates = {name: f"{2 * calls / seconds:,.0f} MiB/s" for name, seconds in times.items()}
    scenario = f"{calls} calls, 1 MiB in, 1 MiB out"
    figure = times["pool"] / times["ours"]
    return [Row(scenario, rates["ours"], f"ProcessPoolExecutor {rates['pool']}", figure, at_least=1)]


if __name__ == "__main__":
    main(rows)
