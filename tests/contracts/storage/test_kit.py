"""The storage kit catches what it is for: each planted fault of `broken_storages` fails the test named for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BROKEN = Path(__file__).with_name("broken_storages.py")
PLANTED = re.findall(r'^class (Test\w+)\(Broken\):\n    catches = "(\w+)"', BROKEN.read_text(encoding="utf-8"), re.M)


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Run the kit over all broken stores: the class and the test of each failure."""
    report = tmp_path_factory.mktemp("kit") / "report.xml"
    wanted = " or ".join(f"({name} and {test})" for name, test in PLANTED)
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--junitxml={report}"]
    done = subprocess.run(
        [sys.executable, *command, "-k", wanted, str(BROKEN)],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=report.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return {
        (case.attrib["classname"].rpartition(".")[2], case.attrib["name"].partition("[")[0])
        for case in ElementTree.parse(report).iter("testcase")
        if case.find("failure") is not None
    }


def test_faults_are_planted() -> None:
    assert len(PLANTED) == BROKEN.read_text(encoding="utf-8").count("\nclass Test") > 30


@pytest.mark.parametrize(("store", "test"), PLANTED, ids=[name for name, _ in PLANTED])
def test_the_kit_catches(failures: set[tuple[str, str]], store: str, test: str) -> None:
    assert (store, test) in failures
