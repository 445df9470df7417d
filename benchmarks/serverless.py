"""Measure what AWS Lambda costs through this checkout: `python benchmarks/serverless.py [SCENARIO...] [--quick] [--write]`.

All is measured on the local Lambda of the tests. Exits with 1 when something could not be measured; a bar that was missed
is only shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.run import README, table, with_table

BEGIN, END = "<!-- serverless: begin -->\n", "<!-- serverless: end -->\n"
SCENARIOS = ("requests", "submitting", "tracking", "starting", "size")
"""Each is a module of `functions/`."""

PACKAGES = ("boto3", "botocore", "awslambdaric", "moto")
TIMEOUT_S = 3600
DISTURBING = ("AWS_", "BOTO", "LITHOPS_")
"""Variables that neither side sees: configurations of the user."""
BUSY = 0.25
"""From so much load per processor on, the figures come with a warning."""


def main() -> int:
    """Read the arguments, measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(description="Measure what AWS Lambda costs through this checkout.")
    known = ", ".join(SCENARIOS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {known}; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: shows that it works, no more")
    parser.add_argument("--write", action="store_true", help="put the table of a whole run into benchmarks/README.md")
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - set(SCENARIOS)):
        parser.error(f"there is no scenario {', '.join(unknown)}: give any of {known}")
    if args.write and (args.names or args.quick):
        parser.error("--write needs a whole run: give no names and no --quick")
    load = os.getloadavg()[0]
    found: dict[str, Any] = {"rows": [], "failed": []}
    try:
        found = measure([name for name in SCENARIOS if name in args.names] or SCENARIOS, is_quick=args.quick)
    except (subprocess.SubprocessError, ValueError, IndexError) as exc:
        found["failed"].append(f"nothing could be measured: {exc}")
    text = f"{facts(load)}\n\n{table(found['rows'])}"
    print(text, end="")
    for line in found["failed"]:
        print(line, file=sys.stderr)
    if args.write and not found["failed"]:
        README.write_text(with_table(README.read_text("utf-8"), text, BEGIN, END), "utf-8")
    return 1 if found["failed"] else 0


def measure(scenarios: list[str] | tuple[str, ...], *, is_quick: bool) -> dict[str, Any]:
    """Run the scenarios in a process of their own, undisturbed by the user's configuration."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(DISTURBING)}
    command = [sys.executable, "-m", "benchmarks.functions.measuring", *scenarios, *(["--quick"] if is_quick else [])]
    done = subprocess.run(
        command, cwd=README.parents[1], env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT_S
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def facts(load: float) -> str:
    """Say what the figures depend on: the machine and how busy it was, the interpreter, the SDK and the server."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    versions = ", ".join(f"{package} {version_of(package)}" for package in PACKAGES)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    busy = f" The machine was busy with other work: load {load:.1f} before the start." if load > BUSY * cpus else ""
    return f"{cpus} processors, {platform.system()} {platform.machine()}, {python}, {versions}.{busy}"


def version_of(package: str) -> str:
    """Give a distribution's version."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
