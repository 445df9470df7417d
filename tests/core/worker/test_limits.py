"""A worker's memory limit: an allocation above it fails, below it nothing changes, and it can be lifted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lithops.worker.limits import limit_memory

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system cannot limit private memory")

MIB = 1024 * 1024


def run(program: str) -> str:
    head = "import mmap, sys\nfrom lithops.worker.limits import limit_memory\n"
    command = [sys.executable, "-c", head + program]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def test_an_allocation_above_the_limit_fails_and_below_works() -> None:
    program = f"""
print(limit_memory(200))
held = bytearray(50 * {MIB})
try:
    bytearray(500 * {MIB})
except MemoryError:
    print("refused")
print(len(held) // {MIB})
"""
    assert run(program).split() == ["True", "refused", "50"]


def test_the_limit_can_be_changed_and_lifted() -> None:
    program = f"""
for limit in (100, 1000, 100, None):
    print(limit_memory(limit))
    try:
        bytearray(300 * {MIB})
        print("given")
    except MemoryError:
        print("refused")
"""
    assert run(program).split() == ["True", "refused", "True", "given", "True", "refused", "False", "given"]


def test_mapped_files_do_not_count(tmp_path: object) -> None:
    program = f"""
limit_memory(100)
with open("{tmp_path}/file", "wb+") as file:
    file.truncate(500 * {MIB})
    view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
print(len(view) // {MIB})
"""
    assert run(program) == "500"


def test_a_hard_limit_of_the_system_is_kept() -> None:
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_DATA, (300 * {MIB}, 300 * {MIB}))
for limit in (100, 5000, None):
    limit_memory(limit)
    print(resource.getrlimit(resource.RLIMIT_DATA)[0] // {MIB})
"""
    assert run(program).split() == ["100", "300", "300"]


def test_no_limit_changes_nothing_here() -> None:
    assert not limit_memory(None)
