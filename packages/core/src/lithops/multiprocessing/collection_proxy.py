"""`CollectionProxy`: what the proxies of dicts and lists have in common. Their data are keys of Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self
from uuid import uuid4

from lithops.multiprocessing.gone import gone
from lithops.multiprocessing.proxy import BaseProxy, Shared
from lithops.multiprocessing.staging import MAX_ARGUMENTS, stage
from lithops.multiprocessing.state import Script, expiry_ms

__all__ = ["CollectionProxy", "plain"]


class CollectionProxy(BaseProxy):
    """A collection under a version, which each change raises and which exists as long as the collection does.

    A subclass names the built-in type that it stands for, and the keys of its parts, which come after the version's.
    """

    _native: ClassVar[type]
    _parts: ClassVar[tuple[str, ...]]

    def __init__(self, *values: Any) -> None:
        super().__init__(self._native.__name__)
        self._redis.call("SET", self._key, 0, "PX", expiry_ms())

    @classmethod
    def share(cls, value: Any, what: Shared) -> Self:
        proxy = cls(value)
        proxy._typeid = what.typeid
        return proxy

    def _keys(self) -> list[str]:
        return [self._key, *(f"{self._key}:{part}" for part in self._parts)]

    def _run(self, what: Script, *arguments: Any, staged: str = "") -> Any:
        """Run a script on the keys. Raises SharedObjectGoneError if the collection is not there any more."""
        answer = what(self._redis, [*self._keys(), staged], arguments)
        if answer is None:
            raise gone(self)
        return answer

    def _run_with(self, what: Script, arguments: Sequence[Any], more: Sequence[bytes]) -> Any:
        """Run a script with some arguments and any number of others, which are staged if they are too many for a call."""
        if len(more) <= MAX_ARGUMENTS:
            return self._run(what, *arguments, *more)
        staged = f"{self._key}:{uuid4().hex}"
        stage(self._redis, staged, more)
        return self._run(what, *arguments, staged=staged)

    def _callmethod(self, methodname: str, args: Sequence[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        return getattr(self, methodname)(*args, **(kwds or {}))

    # By value; the hash is that of the reference, as sets and dicts of proxies need it
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (self._native, CollectionProxy)):
            return NotImplemented
        return self is other or bool(self._getvalue() == plain(other))


def plain(value: Any) -> Any:
    """Give a copy of a shared collection; any other value as it is."""
    return value._getvalue() if isinstance(value, CollectionProxy) else value
