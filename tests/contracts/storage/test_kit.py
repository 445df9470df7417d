"""The storage kits catch what they are for: each planted fault of the `broken_*` files fails the test named for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lithops.testing import HttpStorageContract, StorageContract

BROKEN = sorted(Path(__file__).parent.glob("broken_*.py"))
FAULT = re.compile(r'^class (Test\w+)\(Broken\w*\):\n    catches = "(\w+)"', re.MULTILINE)
PLANTED = [
    (f"{path}::{name}::{test}", name, test) for path in BROKEN for name, test in FAULT.findall(path.read_text("utf-8"))
]
AT_ONCE = 2
TIMEOUT_S = 150

pytestmark = pytest.mark.timeout(TIMEOUT_S + 20)


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Run the named tests on the broken stores: the class and the test of each failure."""
    folder = tmp_path_factory.mktemp("kit")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    runs = []
    for number in range(AT_ONCE):
        ids = [node_id for node_id, *_ in PLANTED[number::AT_ONCE]]
        options = [f"--junitxml={folder}/{number}.xml", f"--basetemp={folder}/{number}"]
        with open(f"{folder}/{number}.log", "wb") as log:
            runs.append(subprocess.Popen([*command, *options, *ids], stdout=log, stderr=log, cwd=folder, env=env))
    try:
        codes = [run.wait(TIMEOUT_S) for run in runs]
    finally:
        for run in runs:
            run.kill()
            run.wait()
    logs = "\n".join(Path(f"{folder}/{number}.log").read_text(errors="replace") for number in range(AT_ONCE))
    assert codes == [1] * AT_ONCE, logs
    return {
        (case.attrib["classname"].rpartition(".")[2], case.attrib["name"].partition("[")[0])
        for number in range(AT_ONCE)
        for case in ElementTree.parse(f"{folder}/{number}.xml").iter("testcase")
        if case.find("failure") is not None
    }


def test_faults_are_planted() -> None:
    assert len(PLANTED) == sum(path.read_text("utf-8").count("\nclass Test") for path in BROKEN) > 70


def test_each_test_of_the_kits_has_a_fault_of_its_own_name() -> None:
    assert len({name for _, name, _ in PLANTED}) == len(PLANTED)
    tests = {name for name in dir(StorageContract) + dir(HttpStorageContract) if name.startswith("test_")}
    assert tests == {test for *_, test in PLANTED}


@pytest.mark.parametrize(("name", "test"), [fault[1:] for fault in PLANTED], ids=[fault[1] for fault in PLANTED])
def test_the_kit_catches(failures: set[tuple[str, str]], name: str, test: str) -> None:
    assert (name, test) in failures
