"""`report()` of ten thousand calls: how long it takes, and how big the page is."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import CPUS, Row, in_turn, main, timed

from lithops import FunctionExecutor


def same(x: int) -> int:
    """Do nothing."""
    return x


def rows(is_quick: bool) -> list[Row]:
    """Write the page some times."""
    calls = 100 if is_quick else 10_000
    with tempfile.TemporaryDirectory() as folder, FunctionExecutor(worker_processes=CPUS) as fexec:
        fexec.wait(fexec.map(same, range(calls)))
        path = Path(folder) / "page.html"
        seconds = in_turn({"report": partial(timed, lambda: fexec.report(dst=path))}, rounds=2 if is_quick else 5)[
            "report"
        ]
        size = path.stat().st_size / 1e6
    name = f"report() of {calls:,} calls"
    return [
        Row(f"{name}: time", f"{seconds:.2f} s", "", seconds, at_most=3, unit="s"),
        Row(f"{name}: size", f"{size:.2f} MB", "", size, at_most=5, unit="MB"),
    ]


if __name__ == "__main__":
    main(rows)
