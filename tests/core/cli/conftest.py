"""The real program, run in a home of its own, with plugins that a test installs for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

TIMEOUT_S = 50

# A compute backend that keeps logs and runtimes, and notes in the file `told` what it is asked to delete.
ACME = """
from msgspec import Struct
from lithops.config import Secret
from lithops.errors import BackendError
from lithops.spi import Check, ComputeBackend, ComputeFeature, LogLine, RuntimeInfo
from lithops.spi.hooks import BackendInfo, hookimpl


class Config(Struct, frozen=True, kw_only=True):
    token: Secret | None = None
    told: str = "told"
    region: str | None = None


class Acme(ComputeBackend):
    features = ComputeFeature.LOGS

    def __init__(self, options):
        self.told = options.told

    def start(self, runtime, calls, report):
        raise BackendError("acme takes no calls: use another backend")

    def logs(self, handle):
        yield LogLine(f"first line of {handle}")
        yield LogLine("second line")

    def doctor(self):
        yield Check("quota", False, "0 of 0 workers are left", "ask acme for more")

    def list_runtimes(self):
        return [RuntimeInfo("blue", "3.11", 1)]

    def delete_runtime(self, runtime):
        self.note(f"runtime {runtime.name}")

    def clear(self, executor_id, job_ids=None):
        self.note(f"executor {executor_id}")

    def note(self, line):
        with open(self.told, "a") as file:
            file.write(line + "\\n")


@hookimpl
def lithops_compute_backends():
    return [BackendInfo("acme", "acme:Acme", "acme:Config", default_storage="localhost")]
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A home, which is the current folder too, and a folder of plugins."""

    home: Path
    site: Path

    def install(self, name: str, source: str) -> None:
        """Install a plugin of one module."""
        (self.site / f"{name}.py").write_text(source, encoding="utf-8")
        metadata = self.site / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "entry_points.txt").write_text(f"[lithops]\n{name} = {name}\n", encoding="utf-8")

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.home / ".lithops_config").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return self.python("-m", "lithops.cli", *arguments, stdin=stdin, **environ)

    def ok(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> str:
        """Run the program, which should succeed and say nothing on standard error, and give its output."""
        done = self.run(*arguments, stdin=stdin, **environ)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def python(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run an interpreter to its end."""
        with self.start(*arguments, environ=environ) as process:
            out, err = process.communicate(stdin if isinstance(stdin, bytes) else stdin.encode(), TIMEOUT_S)
        return subprocess.CompletedProcess(arguments, process.returncode, out.decode(), err.decode())

    def start(
        self, *arguments: str, stdout: int | IO[bytes] = subprocess.PIPE, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start an interpreter in a process group of its own."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LITHOPS", "PYTHON"))}
        own = {"HOME": str(self.home), "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.home,
            env={**inherited, **own, **(environ or {})},
            start_new_session=True,
        )


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path / "home", tmp_path / "site")
    made.home.mkdir()
    made.site.mkdir()
    return made


@pytest.fixture
def acme(sandbox: Sandbox) -> Sandbox:
    """A sandbox with the backend `acme`, configured."""
    sandbox.install("acme", ACME)
    sandbox.configure("lithops: {backend: acme}\nacme: {token: my-secret-token}\n")
    return sandbox
