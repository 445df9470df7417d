"""Where the program `lithops` starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from lithops.cli import INTERRUPTED, NEEDS_EXTRA

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program with these arguments, or those of the process, and exit with its code."""
    try:
        from lithops.cli.program import program

        program.main(arguments, prog_name="lithops")
        sys.exit()
    except ModuleNotFoundError as exc:
        if exc.name != "click":
            raise
        sys.exit(NEEDS_EXTRA)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        _flush()


def _flush() -> None:
    """Write what is left; where that fails, as to a closed pipe, keep the interpreter from failing by it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # it may have been closed before the start
                stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
