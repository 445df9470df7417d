"""One big object up and down: the rate against the SDK's managed transfer, and the peak memory of fresh processes."""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measure import ROOT, Row, timed
from benchmarks.stores.pairs import in_pairs
from benchmarks.stores.sizes import MIB, Sizes
from benchmarks.stores.store import Client, Store

__all__ = ["rows"]

PEAK_TIMEOUT_S = 600


def rows(store: Store, url: str, sizes: Sizes) -> list[Row]:
    """Measure the way up, the way down, and then the memory of each."""
    size_mib = sizes.big_bytes // MIB
    ours, sdk = store.ours(url), store.sdk(url)
    found = []
    with tempfile.TemporaryDirectory(prefix="lithops-bench-") as folder:
        path, copy = f"{folder}/big", f"{folder}/copy"
        with open(path, "wb") as file:
            for _ in range(size_mib):
                file.write(os.urandom(MIB))

        def up(client: Client, side: str, _: int) -> float:
            return timed(lambda: client.upload(path, f"big/{side}"))

        def down(client: Client, side: str, _: int) -> float:
            Path(copy).unlink(missing_ok=True)
            return timed(lambda: client.download(f"big/{side}", copy))

        for way, act in (("up", up), ("down", down)):
            pair = in_pairs(partial(act, ours, "ours"), partial(act, sdk, "sdk"), rounds=sizes.big_rounds)
            mine, theirs = (f"{size_mib / seconds:,.0f} MiB/s" for seconds in (pair.ours_s, pair.peer_s))
            found.append(Row(f"{size_mib} MiB {way}", mine, f"{store.sdk_name} {theirs}", pair.ratio, at_least=1))
        for client, side in ((ours, "ours"), (sdk, "sdk")):
            down(client, side, 0)
            if not filecmp.cmp(path, copy, shallow=False):
                raise ValueError(f"what {side} wrote and read is not the file")
        for way in ("up", "down"):
            ours_peak, sdk_peak = (peak(store, url, side, way, path) for side in ("ours", "sdk"))
            scenario = f"{size_mib} MiB {way}, peak memory over the start"
            peer = f"{store.sdk_name} {sdk_peak}"
            found.append(Row(scenario, f"{ours_peak}", peer, ours_peak.rise_mib, at_most=100, unit="MiB"))
    return found


@dataclass(frozen=True, slots=True)
class Peak:
    """The memory of a process, before and at its worst."""

    start_mib: float
    peak_mib: float

    @property
    def rise_mib(self) -> float:
        return self.peak_mib - self.start_mib

    def __str__(self) -> str:
        return f"{self.start_mib:.0f} to {self.peak_mib:.0f} MiB"


def peak(store: Store, url: str, side: str, way: str, path: str) -> Peak:
    """Let a process of its own do one transfer."""
    command = [sys.executable, "-m", "benchmarks.stores.peak", store.name, url, side, way, path]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=PEAK_TIMEOUT_S)
    return Peak(*map(float, done.stdout.split()))
