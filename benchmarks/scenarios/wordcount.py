"""The main job, `examples/wordcount.py`, and a program by hand over the same ranges, as whole processes."""

from __future__ import annotations

import sysconfig
import tempfile
from itertools import cycle
from pathlib import Path

from benchmarks.measure import CPUS, PROGRAMS, ROOT, ROUNDS, Row, in_turn, main, run_program, time_program

KIB = 1024
EXAMPLE = ROOT / "examples" / "wordcount.py"


def rows(is_quick: bool) -> list[Row]:
    """Measure both over one file of text."""
    size_mib, chunk_mib = (4, 1) if is_quick else (256, 16)
    with tempfile.TemporaryDirectory(prefix="lithops-bench-") as folder:
        text = Path(folder) / "text.txt"
        write_text(text, size_mib * KIB * KIB)
        chunk_kib = str(chunk_mib * KIB)
        ours = (EXAMPLE, folder, "--chunk-kib", chunk_kib, "--workers", str(CPUS))
        by_hand = (PROGRAMS / "wordcount_pool.py", text, chunk_kib, str(CPUS))
        commonest = [run_program(*command).splitlines()[:10] for command in (ours, by_hand)]
        assert commonest[0] == commonest[1], commonest
        times = in_turn(
            {"ours": lambda: time_program(*ours), "pool": lambda: time_program(*by_hand)},
            rounds=1 if is_quick else ROUNDS,
        )
    rates = {name: f"{seconds:.2f} s" for name, seconds in times.items()}
    scenario = f"word count, {size_mib} MiB of text in parts of {chunk_mib} MiB"
    figure = times["pool"] / times["ours"]
    return [Row(scenario, rates["ours"], f"multiprocessing.Pool {rates['pool']}", figure, at_least=1)]


def write_text(path: Path, size_bytes: int) -> None:
    """Write the sources of the interpreter's library, again and again, up to the size."""
    sources = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    left = size_bytes
    with path.open("wb") as file:
        for source in cycle(sources):
            left -= file.write(source.read_bytes()[:left])
            if left <= 0:
                return


if __name__ == "__main__":
    main(rows)
