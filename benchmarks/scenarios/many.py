"""A hundred thousand calls: time that grows with them and no faster, little memory, no thread per call."""

from __future__ import annotations

import json

from benchmarks.measure import CPUS, PROGRAMS, Row, in_turn, main, run_program


def rows(is_quick: bool) -> list[Row]:
    """Measure jobs of both sizes, each in a process of its own."""
    few, many = (100, 1000) if is_quick else (10_000, 100_000)
    peaks: dict[int, list[tuple[float, int]]] = {few: [], many: []}

    def seconds(calls: int) -> float:
        found = json.loads(run_program(PROGRAMS / "many_calls.py", str(calls), str(CPUS)))
        peaks[calls].append((found["peak_rss_mib"], found["threads"]))
        return float(found["seconds"])

    times = in_turn({"many": lambda: seconds(many), "few": lambda: seconds(few)}, rounds=1 if is_quick else 5)
    scenario = f"{many:,} no-op calls"
    memory, memory_of_few = (max(peak for peak, _ in peaks[calls]) for calls in (many, few))
    threads, threads_of_few = (max(count for _, count in peaks[calls]) for calls in (many, few))
    peer = f"{few:,} calls"
    return [
        Row(f"{scenario}: time", f"{times['many']:.2f} s", f"{peer} {times['few']:.3f} s",
            times["many"] / times["few"], at_most=11),
        Row(f"{scenario}: client's peak memory", f"{memory:.0f} MiB", f"{peer} {memory_of_few:.0f} MiB",
            memory, at_most=300, unit="MiB"),
        Row(f"{scenario}: client's threads", f"{threads}", f"{peer} {threads_of_few}",
            threads, at_most=threads_of_few, unit="threads"),
    ]  # fmt: skip


if __name__ == "__main__":
    main(rows)
