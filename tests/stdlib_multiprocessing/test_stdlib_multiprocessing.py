"""What passed of the standard library's own tests of multiprocessing still passes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from tests.emulators.redis_server_process import RunningRedis, running_redis
from tests.stdlib_multiprocessing import run

pytest.importorskip("test._test_multiprocessing", reason="this Python comes without the standard library's tests")

MUST_PASS = run.MUST_PASS.read_text("utf-8").split()
BY_CLASS = {name: list(tests) for name, tests in itertools.groupby(MUST_PASS, lambda test: test.partition(".")[0])}


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RunningRedis]:
    """Run a server for all classes."""
    with running_redis() as server:
        yield server


@pytest.mark.parametrize("name", BY_CLASS)
def test_standard_tests_pass(name: str, redis_server: RunningRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CLASS_TIMEOUT_S", 50)
    found = run.run_one(redis_server, BY_CLASS[name])
    failed = {test: why for test, (kind, why) in found.items() if kind not in ("passed", "skipped")}
    assert not failed
    assert set(found) == set(BY_CLASS[name])
