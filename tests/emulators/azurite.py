"""Azurite, Microsoft's emulator of Azure Storage: its blob service alone, in memory, on a free port of loopback.

It is a program of Node.js: the folder in which `npm install azurite` ran is told by LITHOPS_TESTS_AZURITE.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.emulators.servers import Server, is_in_ci, running

__all__ = ["ACCOUNT", "KEY", "azurite"]

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""A constant of every Azurite, no secret."""


@contextmanager
def azurite() -> Iterator[Server]:
    """Start Azurite; its blob endpoint is `<url>/devstoreaccount1`. Skips the test where it is not installed."""
    program = Path(os.environ.get("LITHOPS_TESTS_AZURITE", "missing"), "node_modules/azurite/dist/src/blob/main.js")
    node = shutil.which("node")
    if node is None or not program.is_file():
        reason = "Azurite is missing: run 'npm install azurite' in a folder, and name it in LITHOPS_TESTS_AZURITE"
        pytest.fail(reason) if is_in_ci() else pytest.skip(reason)
    command = [
        str(node),
        str(program),
        "--silent",
        "--skipApiVersionCheck",
        "--inMemoryPersistence",
        "--disableTelemetry",
    ]
    with running([*command, "--blobHost", "127.0.0.1", "--blobPort", "{port}"]) as server:
        yield server
