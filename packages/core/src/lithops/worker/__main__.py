"""The worker as a program: `python -m lithops.worker pipe FD HOME [CREDENTIALS_FD]`, or `... once < calls > statuses`."""

from __future__ import annotations

import gc
import sys


def main(arguments: list[str]) -> int:
    """Run the worker that the first argument names. Gives the exit code: 2 for wrong usage."""
    match arguments:
        case ["pipe", fd, home, *credentials] if len(credentials) < 2 and all(map(str.isdigit, (fd, *credentials))):
            gc.disable()  # while modules are imported there is nothing to collect: `serve` turns it on again
            from lithops.worker.credentials import take_from
            from lithops.worker.pipe import serve

            for file in credentials:
                take_from(int(file))
            serve(int(fd), home)
        case ["once"]:
            from lithops.worker.once import main as run_once

            return run_once()
    print("usage: python -m lithops.worker pipe FD HOME [CREDENTIALS_FD] | once", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
