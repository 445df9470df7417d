"""`lithops logs`: the platform's log where there is one, and a sentence where there is none."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.core.cli.conftest import Sandbox

LOG = "first line of 1f2e3d-0-M000\nsecond line\n"


@pytest.mark.parametrize("arguments", [["get", "1f2e3d-0-M000"], ["poll"], ["poll", "1f2e3d-0-M000"]], ids=str)
def test_a_backend_without_logs_says_where_the_output_is(sandbox: Sandbox, arguments: list[str]) -> None:
    done = sandbox.run("logs", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: the backend 'localhost' keeps no logs: what workers print is shown")


def test_get_prints_the_log(acme: Sandbox) -> None:
    assert acme.ok("logs", "get", "1f2e3d-0-M000") == LOG


def test_poll_prints_each_line_once_until_ctrl_c(acme: Sandbox) -> None:
    program = (
        "import lithops.cli.logs as logs; logs.POLL_S = 0.01; from lithops.cli.main import main;"
        "main(['logs', 'poll', '1f2e3d-0-M000'])"
    )
    with acme.start("-c", program) as process:
        assert process.stdout is not None
        assert process.stdout.readline() + process.stdout.readline() == LOG.encode()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b""
        assert process.wait(30) == 130


def test_poll_needs_a_job_where_there_are_logs(acme: Sandbox) -> None:
    assert acme.run("logs", "poll").returncode == 2


LATE = """
from msgspec import Struct
from lithops.spi import ComputeBackend, ComputeFeature, LogLine
from lithops.spi.hooks import BackendInfo, hookimpl


class Config(Struct, frozen=True, kw_only=True):
    pass


class Late(ComputeBackend):
    features = ComputeFeature.LOGS
    looks = 0

    def __init__(self, options):
        pass

    def start(self, runtime, calls, report):
        raise NotImplementedError

    def logs(self, handle):
        yield LogLine("one", 1.0)
        if self.looks:
            yield LogLine("late", 2.0)
        yield LogLine("three", 3.0)
        yield LogLine("three", 3.0)
        self.looks += 1


@hookimpl
def lithops_compute_backends():
    return [BackendInfo("late", "late:Late", "late:Config", default_storage="localhost")]
"""


def test_poll_prints_a_line_that_comes_between_others_later(sandbox: Sandbox) -> None:
    sandbox.install("late", LATE)
    program = (
        "import lithops.cli.logs as logs; logs.POLL_S = 0.01; from lithops.cli.main import main;"
        "main(['logs', 'poll', 'a-0-M000', '-b', 'late'])"
    )
    with sandbox.start("-c", program) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(4)] == [b"one\n", b"three\n", b"three\n", b"late\n"]
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b""
        assert process.wait(30) == 130
