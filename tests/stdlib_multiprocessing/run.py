"""Run the standard library's own tests of multiprocessing over Lithops: `python -m tests.stdlib_multiprocessing.run`.

Arguments are classes or single tests, such as WithProcessesTestQueue; by default all are run.

Each class runs in a process of its own, with a Redis server and a home of its own, and each test has a time limit. Prints
a table; exits with 1 when a test of `must_pass.txt` did not pass. `--write` makes that file of what passed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from tests.emulators.redis_server_process import RunningRedis, running_redis
from tests.stdlib_multiprocessing.not_applicable import reason_for

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MUST_PASS = HERE / "must_pass.txt"
TEST_TIMEOUT_S = 15
CLASS_TIMEOUT_S = 90
AT_ONCE = 2

KINDS = ("passed", "failed", "skipped", "not applicable")


def main() -> int:
    """Read the arguments, run, print the table."""
    parser = argparse.ArgumentParser(description="Run the standard library's tests of multiprocessing over Lithops.")
    parser.add_argument("names", nargs="*", metavar="CLASS", help="such as WithProcessesTestQueue; all by default")
    parser.add_argument("--write", action="store_true", help="write what passed to must_pass.txt")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args.names)
    with running_redis() as server:
        found = run(server, args.names or all_names())
    print(table(found))
    passed = sorted(test for test, (kind, _) in found.items() if kind == "passed")
    if args.write:
        MUST_PASS.write_text("".join(f"{test}\n" for test in passed), "utf-8")
    missing = [] if args.names else sorted(set(MUST_PASS.read_text("utf-8").split()) - set(passed))
    for test in missing:
        print(f"{test} must pass, and did not")
    return 1 if missing else 0


def all_names() -> list[str]:
    """List the classes, by a process of their own: importing them changes the standard module."""
    command = [sys.executable, "-c", "from tests.stdlib_multiprocessing.classes import NAMES; print(*NAMES)"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def run(server: RunningRedis, targets: list[str]) -> dict[str, tuple[str, str]]:
    """Run classes or single tests, and give what became of each test, and why."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found: dict[str, tuple[str, str]] = {}
        for one in threads.map(lambda target: run_one(server, [target]), targets):
            found |= one
    return found


def run_one(server: RunningRedis, targets: list[str]) -> dict[str, tuple[str, str]]:
    """Run classes or tests in one process."""
    with tempfile.TemporaryDirectory(prefix="lithops-stdlib-") as home:
        command = [sys.executable, "-m", "tests.stdlib_multiprocessing.run", "--child", *targets]
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(server, home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            text, _ = child.communicate(timeout=CLASS_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            text, _ = child.communicate()
    lines = [line for line in text.splitlines() if line.startswith("{")]
    try:
        found = {one["test"]: (one["kind"], one["why"]) for one in map(json.loads, lines)}
    except (ValueError, KeyError):
        found = {}
    if "end" in found:
        del found["end"]
    else:
        tail = text.strip().splitlines() or ["nothing was printed"]
        for target in targets:
            found[f"{target}.(whole)"] = ("failed", f"the process did not end by itself: {tail[-1][:200]}")
    return found


def environment(server: RunningRedis | None = None, home: str | None = None) -> dict[str, str]:
    """Give the variables of a process that runs tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LITHOPS_")}
    kept["PYTHONPATH"] = str(ROOT)
    if server is not None and home is not None:
        section = {"host": server.host, "port": server.port, "password": server.password}
        kept |= {
            "HOME": home,
            "LITHOPS_CONFIG": json.dumps({"lithops": {"backend": "localhost"}, "redis": section}),
        }
    return kept


def child(targets: list[str]) -> int:
    """Be the process of a class: print a line of JSON for each test."""
    from tests.stdlib_multiprocessing import classes

    suite = unittest.TestLoader().loadTestsFromNames(targets, classes)
    applicable = unittest.TestSuite()
    for test in _each(suite):
        reason = reason_for(_name(test))
        if reason is None:
            applicable.addTest(test)
        else:
            _say(_name(test), "not applicable", reason)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        runner = unittest.TextTestRunner(stream=nowhere)
        runner.resultclass = _Result  # type: ignore[assignment]
        runner.run(applicable)
    _say("end", "", "")
    return 0


class _TimeIsOverError(Exception):
    """No TimeoutError: what waits on a socket would take that for its own."""


class _Result(unittest.TextTestResult):
    """Says at once what became of a test, and bounds its time."""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - the name of unittest
        super().startTest(test)
        signal.signal(signal.SIGALRM, _time_is_over)
        signal.alarm(TEST_TIMEOUT_S)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - the name of unittest
        signal.alarm(0)
        super().stopTest(test)

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - the name of unittest
        super().addSuccess(test)
        _say(_name(test), "passed", "")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 - the name of unittest
        super().addFailure(test, err)
        _say(_name(test), "failed", f"{err[0].__name__}: {err[1]}")

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 - the name of unittest
        super().addError(test, err)
        _say(_name(test), "failed", f"{err[0].__name__}: {err[1]}")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            _say(_name(test), "failed", f"{err[0].__name__}: {err[1]}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - the name of unittest
        super().addSkip(test, reason)
        _say(_name(test), "skipped", reason)


def table(found: dict[str, tuple[str, str]]) -> str:
    """Lay out how many tests of each class passed, and why the others did not."""
    classes = sorted({test.partition(".")[0] for test in found})
    lines = [f"{'class':<44}" + "".join(f"{kind:>16}" for kind in KINDS)]
    for name in [*classes, ""]:
        kinds = [kind for test, (kind, _) in found.items() if test.startswith(f"{name}." if name else "")]
        lines.append(f"{name or 'all':<44}" + "".join(f"{kinds.count(kind):>16}" for kind in KINDS))
    lines.append("")
    lines += [
        f"{kind}: {test}: {' '.join(why.split())[:160]}"
        for test, (kind, why) in sorted(found.items())
        if kind != "passed"
    ]
    return "\n".join(lines)


def _each(suite: Any) -> list[unittest.TestCase]:
    return [test for one in suite for test in (_each(one) if isinstance(one, unittest.TestSuite) else [one])]


def _name(test: unittest.TestCase) -> str:
    return ".".join(test.id().split(".")[-2:])


def _say(test: str, kind: str, why: str) -> None:
    print("\n" + json.dumps({"test": test, "kind": kind, "why": why}), flush=True)


def _time_is_over(_number: int, _frame: FrameType | None) -> None:
    raise _TimeIsOverError(f"the test ran longer than {TEST_TIMEOUT_S} s")


if __name__ == "__main__":
    sys.exit(main())
