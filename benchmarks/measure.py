"""Measure contenders in turn, and hand the figures to `run.py`. What is measured lies in `scenarios/`."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["CPUS", "PROGRAMS", "ROOT", "ROUNDS", "Row", "in_turn", "main", "time_program", "timed"]

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "benchmarks" / "programs"
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Every pool of every contender has so many workers."""

ROUNDS = 11
SLOW_ROUND_S = 5.0
SLOW_ROUNDS = 3
PROGRAM_TIMEOUT_S = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `figure`, in `unit`, is what has to reach the bar: at least or at most so much."""

    scenario: str
    ours: str
    peer: str
    figure: float
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "x"


def in_turn(contenders: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """Measure each contender once in each round, every other round backwards, and give each one's median.

    Three rounds are enough when one contender alone takes more than 5 s.
    """
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        order = list(contenders)[:: 1 if number % 2 == 0 else -1]
        for name in order:
            seen[name].append(contenders[name]())
        if number + 1 >= SLOW_ROUNDS and any(statistics.median(times) > SLOW_ROUND_S for times in seen.values()):
            break
    for name, times in seen.items():
        print(f"  {name}: {' '.join(f'{one:.4g}' for one in times)}", file=sys.stderr)
    return {name: statistics.median(times) for name, times in seen.items()}


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def time_program(*command: str | Path) -> float:
    """Give the seconds that a Python program takes, from its start to its exit."""
    return timed(lambda: run_program(*command))


def run_program(*command: str | Path) -> str:
    """Run a Python program to its end and give what it printed. Raises when it fails."""
    done = subprocess.run(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, check=True, timeout=PROGRAM_TIMEOUT_S
    )
    return done.stdout


def main(rows: Callable[[bool], Sequence[Row]]) -> None:
    """Be the main program of a scenario: measure, and print the rows as JSON in the last line."""
    with tempfile.TemporaryDirectory(prefix="lithops-bench-") as home:
        os.environ["HOME"] = home
        found = rows("--quick" in sys.argv[1:])
    print(json.dumps([dataclasses.asdict(row) for row in found]))
