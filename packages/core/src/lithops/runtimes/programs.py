"""Run a program of this machine to its end, in bounded time, with its output in the log as it comes."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer

from lithops.errors import ConfigError

__all__ = ["Ended", "run"]

log = logging.getLogger(__name__)

KEPT_LINES = 200


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and the end of what it printed."""

    code: int
    output: str

    def last(self, lines: int) -> str:
        """Give the last lines of the output."""
        return "\n".join(self.output.splitlines()[-lines:])


def run(
    arguments: Sequence[str],
    *,
    timeout_s: float,
    stdin: str = "",
    environ: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> Ended:
    """Run a program; what it prints is logged at the level debug, its arguments and `stdin` are not: they may be secret.

    Raises `ConfigError` when it cannot be started, or runs longer than `timeout_s`; then it and its children are ended.
    """
    name = os.path.basename(arguments[0])
    try:
        process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            cwd=folder,
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as exc:
        raise ConfigError(f"'{name}' cannot be run: {exc.strerror}: check that it is installed and on PATH") from exc
    is_late = False

    def end() -> None:
        nonlocal is_late
        is_late = True
        _kill(process)

    lines: deque[str] = deque(maxlen=KEPT_LINES)
    timer = Timer(timeout_s, end)
    timer.name, timer.daemon = f"lithops-ends-{name}", True
    timer.start()
    try:
        with process:
            if process.stdin is not None and process.stdout is not None:
                with suppress(BrokenPipeError):  # it did not read to the end: its exit code says the rest
                    process.stdin.write(stdin)
                    process.stdin.close()
                for line in process.stdout:
                    lines.append(line.rstrip())
                    log.debug("%s: %s", name, line.rstrip())
            code = process.wait()
    except BaseException:  # Ctrl-C too: nothing goes on behind the user's back
        _kill(process)
        raise
    finally:
        timer.cancel()
        timer.join()
    ended = Ended(code, "\n".join(lines))
    if is_late:
        raise ConfigError(
            f"'{name}' ran longer than {timeout_s:.0f} s and was ended: check the network; its last output was:\n"
            + ended.last(5)
        )
    return ended


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
