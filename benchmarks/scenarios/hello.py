"""The smallest program, as a whole process: make a pool, call once, print the result, exit."""

from __future__ import annotations

from benchmarks.measure import PROGRAMS, ROOT, Row, in_turn, main, time_program


def rows(is_quick: bool) -> list[Row]:
    """Measure whole processes."""
    times = in_turn(
        {
            "ours": lambda: time_program(ROOT / "examples" / "hello.py"),
            "pool": lambda: time_program(PROGRAMS / "hello_pool.py"),
            "loky": lambda: time_program(PROGRAMS / "hello_loky.py"),
        },
        rounds=1 if is_quick else 21,
    )
    shown = {name: f"{seconds * 1000:.0f} ms" for name, seconds in times.items()}
    pool, loky = times["ours"] / times["pool"], times["ours"] / times["loky"]
    return [
        Row("hello, whole process", shown["ours"], f"ProcessPoolExecutor {shown['pool']}", pool, at_most=2),
        Row("hello, whole process", shown["ours"], f"loky {shown['loky']}", loky, at_most=1),
    ]


if __name__ == "__main__":
    main(rows)
