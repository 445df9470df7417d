"""The compute kit catches what it is for: each fault of the `broken_*` backends fails the test that is named for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

BROKEN = sorted(Path(__file__).parent.glob("broken_*.py"))
FAULT = re.compile(r'^@planted\("(.+)", "(.+)"\)\nclass (\w+)\(', re.MULTILINE)
PLANTED = [
    (f"{path}::Test{name}::{test}", f"Test{name}", test, says)
    for path in BROKEN
    for test, says, name in FAULT.findall(path.read_text("utf-8"))
]
AT_ONCE = 4
TIMEOUT_S = 150

pytestmark = pytest.mark.timeout(TIMEOUT_S + 20)


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Run the named tests on the broken backends: what each failing one says, by class and test."""
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
    logs = "\n".join(Path(f"{folder}/{number}.log").read_text(errors="replace") for number in range(AT_ONCE))
    assert codes == [1] * AT_ONCE, logs
    said: dict[tuple[str, str], str] = defaultdict(str)
    for number in range(AT_ONCE):
        for case in ElementTree.parse(f"{folder}/{number}.xml").iter("testcase"):
            said[case.attrib["classname"].rpartition(".")[2], case.attrib["name"]] += case.findtext("failure") or ""
    return said


def test_faults_are_planted() -> None:
    assert len(PLANTED) == sum(path.read_text("utf-8").count("\n@planted(") for path in BROKEN) > 50


@pytest.mark.parametrize(
    ("name", "test", "says"), [fault[1:] for fault in PLANTED], ids=[fault[1] for fault in PLANTED]
)
def test_the_kit_catches(failures: dict[tuple[str, str], str], name: str, test: str, says: str) -> None:
    assert says in failures[name, test]
