"""A RabbitMQ server of the tests' own: its port, its node and its epmd are nobody else's, its password is made up."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.emulators.servers import free_port, is_in_ci, running

__all__ = ["Rabbit", "running_rabbitmq"]

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # not Debian's wrapper, which changes to a user of its own


@dataclass(frozen=True, slots=True)
class Rabbit:
    """Where the server is, and who may use it."""

    port: int
    password: str
    pid: int
    username: str = "tests"


@contextmanager
def running_rabbitmq() -> Iterator[Rabbit]:
    """Start a server; without RabbitMQ the test is skipped, and fails in CI."""
    epmd = shutil.which("epmd")
    if epmd is None or not PROGRAM.exists():
        if is_in_ci():
            pytest.fail("there is no RabbitMQ: apt-get install rabbitmq-server")
        pytest.skip("there is no RabbitMQ on this machine: install the package rabbitmq-server")
    password = secrets.token_hex(12)
    with tempfile.TemporaryDirectory() as folder, running([epmd, "-port", "{port}", "-address", "127.0.0.1"]) as names:
        home = Path(folder)
        config = home / "rabbitmq.conf"
        config.write_text(f"default_user = tests\ndefault_pass = {password}\nvm_memory_high_watermark.relative = 0.8\n")
        (home / "enabled_plugins").write_text("[].\n")
        env = {
            "HOME": folder,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names.port),
            "RABBITMQ_NODENAME": f"lithops{names.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
        }
        with running(["env", "RABBITMQ_NODE_PORT={port}", str(PROGRAM)], env) as server:
            yield Rabbit(server.port, password, server.pid)
