"""Do one big transfer and nothing else, and print the MiB of the start and of the peak: `peak STORE URL SIDE WAY PATH`.

The start is a process whose client is open and has moved one small object: modules are imported, a connection is open.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

from benchmarks.stores.sizes import MIB
from benchmarks.stores.store import store_named

_STATUS = Path("/proc/self/status")


def main(name: str, url: str, side: str, way: str, path: str) -> None:
    """Transfer, and print."""
    store = store_named(name)
    client = store.ours(url) if side == "ours" else store.sdk(url)
    client.put("peak/warm", b"warm")
    client.get("peak/warm")
    start = peak_bytes()
    if way == "up":
        client.upload(path, f"peak/{side}")
    else:
        with tempfile.TemporaryDirectory(prefix="lithops-bench-") as folder:
            client.download(f"big/{side}", f"{folder}/copy")
    print(start / MIB, peak_bytes() / MIB)


def peak_bytes() -> int:
    """Give the most memory that this process had at once."""
    if _STATUS.exists():  # Linux: `ru_maxrss` also counts what the process that started this one had
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
