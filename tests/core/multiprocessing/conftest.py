"""A Redis server for the tests of `lithops.multiprocessing`, and the configuration that names it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from tests.emulators.redis_server_process import RunningRedis, running_redis

from lithops.multiprocessing.pool import Pool


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RunningRedis]:
    """Run a server for the whole session."""
    with running_redis() as server:
        yield server


@pytest.fixture(autouse=True)
def configured(redis_server: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningRedis:
    """Configure this machine and the server, in a home of the test's own."""
    section = {"host": redis_server.host, "port": redis_server.port, "password": redis_server.password}
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LITHOPS_CONFIG", json.dumps({"lithops": {"backend": "localhost"}, "redis": section}))
    monkeypatch.delenv("LITHOPS_CONFIG_FILE", raising=False)
    return redis_server


Spawn = Callable[..., "subprocess.Popen[bytes]"]
"""Run a function in a process of its own: what it returns is pickled to standard output."""

_PROGRAM = """
import pickle, sys
function, args = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps(function(*args)))
sys.stdout.flush()
"""


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Give a function that starts processes; those that still run at the end are killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(function: Callable[..., Any], *args: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        module = sys.modules[function.__module__]
        cloudpickle.register_pickle_by_value(module)
        try:
            data = cloudpickle.dumps((function, args))
        finally:
            cloudpickle.unregister_pickle_by_value(module)
        assert process.stdin is not None
        process.stdin.write(data)
        process.stdin.flush()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def result_of(process: subprocess.Popen[bytes]) -> Any:
    """Give what the function of a started process returned."""
    out, err = process.communicate(timeout=40)
    assert process.returncode == 0, err.decode()
    return pickle.loads(out)


@pytest.fixture(name="result_of")
def _result_of() -> Callable[[subprocess.Popen[bytes]], Any]:
    return result_of


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Run a pool of two workers."""
    made = Pool(2)
    yield made
    made.terminate()
    made.join()
