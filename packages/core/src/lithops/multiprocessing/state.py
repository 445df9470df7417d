"""`SharedObject`: the base of all that lives in Redis. Pickled by reference, kept alive while a process has it.

The parts have rooms of their own: `redis_client`, `scripts`, `servers`, `identities`, `heartbeat`, `pickling`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from lithops.multiprocessing.heartbeat import bury, expiry_ms, leave, set_expiry, track
from lithops.multiprocessing.identities import ALIVE, LEASE_MS, end_identity, identity, new_identity
from lithops.multiprocessing.pickling import dumps, loads
from lithops.multiprocessing.scripts import Script, script
from lithops.multiprocessing.servers import adopt, client_of, new_object_server
from lithops.types import StorageRef
from lithops.worker import context

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = [
    "ALIVE",
    "LEASE_MS",
    "Script",
    "SharedObject",
    "dumps",
    "end_identity",
    "expiry_ms",
    "identity",
    "loads",
    "new_identity",
    "script",
    "set_expiry",
]


class SharedObject:
    """An object whose state is in Redis under `_key`; subclasses with more keys override `_keys`.

    Only the attributes that `_plain` names travel with a pickle. A client deletes at its exit what it made, and at once
    what it made and nobody else can know; what a worker made expires.
    """

    _plain: ClassVar[tuple[str, ...]] = ()
    _client: tuple[int, Client] | None = None

    def __init__(self, kind: str) -> None:
        self._ref: StorageRef = new_object_server()
        self._key = f"lithops-mp:{kind}:{os.urandom(12).hex()}"
        self._maker = os.getpid()
        self._is_of_client = context.current() is None
        self._is_known_elsewhere = False
        client_of(self._ref)  # sends nothing, but what is imported here cannot be imported by the exit that deletes
        track(self)

    @property
    def _redis(self) -> Client:
        cached = self._client
        if cached is None or cached[0] != os.getpid():
            cached = self._client = (os.getpid(), client_of(self._ref))
        return cached[1]

    def _keys(self) -> list[str]:
        return [self._key]

    def __getstate__(self) -> dict[str, Any]:
        self._is_known_elsewhere = True
        names = [name for kind in reversed(type(self).__mro__) for name in kind.__dict__.get("_plain", ())]
        return {"_ref": tuple(self._ref), "_key": self._key, **{name: getattr(self, name) for name in names}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._ref = StorageRef(*state["_ref"])
        self._maker = 0
        self._is_of_client = False
        self._is_known_elsewhere = True
        adopt(self._ref)
        track(self)

    def _is_deleted_at_exit(self) -> bool:
        return self._is_of_client and self._maker == os.getpid()

    def __del__(self) -> None:
        if self.__dict__.get("_maker") != os.getpid():
            return
        try:
            keys = self._keys()
        except AttributeError:  # its making failed half-way
            keys = [self._key]
        if not self._is_known_elsewhere:
            bury(self._ref, keys)
        elif self._is_of_client:
            leave(self._ref, keys)
