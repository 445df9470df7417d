"""What `import lithops` adds to a bare interpreter."""

from __future__ import annotations

from benchmarks.measure import Row, in_turn, main, time_program


def rows(is_quick: bool) -> list[Row]:
    """Measure whole processes."""
    times = in_turn(
        {"import lithops": lambda: time_program("-c", "import lithops"), "bare": lambda: time_program("-c", "pass")},
        rounds=3 if is_quick else 21,
    )
    ours, bare = times["import lithops"] * 1000, times["bare"] * 1000
    scenario = "`import lithops` over the bare interpreter"
    return [Row(scenario, f"{ours:.1f} ms", f"{bare:.1f} ms", ours - bare, at_most=40, unit="ms")]


if __name__ == "__main__":
    main(rows)
