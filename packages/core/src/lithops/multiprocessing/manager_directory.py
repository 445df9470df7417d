"""What a started manager leaves in Redis for `connect`: how its kinds of objects are made, and the single ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from lithops.multiprocessing.state import SharedObject, dumps, expiry_ms, loads

__all__ = ["Directory", "complete", "find", "publish"]


class Directory(SharedObject):
    """A hash in Redis under a name made of address and key: who does not know the key does not find it."""

    _plain = ("_name", "_is_owner")

    def __init__(self, address: Any, authkey: bytes, *, is_owner: bool) -> None:
        super().__init__("directory")
        self._name = (
            f"lithops-mp:manager:{blake2b(repr(address).encode(), key=_short(authkey), digest_size=20).hexdigest()}"
        )
        self._is_owner = is_owner

    def _keys(self) -> list[str]:
        return [self._name] if self._is_owner else []

    def maker(self, typeid: str) -> Callable[..., Any] | None:
        """Give the callable that the manager registered for a kind."""
        data = self._redis.call("HGET", self._name, f"kind:{typeid}")
        return None if data is None else loads(data)

    def single(self, typeid: str, args: Any, share: Callable[[], Any]) -> Any:
        """Give the one object of a kind and arguments; share it, if nobody did before."""
        field = f"single:{typeid}:{blake2b(dumps(args), digest_size=20).hexdigest()}"
        known = self._redis.call("HGET", self._name, field)
        if known is None:
            mine = share()
            if self._redis.call("HSETNX", self._name, field, dumps(mine)):
                return mine
            known = self._redis.call("HGET", self._name, field)
        return loads(known)

    def close(self) -> None:
        if self._is_owner:
            self._redis.call("DEL", self._name)


def complete(address: Any) -> Any:
    """Give the address of a manager: a new one where there is none, or where its port is 0."""
    if address is None:
        return f"lithops-mp:{uuid4().hex}"
    if isinstance(address, tuple) and len(address) == 2 and address[1] == 0:
        return (address[0], 49152 + uuid4().int % 16384)
    return address


def publish(address: Any, authkey: bytes, kinds: Mapping[str, Callable[..., Any]]) -> Directory:
    """Leave the kinds of a manager for others. One whose callable cannot be pickled can be made only here."""
    directory = Directory(address, authkey, is_owner=True)
    fields: dict[str, bytes] = {"started": b"1"}
    for typeid, make in kinds.items():
        try:
            fields[f"kind:{typeid}"] = dumps(make)
        except Exception:  # of the user's own objects, that the callable refers to
            continue
    client, name = directory._redis, directory._name
    client.call("DEL", name)
    client.call("HSET", name, *(part for field in fields.items() for part in field))
    client.call("PEXPIRE", name, expiry_ms())
    return directory


def find(address: Any, authkey: bytes) -> Directory:
    """Find what another process published. Raises ConnectionRefusedError if nothing is there."""
    directory = Directory(address, authkey, is_owner=False)
    if not directory._redis.call("EXISTS", directory._name):
        raise ConnectionRefusedError(f"no manager of address {address!r} and this authkey is started: start it first")
    return directory


def _short(authkey: bytes) -> bytes:
    return blake2b(authkey, digest_size=32).digest()
