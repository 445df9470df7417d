"""Measure the stores against the bare SDKs: `python benchmarks/storage.py [STORE...] [SCENARIO...] [--quick] [--write]`.

Each store of `stores/` is measured in a process of its own, against a server of this machine. Exits with 1 when
something could not be measured; a bar that was missed is only shown.
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
from benchmarks.stores.store import NAMES, store_named

BEGIN, END = "<!-- storage: begin -->\n", "<!-- storage: end -->\n"
SCENARIOS = ("opening", "small", "get_many", "big", "listing")
STORE_TIMEOUT_S = 3600
DISTURBING = ("AWS_", "AZURE_", "BOTO", "COS_", "GCS_", "GOOGLE_", "IBM_", "LITHOPS_", "OSS_", "STORAGE_EMULATOR_HOST")
"""Variables that neither side sees: configurations of the user."""
KEPT = ("LITHOPS_TESTS_AZURITE",)
BUSY = 0.25
"""From so much load per processor on, the figures come with a warning."""


def main() -> int:
    """Read the arguments, measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(description="Measure the stores of this checkout against the bare SDKs.")
    known = ", ".join((*NAMES, *SCENARIOS))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"stores and scenarios of {known}; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: shows that it works, no more")
    parser.add_argument("--write", action="store_true", help="put the table of a whole run into benchmarks/README.md")
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - {*NAMES, *SCENARIOS}):
        parser.error(f"there is no store or scenario {', '.join(unknown)}: give any of {known}")
    if args.write and (args.names or args.quick):
        parser.error("--write needs a whole run: give no names and no --quick")
    stores = [name for name in NAMES if name in args.names] or NAMES
    scenarios = [name for name in SCENARIOS if name in args.names] or SCENARIOS
    load = os.getloadavg()[0]
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    for store in stores:
        print(f"{store} ...", file=sys.stderr, flush=True)
        try:
            found = measure(store, scenarios, is_quick=args.quick)
        except (subprocess.SubprocessError, ValueError, IndexError) as exc:
            failed.append(f"{store} could not be measured: {exc}")
        else:
            rows += found["rows"]
            failed += found["failed"]
    text = f"{facts(stores, load)}\n\n{table(rows)}"
    print(text, end="")
    for line in failed:
        print(line, file=sys.stderr)
    if args.write and not failed:
        README.write_text(with_table(README.read_text("utf-8"), text, BEGIN, END), "utf-8")
    return 1 if failed else 0


def measure(store: str, scenarios: list[str] | tuple[str, ...], *, is_quick: bool) -> dict[str, Any]:
    """Run the scenarios of a store, undisturbed by the user's configuration."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(DISTURBING) or name in KEPT}
    command = [
        sys.executable,
        "-m",
        "benchmarks.stores.measuring",
        store,
        *scenarios,
        *(["--quick"] if is_quick else []),
    ]
    done = subprocess.run(
        command, cwd=README.parents[1], env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=STORE_TIMEOUT_S
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def facts(stores: list[str] | tuple[str, ...], load: float) -> str:
    """Say what the figures depend on: the machine and how busy it was, the interpreter, the SDKs and servers."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    packages = dict.fromkeys(package for store in stores for package in store_named(store).packages)
    versions = ", ".join(f"{package} {version_of(package)}" for package in packages)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    loads = f"load {load:.1f} before the start, {os.getloadavg()[0]:.1f} at the end"
    busy = f" The machine was busy with other work: {loads}." if load > BUSY * cpus else ""
    return f"{cpus} processors, {platform.system()} {platform.machine()}, {python}, {versions}.{busy}"


def version_of(package: str) -> str:
    """Give a distribution's version."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
