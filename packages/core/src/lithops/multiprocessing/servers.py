"""Which Redis server this process uses for new objects, and its clients: one for each server and process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lithops.monitoring.config import RedisConfig
from lithops.multiprocessing.executors import program_settings
from lithops.multiprocessing.process import current_process
from lithops.redis_server import missing_package, reference
from lithops.types import StorageRef
from lithops.worker import context

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = ["adopt", "client_of", "clients", "new_object_server", "server_for_workers"]

_adopted: StorageRef | None = None
_clients: dict[tuple[int, str], Client] = {}


def adopt(ref: StorageRef) -> None:
    """Use this server for what a call makes: the one that its arguments came with."""
    global _adopted
    _adopted = ref


def new_object_server() -> StorageRef:
    """Give the server for a new object: in a worker that of the client, else that of the configuration."""
    if context.current() is not None:
        known = current_process()._server or _adopted
        if known is not None:
            return known
    return _configured()[0]


def server_for_workers() -> StorageRef | None:
    """Give the server that a process is to know of; None where the configuration names none."""
    if context.current() is not None:
        return current_process()._server or _adopted
    is_named = any(info.name == "redis" for info, _ in program_settings().brokers())
    return _configured()[0] if is_named else None


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
    for info, found in program_settings().brokers():
        if info.name == "redis" and isinstance(found, RedisConfig):
            options = found
    plain = {name: getattr(options, name) for name in options.__struct_fields__ if name != "password"}
    return reference(plain), None if options.password is None else options.password.reveal()


def _name(ref: StorageRef) -> str:
    return repr(sorted(ref.options.items()))


def _require_redis() -> None:
    try:
        import redis  # noqa: F401
    except ImportError as exc:
        raise missing_package("what lithops.multiprocessing shares is kept in Redis", "multiprocessing") from exc
