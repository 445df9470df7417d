"""Run a command, and end it when standard input ends: when whoever started this closes it, or is no more."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

_GRACE_S = 3.0


def main(command: list[str]) -> int:
    """Run until the command or standard input ends; the command's whole group is killed."""
    signal.signal(signal.SIGTERM, lambda *_: os.close(0))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        while process.poll() is None:
            try:
                readable, _, _ = select.select([0], [], [], 0.2)
                if readable and not os.read(0, 1024):
                    break
            except OSError:
                break
    finally:
        if process.poll() is None:
            process.terminate()
            limit = time.monotonic() + _GRACE_S
            while process.poll() is None and time.monotonic() < limit:
                time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
