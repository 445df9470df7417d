"""A Redis server with a password, and configurations by which workers of the local Lambda reach it. Fixtures."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.aws.lambda_executors import Executors
from tests.emulators.redis_server_process import RunningRedis, running_redis

from lithops.multiprocessing.executors import close_shared

__all__ = ["config", "server", "using"]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningRedis]:
    with running_redis() as found:
        yield found
        close_shared()
        gc.collect()


@contextmanager
def using(config: dict[str, Any]) -> Iterator[None]:
    """Let pools and processes use a configuration; all processes share an executor, which is a new one then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITHOPS_CONFIG", json.dumps(config))
        close_shared()
        try:
            yield
        finally:
            close_shared()


@pytest.fixture(scope="module")
def config(executors: Executors, server: RunningRedis) -> Callable[..., dict[str, Any]]:
    """Make what a user writes, by keys of the section aws_lambda."""

    def make(**keys: Any) -> dict[str, Any]:
        found: dict[str, Any] = executors.config(
            **{
                "requirements": ["redis"],
                "environment": "local",
                "env_vars": {"LITHOPS_REDIS_PASSWORD": server.password},
                **keys,
            }
        )
        return {**found, "redis": {"host": server.host, "port": server.port, "password": server.password}}

    return make
