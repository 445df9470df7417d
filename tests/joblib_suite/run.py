"""Run joblib's own tests over Lithops: `python -m tests.joblib_suite.run`.

They are those of the installed joblib, where the name `loky` means Lithops; only tests that run something by Lithops are
counted. Prints a table; exits with 1 when a test of `must_pass.txt` did not pass. `--write` makes that file of what passed.
Takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MUST_PASS = HERE / "must_pass.txt"
MODULES = ("joblib.test.test_parallel", "joblib.test.test_memmapping", "joblib.test.test_memory")
TEST_TIMEOUT_S = 40
SUITE_TIMEOUT_S = 600
WORKERS = 4

KINDS = ("passed", "failed", "skipped", "not applicable")


def main() -> int:
    """Read the arguments, run, print the table."""
    parser = argparse.ArgumentParser(description="Run joblib's own tests over Lithops.")
    parser.add_argument("--write", action="store_true", help="write what passed to must_pass.txt")
    args = parser.parse_args()
    found = run(timeout_s=SUITE_TIMEOUT_S)
    print(table(found))
    passed = sorted(test for test, (kind, _) in found.items() if kind == "passed")
    if args.write:
        MUST_PASS.write_text("".join(f"{test}\n" for test in passed), "utf-8")
    missing = sorted(set(must_pass()) - set(passed))
    for test in missing:
        print(f"{test} must pass, and did not")
    return 1 if missing else 0


def must_pass() -> list[str]:
    """List the tests that passed when the list was made."""
    return MUST_PASS.read_text("utf-8").splitlines()


def run(only: Sequence[str] = (), *, timeout_s: float) -> dict[str, tuple[str, str]]:
    """Run tests, by default all, in a process and a home of their own; give what became of each, and why."""
    with tempfile.TemporaryDirectory(prefix="lithops-joblib-") as home:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LITHOPS_", "PYTEST_"))}
        config = {"lithops": {"backend": "localhost"}, "localhost": {"worker_processes": WORKERS}}
        kept |= {"HOME": home, "TMPDIR": home, "PYTHONPATH": str(ROOT), "LITHOPS_CONFIG": json.dumps(config)}
        if only:
            kept["JOBLIB_SUITE_ONLY"] = str(Path(home, "only.txt"))
            Path(home, "only.txt").write_text("".join(f"{test}\n" for test in only), "utf-8")
        command = [
            *(sys.executable, "-m", "pytest", "-p", "tests.joblib_suite.plugin", "-p", "no:cacheprovider", "-s", "-q"),
            *("--tb=line", f"--timeout={TEST_TIMEOUT_S}", "--pyargs", *MODULES),
        ]
        with subprocess.Popen(
            command, cwd=home, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as child:
            try:
                text, _ = child.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                child.kill()
                text, _ = child.communicate()
            except BaseException:
                child.kill()
                raise
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"test"')]
    found = {one["test"]: (one["kind"], one["why"]) for one in lines}
    if "end" in found:
        del found["end"]
    else:
        tail = text.strip().splitlines() or ["nothing was printed"]
        found["(whole)"] = ("failed", f"the process did not end by itself: {tail[-1][:200]}")
    return found


def table(found: dict[str, tuple[str, str]]) -> str:
    """Lay out how many tests passed, and why the others did not."""
    kinds = [kind for kind, _ in found.values()]
    lines = [f"{kind:<16}{kinds.count(kind):>6}" for kind in KINDS]
    reasons = sorted({why for kind, why in found.values() if kind == "not applicable"})
    whys = [why for _, why in found.values()]
    lines += [f"not applicable: {whys.count(reason):>4}: {reason}" for reason in reasons]
    lines += [f"{kind}: {test}: {why[:160]}" for test, (kind, why) in sorted(found.items()) if kind == "failed"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
