"""A home of its own for every module, an executor that its tests share, and clients as processes that are seen to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import lithops

ENDS_WITHIN_S = 20.0
"""Far more than any client or its workers need, far less than the time-out of a test."""


HANGS_AFTER_S = 45.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A hang fails its own test, by a signal, and the others go on."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(HANGS_AFTER_S, method="signal"))


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing of the machine's own configuration, and nothing written in the real home."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("LITHOPS"):
                patch.delenv(name)
        patch.setenv("HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def executor() -> Iterator[lithops.FunctionExecutor]:
    """One executor with two workers for all tests of a module."""
    with lithops.FunctionExecutor(worker_processes=2) as made:
        yield made


@pytest.fixture
def fresh() -> Iterator[lithops.FunctionExecutor]:
    """An executor that no other test has used."""
    with lithops.FunctionExecutor(worker_processes=2) as made:
        yield made


class Gate:
    """Calls wait before it until it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, x: Any) -> Any:
        limit = time.monotonic() + 30
        while not self.path.exists() and time.monotonic() < limit:
            time.sleep(0.005)
        return x

    def open(self) -> None:
        self.path.touch()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "open")
    yield made
    made.open()


class Client:
    """A user's program as a process of its own, with its own home and temp folder."""

    def __init__(self, process: subprocess.Popen[str], home: Path, mark: str) -> None:
        self.process = process
        self.home = home
        self.temp = home / "temp"
        self._mark = f"E2E_MARK={mark}".encode()

    def interrupt(self) -> None:
        """Press Ctrl-C: SIGINT to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def line(self) -> str:
        """Read one line of what it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def finish(self, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        try:
            stdout, stderr = self.process.communicate(stdin, timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            stdout, stderr = self.process.communicate()
            pytest.fail(f"the client did not end in {ENDS_WITHIN_S} s; stdout: {stdout}; stderr: {stderr}")
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, stdout, stderr)

    def processes(self) -> list[int]:
        """All living processes that it started, at whichever remove, and itself; none where there is no /proc."""
        found: list[int] = []
        if not sys.platform.startswith("linux"):
            return found
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if self._mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:  # gone, a zombie, or not ours
                continue
        return found

    def wait_until_no_process_is_left(self) -> list[int]:
        """Give those that live on when the time is over."""
        limit = time.monotonic() + ENDS_WITHIN_S
        while self.processes() and time.monotonic() < limit:
            time.sleep(0.02)
        return self.processes()

    def temp_files(self) -> list[str]:
        """Name what is left in the temp folder."""
        return sorted(os.listdir(self.temp))

    def stored_files(self) -> list[str]:
        """Name the files that are left below the default storage root."""
        root = self.home / ".lithops"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def kill(self) -> None:
        """End it and all that it started."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue


@pytest.fixture
def start_client(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Give what starts a program: its text, or with `argv` the interpreter's own arguments."""
    clients: list[Client] = []

    def start(
        program: str | None = None,
        *,
        argv: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Client:
        home = tmp_path / f"client-{len(clients)}"
        (home / "temp").mkdir(parents=True)
        if program is not None:
            (home / "program.py").write_text(program, encoding="utf-8")
            argv = [str(home / "program.py"), *argv]
        mark = uuid.uuid4().hex
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LITHOPS", "PYTHON"))}
        process = subprocess.Popen(
            [sys.executable, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd or home,
            env={**kept, "HOME": str(home), "TMPDIR": str(home / "temp"), "E2E_MARK": mark, **(env or {})},
            start_new_session=True,
        )
        client = Client(process, home, mark)
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.kill()
        client.process.communicate()


@pytest.fixture
def run_client(start_client: Callable[..., Client]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give what runs a program to its end, and sees that it leaves no process and no temp file."""

    def run(
        program: str | None = None,
        *,
        argv: Sequence[str] = (),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        client = start_client(program, argv=argv, env=env, cwd=cwd)
        done = client.finish(stdin)
        assert client.wait_until_no_process_is_left() == []
        assert client.temp_files() == []
        return done

    return run
