"""Servers that stand in for a cloud: started on a free port of loopback, ended with the process that started them.

    with running([sys.executable, "-P", "server.py", "{port}"]) as server:
        print(server.url)

A server is told its port by "{port}". It ends when it is told to, and also when this process is killed: `leash` stands
between the two and watches a pipe.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HERE", "Server", "free_port", "is_in_ci", "running"]

HERE = Path(__file__).parent
_LEASH = HERE / "leash.py"
_START_S = 60.0
_STOP_S = 10.0
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Server:
    """A server that accepts connections. `url` is `http://127.0.0.1:<port>`."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def is_in_ci() -> bool:
    """Tell whether a server that is missing is a failure, not a reason to skip."""
    return bool(os.environ.get("LITHOPS_TESTS_IN_CI"))


def free_port() -> int:
    """Find a port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start a server and wait until it listens. Raises `RuntimeError` with what it printed when it does not."""
    for attempt in range(_TRIES):  # another program may take the port first
        port = free_port()
        with tempfile.TemporaryFile() as printed:
            filled = [part.replace("{port}", str(port)) for part in command]
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LEASH), *filled],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
            try:
                if _listens(process, port):
                    yield Server(port, process.pid)
                    return
                printed.seek(0)
                said = printed.read().decode(errors="replace")[-4000:]
            finally:
                assert process.stdin is not None
                process.stdin.close()  # the leash ends the server
                process.wait(_STOP_S)
        if attempt == _TRIES - 1:
            raise RuntimeError(f"the server {filled} did not listen on port {port}; it printed:\n{said}")


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False
