"""Which Redis server this process uses for new objects, and its clients: one for each server and process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lithops.config import resolve
from lithops.monitoring.config import RedisConfig
from lithops.redis_server import reference
from lithops.types import StorageRef
from lithops.worker import context

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = ["adopt", "client_of", "clients", "new_object_server"]

_adopted: StorageRef | None = None
_clients: dict[tuple[int, str], Client] = {}


def adopt(ref: StorageRef) -> None:
    """Use this server for what a call makes: the one that its arguments came with."""
    global _adopted
    _adopted = ref


def new_object_server() -> StorageRef:
    """Give the server for a new object: in a worker that of the client, else that of the configuration."""
    if context.current() is not None and _adopted is not None:
        return _adopted
    return _configured()[0]


def client_of(ref: StorageRef) -> Client:
    """Give this process's client of a server. Thread-safe, and no connection is shared with a forked child."""
    key = (os.getpid(), _name(ref))
    found = _clients.get(key)
    if found is None:
        _require_redis()
        from lithops.multiprocessing.redis_client import open_client

        found = _clients.setdefault(key, open_client(ref, _password(ref)))
    return found


def clients() -> list[Client]:
    """List the clients of this process."""
    return [client for (pid, _), client in list(_clients.items()) if pid == os.getpid()]


def _password(ref: StorageRef) -> str | None:
    """Give the configured password, for the configured server only; a worker's is found by `connect`."""
    if context.current() is not None:
        return None
    configured, password = _configured()
    return password if _name(configured) == _name(ref) else None


def _configured() -> tuple[StorageRef, str | None]:
    options = RedisConfig()
    for info, found in resolve().brokers():
        if info.name == "redis" and isinstance(found, RedisConfig):
            options = found
    plain = {name: getattr(options, name) for name in options.__struct_fields__ if name != "password"}
    return reference(plain), None if options.password is None else options.password.reveal()


def _name(ref: StorageRef) -> str:
    return repr(sorted(ref.options.items()))


def _require_redis() -> None:
    from lithops.errors import MissingDependencyError

    try:
        import redis  # noqa: F401
    except ImportError as exc:
        raise MissingDependencyError(
            "what lithops.multiprocessing shares is kept in Redis, and its package is missing:"
            " pip install 'lithops[multiprocessing]'"
        ) from exc
