"""What holds for every test."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def _signals() -> None:
    """Undo what `nohup` and a shell's `&` do: a signal that is ignored here would be ignored by every process of a test."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
