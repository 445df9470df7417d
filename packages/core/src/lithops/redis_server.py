"""Reach a Redis server: by the section `redis` of the configuration or, in a worker, by a reference without a password."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lithops.errors import MissingDependencyError
from lithops.types import StorageRef
from lithops.worker import context
from lithops.worker.credentials import entrusted

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["FACTORY", "PASSWORD_VARIABLE", "advice", "connect", "missing_package", "reference"]

PASSWORD_VARIABLE = "LITHOPS_REDIS_PASSWORD"
"""The environment variable in which a worker elsewhere finds the password, since no message carries it."""

FACTORY = "lithops.monitoring.redis_broker:RedisBroker"
"""Under this name a worker finds what it was entrusted with: the broker is at the same server, with the same password."""

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0
"""More than any command may block: those that wait for others do it in short steps."""

_PLAIN = ("host", "port", "db", "username", "ssl", "ssl_ca_certs")


def reference(options: Mapping[str, Any]) -> StorageRef:
    """Make what a worker needs to reach the server: plain values, and never the password."""
    return StorageRef(FACTORY, "", {key: options[key] for key in _PLAIN if options.get(key) is not None}, "redis")


def connect(ref: StorageRef, password: str | None = None, *, retries: int = 1) -> Redis:
    """Make a client of the server; nothing is sent yet. Thread-safe, with a pool of connections.

    A command whose answer did not come is sent again `retries` times: it may be done twice. With 0 it never is.

    Without a `password`, it is what this worker was entrusted with, or the variable `LITHOPS_REDIS_PASSWORD`. Raises
    `MissingDependencyError` without the package `redis`.
    """
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as exc:
        raise missing_package("Redis cannot be reached", "redis") from exc
    secret = password or entrusted(ref).get("password") or os.environ.get(PASSWORD_VARIABLE)
    options = {"host": "127.0.0.1", "port": 6379, **ref.options}
    return Redis(
        password=secret,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        health_check_interval=30,
        retry=Retry(NoBackoff(), retries),
        **options,
    )


def missing_package(what: str, extra: str) -> MissingDependencyError:
    """Make the error of a client or worker without redis-py; `what` is what does not work, `extra` what brings it."""
    if context.current() is None:
        return MissingDependencyError(f"{what}, and its package is missing: pip install 'lithops[{extra}]'")
    return MissingDependencyError(
        f"{what}, and this worker has no package 'redis': add it to 'requirements' in the section of the backend, or to the "
        f"image of its runtime; where the worker has an interpreter of yours, pip install 'lithops[{extra}]' there"
    )


def advice(*, is_refused: bool) -> str:
    """Say what to do about a server that refuses, or that cannot be reached: by a client, or by a worker."""
    if context.current() is None:
        if is_refused:
            return "set 'username' and 'password' in the section 'redis' of the configuration"
        return "set the section 'redis' of the configuration, or start a server"
    if is_refused:
        return (
            f"a worker that is not on its client's machine finds the password in the variable {PASSWORD_VARIABLE}: set it "
            "in the environment of the runtime ('env_vars' in the section of a backend that has this key)"
        )
    return (
        "the section 'redis' of the client's configuration must name a 'host' that its workers reach, too: 127.0.0.1 is "
        "each one's own machine, and a cloud's network and firewalls may be in between"
    )
