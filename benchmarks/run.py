"""Measure this checkout against its peers and print a table: `python benchmarks/run.py [NAME...] [--quick] [--write]`.

Each scenario of `scenarios/` runs in a process of its own, and measures ours and the peer in turn. Exits with 1 when
a scenario could not be measured; a bar that was missed is only shown.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
NAMES = (
    "import_time",
    "hello",
    "noop",
    "compute",
    "payloads",
    "closure",
    "wordcount",
    "many",
    "joblib_small",
    "multiprocessing_pool",
    "multiprocessing_redis",
    "report",
)
PEERS = ("numpy", "joblib", "loky", "redis")
SCENARIO_TIMEOUT_S = 1800
DISTURBING = ("LITHOPS_", "PYTHONDONTWRITEBYTECODE")
"""Variables that a scenario does not see. An installed package has its bytecode, so a checkout should keep its own."""

HEADER = ("scenario", "ours", "peer", "figure", "bar", "reached")


def main() -> int:
    """Read the arguments, measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(description="Measure this checkout against its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(NAMES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: shows that it works, no more")
    parser.add_argument("--write", action="store_true", help="put the table of a whole run into benchmarks/README.md")
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - set(NAMES)):
        parser.error(f"there is no scenario {', '.join(unknown)}: give any of {', '.join(NAMES)}")
    if args.write and (args.names or args.quick):
        parser.error("--write needs a whole run: give no names and no --quick")
    rows: list[dict[str, Any]] = []
    failed = []
    for name in args.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            rows += measure(name, is_quick=args.quick)
        except (subprocess.SubprocessError, ValueError, IndexError) as exc:
            failed.append(f"{name} could not be measured: {exc}")
    text = f"{facts()}\n\n{table(rows)}"
    print(text, end="")
    for line in failed:
        print(line, file=sys.stderr)
    if args.write and not failed:
        README.write_text(with_table(README.read_text("utf-8"), text), "utf-8")
    return 1 if failed else 0


def measure(name: str, *, is_quick: bool) -> list[dict[str, Any]]:
    """Run a scenario, undisturbed by the user's configuration, and give its rows."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(DISTURBING)}
    command = [sys.executable, "-m", f"benchmarks.scenarios.{name}", *(["--quick"] if is_quick else [])]
    done = subprocess.run(
        command, cwd=HERE.parent, env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=SCENARIO_TIMEOUT_S
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Lay rows out as a table of Markdown."""
    cells = [HEADER, *map(cells_of, rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(HEADER))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def cells_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Say of one row what it reached."""
    figure, unit, floor, ceiling = row["figure"], row["unit"], row["at_least"], row["at_most"]
    reached = figure >= floor if floor is not None else figure <= ceiling
    bar = f"at least {floor:g}" if floor is not None else f"at most {ceiling:g}"
    space = "" if unit == "x" else " "
    step = 10 ** (2 - math.floor(math.log10(abs(figure) or 1)))  # three digits, rounded away from the bar's good side
    rounded = (math.floor if floor is not None else math.ceil)(figure * step) / step
    return (
        row["scenario"], row["ours"], row["peer"], f"{rounded:g}{space}{unit}", f"{bar}{space}{unit}",
        "yes" if reached else "no",
    )  # fmt: skip


def facts() -> str:
    """Say what the figures depend on: the machine, the interpreter, the peers."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    peers = []
    for name in PEERS:
        try:
            peers.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            peers.append(f"{name} not installed")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cpus} processors, {platform.system()} {platform.machine()}, {python}, {', '.join(peers)}."


def with_table(readme: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """Put the table where the README keeps it."""
    before, _, rest = readme.partition(begin)
    _, is_there, after = rest.partition(end)
    if not is_there:
        raise ValueError(f"{README.name} has no place for the table: it lies between the lines {begin!r} and {end!r}")
    return f"{before}{begin}{text}{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
