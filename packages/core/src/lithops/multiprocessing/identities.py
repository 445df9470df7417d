"""Who holds a lock: the identity of this multiprocessing process, and its lease in Redis.

A worker process of Lithops runs many processes of `multiprocessing` one after the other, each with an identity of its own
above that of the worker. While the key `lithops-mp:alive:<identity>` exists, what the identity holds is held. The heartbeat
renews it.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from lithops.errors import BrokerError
from lithops.multiprocessing.servers import clients

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = ["ALIVE", "LEASE_MS", "end_identities", "end_identity", "identity", "new_identity", "renew_leases"]

ALIVE = "lithops-mp:alive:"
LEASE_MS = 10_000

_names: tuple[int, tuple[str, ...]] = (0, ())
"""The process of the operating system, and its identities: the last one is that of now."""


def identity() -> str:
    """Give the identity of this process; it is made when it is first asked for, and anew in a forked child."""
    pid, names = _names
    return names[-1] if names and pid == os.getpid() else new_identity()


def new_identity() -> str:
    """Begin a process of `multiprocessing` in this process of the operating system, and give its identity."""
    global _names
    name = os.urandom(8).hex()
    _names = (os.getpid(), (*_own(), name))
    return name


def end_identity() -> None:
    """End the process that began last: what it held is free at once, and its ends of pipes are closed."""
    global _names
    names = _own()
    if names:
        _names = (os.getpid(), names[:-1])
        _forget(names[-1])


def end_identities() -> None:
    """End all processes of this process."""
    while _own():
        end_identity()


def renew_leases(client: Client) -> None:
    """Renew the leases of all identities at one server. Raises `BrokerError`."""
    for name in _own():
        if not client.call("PEXPIRE", ALIVE + name, LEASE_MS):  # which a full server does not refuse
            client.call("SET", ALIVE + name, 1, "PX", LEASE_MS)
        if name not in _own():  # it ended meanwhile
            client.call("DEL", ALIVE + name)


def _own() -> tuple[str, ...]:
    return _names[1] if _names[0] == os.getpid() else ()


def _forget(name: str) -> None:
    for client in clients():
        with contextlib.suppress(BrokerError):  # the server is gone, or refuses: the lease lapses by itself
            client.call("DEL", ALIVE + name)
