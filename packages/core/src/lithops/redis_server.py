"""Reach a Redis server: by the section `redis` of the configuration or, in a worker, by a reference without a password."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lithops.errors import MissingDependencyError
from lithops.types import StorageRef
from lithops.worker.credentials import entrusted

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["FACTORY", "PASSWORD_VARIABLE", "connect", "reference"]

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


def connect(ref: StorageRef, password: str | None = None) -> Redis:
    """Make a client of the server; nothing is sent yet. Thread-safe, with a pool of connections.

    Without a `password`, it is what this worker was entrusted with, or the variable `LITHOPS_REDIS_PASSWORD`. Raises
    `MissingDependencyError` without the package `redis`.
    """
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as exc:
        raise MissingDependencyError(
            "Redis cannot be reached, since its package is missing: pip install 'lithops[redis]'"
        ) from exc
    secret = password or entrusted(ref).get("password") or os.environ.get(PASSWORD_VARIABLE)
    options = {"host": "127.0.0.1", "port": 6379, **ref.options}
    return Redis(
        password=secret,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1),  # a connection that was closed while nobody used it: more is the caller's choice
        **options,
    )
