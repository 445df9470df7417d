"""The page of a job: how long it takes to write, how big it is, and how long a browser needs to open and to filter it."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import CPUS, Row, in_turn, main, timed

from lithops import FunctionExecutor

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
BROWSER_TIMEOUT_S = 120
PROBE = """
{
  const timed = (work) => { const start = performance.now(); work(); return performance.now() - start; };
  const opened = performance.now();
  const filter = [1, 2, 3, 4, 5].map((digit) => timed(() => { search.value = `0${digit}`; apply(); }));
  const title = JSON.stringify({ opened, filter });
  document.title = `measured ${title}`;
}
"""


def work(x: int) -> int:
    """Print now and then, fail now and then."""
    if x % 10 == 0:
        print("working on", x)
    if x % 100 == 1:
        raise ValueError(f"{x} is one of these")
    return x


def rows(is_quick: bool) -> list[Row]:
    """Measure a job of 10,000 calls, of which one in a hundred fails and one in ten prints."""
    calls, rounds = (200, 1) if is_quick else (10_000, 5)
    with tempfile.TemporaryDirectory() as folder, FunctionExecutor(worker_processes=CPUS) as fexec:
        fexec.wait(fexec.map(work, range(calls)), throw_except=False, show_progressbar=False)
        page = Path(folder) / "page.html"
        took = in_turn({"report": lambda: timed(lambda: fexec.report(dst=page))}, rounds)["report"]
        size_mb = page.stat().st_size / 1e6
        scenario = f"report() of {calls:,} calls"
        found = [
            Row(f"{scenario}: time", f"{took:.2f} s", "", took, at_most=3, unit="s"),
            Row(f"{scenario}: size", f"{size_mb:.2f} MB", "", size_mb, at_most=5, unit="MB"),
        ]
        if BROWSER is None:
            print("  there is no Chromium: how fast it opens and filters is not measured", file=sys.stderr)
            return found
        opened_s, filter_ms = in_browser(page, Path(folder))
    return [
        *found,
        Row(f"{scenario}: until it is drawn", f"{opened_s:.2f} s", "", opened_s, at_most=3, unit="s"),
        Row(f"{scenario}: a filter", f"{filter_ms:.0f} ms", "", filter_ms, at_most=200, unit="ms"),
    ]


def in_browser(page: Path, folder: Path) -> tuple[float, float]:
    """Open a copy of the page that measures itself: seconds from the navigation on, and milliseconds of a filter."""
    text = page.read_text("utf-8")
    head, policy, rest = text.partition("http-equiv")  # its policy would let no other script run
    probed = folder / "probed.html"
    probed.write_text(f"{head}{policy}=none {rest}".replace("</body>", f"<script>{PROBE}</script></body>"), "utf-8")
    command = [
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        f"--user-data-dir={folder / 'browser'}", "--dump-dom", probed.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=BROWSER_TIMEOUT_S,
        env={**os.environ, "HOME": str(folder)},
    )
    measured = re.search(r"<title>measured (.*?)</title>", done.stdout)
    if measured is None:
        raise ValueError(f"the page did not run in the browser: {done.stderr[-500:]}")
    figures = json.loads(measured[1])
    print(f"  filter: {' '.join(f'{one:.4g}' for one in figures['filter'])}", file=sys.stderr)
    return figures["opened"] / 1000, statistics.median(figures["filter"])


if __name__ == "__main__":
    main(rows)
