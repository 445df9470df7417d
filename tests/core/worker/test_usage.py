"""What a process has used: it grows with what is done, and is in the units that it says."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from lithops.worker.usage import UsageMeter


def test_processor_time_grows_with_work() -> None:
    meter = UsageMeter()
    before = meter.read()
    limit = time.monotonic() + 5
    while meter.read().cpu_user_s - before.cpu_user_s < 0.02:
        sum(range(10_000))
        assert time.monotonic() < limit
    after = meter.read()
    assert after.cpu_system_s >= before.cpu_system_s


MEMORY = """
import os
from lithops.worker.usage import UsageMeter

meter = UsageMeter()
before = meter.read()
assert 1_000_000 < before.rss_bytes < 500_000_000, before
held = bytearray(os.urandom(1)) * 64_000_000
after = meter.read()
assert after.rss_bytes - before.rss_bytes > 32_000_000, (before, after)
assert after.peak_bytes > 64_000_000, after
del held
assert meter.read().peak_bytes >= after.peak_bytes
"""


def test_memory_is_in_bytes_and_grows_when_it_is_touched() -> None:
    """In a process of its own: one that has freed much gets memory that was counted before."""
    subprocess.run([sys.executable, "-c", MEMORY], check=True, timeout=30)


def test_a_meter_is_cheap_in_descriptors() -> None:
    meters = [UsageMeter() for _ in range(3)]
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for meter in meters * 10:
        meter.read()
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before
