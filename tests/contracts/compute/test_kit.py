"""The compute kit catches what it is for: each fault of `broken_backends` fails the test that is named for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest

BROKEN = Path(__file__).with_name("broken_backends.py")
AT_ONCE = 4
TIMEOUT_S = 55


def planted() -> list[tuple[str, str, str]]:
    spec = spec_from_file_location("broken_backends", BROKEN)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses' and classes' annotations are looked up
    spec.loader.exec_module(module)
    return cast("list[tuple[str, str, str]]", module.PLANTED)


PLANTED = planted()


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Run the named tests on the broken backends: what each failing one says, by class and test."""
    folder = tmp_path_factory.mktemp("kit")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    runs = []
    for number in range(AT_ONCE):
        ids = [f"{BROKEN}::{name}::{test}" for name, test, _ in PLANTED[number::AT_ONCE]]
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


@pytest.mark.parametrize(("name", "test", "says"), PLANTED, ids=[name for name, _, _ in PLANTED])
def test_the_kit_catches(failures: dict[tuple[str, str], str], name: str, test: str, says: str) -> None:
    assert says in failures[name, test]
