"""`BaseProxy`: what all objects of a manager have in common, and how one of a custom class runs its methods.

The state of a custom object lives in Redis as a pickle. A method runs where it is called, under the object's lock: load,
call, store. Lists and dicts override this with commands of their own.
"""

from __future__ import annotations

import functools
import itertools
import types
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

from lithops.multiprocessing.gone import gone
from lithops.multiprocessing.state import SharedObject, dumps, expiry_ms, loads, script

__all__ = [
    "STORE",
    "AutoProxy",
    "BaseProxy",
    "IteratorProxy",
    "Keeper",
    "RemoteError",
    "Result",
    "Shared",
    "auto_proxy",
    "public_methods",
]

MAX_GENERATED = 1_000_000
"""How many values of a generator are taken: it cannot be pickled, so that it is run to its end when it is shared."""

STORE = script("return redis.call('SET', KEYS[1], ARGV[1], 'XX', 'KEEPTTL')")
"""Argument: the bytes. A plain SET would bring a deleted object back."""


class RemoteError(Exception):
    """A method of a shared object cannot be called, or its result cannot be given back."""


class Keeper:
    """What a manager made: loosely while only this process has it, firmly once it was pickled."""

    def __init__(self) -> None:
        self._made: weakref.WeakSet[BaseProxy] = weakref.WeakSet()
        self._held: dict[int, SharedObject] = {}

    def adopt(self, proxy: BaseProxy) -> None:
        proxy._keeper = self
        self._made.add(proxy)

    def hold(self, shared: SharedObject) -> None:
        self._held[id(shared)] = shared

    def delete(self) -> None:
        """Delete all of it from Redis."""
        everything = [*self._made, *self._held.values()]
        keys = {key for shared in everything for key in shared._keys()}
        if keys:
            everything[0]._redis.call("UNLINK", *keys)
        self._held.clear()


class Result(NamedTuple):
    """As what the result of a method is shared."""

    typeid: str
    proxytype: type[BaseProxy] | None
    exposed: tuple[str, ...] | None


class Shared(NamedTuple):
    """How an object is shared: as which kind, with which methods, and which results of them are shared too."""

    typeid: str
    exposed: tuple[str, ...] | None = None
    results: Mapping[str, Result] = MappingProxyType({})


class BaseProxy(SharedObject):
    """A reference to an object in Redis: pickled by reference, so that all its copies mean the same object.

    A subclass names the methods that it may call in `_exposed_`, and calls them by `_callmethod`.
    """

    _exposed_: ClassVar[Sequence[str] | None] = None
    _plain: ClassVar[tuple[str, ...]] = ("_typeid", "_exposed", "_results", "_mutex")
    _keeper: Keeper | None = None

    def __init__(self, typeid: str, exposed: Sequence[str] | None = None) -> None:
        super().__init__("proxy")
        self._typeid = typeid
        self._exposed = tuple(exposed or type(self)._exposed_ or ())
        self._results: Mapping[str, Any] = {}
        self._mutex: Any = None

    @classmethod
    def share(cls, value: Any, what: Shared) -> Self:
        """Put an object into Redis and give the proxy of it."""
        from lithops.multiprocessing.synchronize import RLock

        proxy = cls(what.typeid, what.exposed or cls._exposed_ or public_methods(value))
        proxy._results = dict(what.results)
        proxy._mutex = RLock()
        proxy._redis.call("SET", proxy._key, dumps(_storable(value, what.typeid)), "PX", expiry_ms())
        return proxy

    def __getstate__(self) -> Any:
        if self._keeper is not None:
            self._keeper.hold(self)
        return super().__getstate__()

    def _callmethod(self, methodname: str, args: Sequence[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        """Call a method of the object, alone: no other call of any process runs at the same time."""
        if methodname not in self._exposed:
            known = ", ".join(self._exposed) or "none"
            raise RemoteError(
                f"method {methodname!r} of the shared {self._typeid!r} is not exposed: exposed are {known}"
            )
        with self._mutex:
            before = self._load()
            value = loads(before)
            try:
                result = getattr(value, methodname)(*args, **(kwds or {}))
            finally:
                after = dumps(value)
                if after != before and not STORE(self._redis, [self._key], [after]):
                    raise gone(self)
        if methodname not in self._results:
            return result
        typeid, proxytype, exposed = self._results[methodname]
        exposed = exposed or public_methods(result)
        proxy = (proxytype or auto_proxy(typeid, exposed)).share(result, Shared(typeid, exposed))
        if self._keeper is not None:
            self._keeper.adopt(proxy)
        return proxy

    def _getvalue(self) -> Any:
        """Give a copy of the object."""
        return loads(self._load())

    def _load(self) -> bytes:
        data = self._redis.call("GET", self._key)
        if data is None:
            raise gone(self)
        return bytes(data)

    def __deepcopy__(self, memo: Any) -> Any:
        return self._getvalue()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object, typeid {self._typeid!r} at {id(self):#x}>"

    def __str__(self) -> str:
        try:
            return str(self._getvalue())
        except Exception:  # of the object's own __str__, or the server's: a text is better than none
            return f"{repr(self)[:-1]}; its value cannot be shown>"


class AutoProxy(BaseProxy):
    """A proxy with all exposed methods of its object; made by `auto_proxy`."""

    def __reduce__(self) -> Any:
        return _restore_auto, (self._typeid, self._exposed, self.__getstate__())


class IteratorProxy(BaseProxy):
    """A shared iterator: each value goes to one of those who ask."""

    _exposed_ = ("__next__",)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self._callmethod("__next__")


@functools.cache
def auto_proxy(typeid: str, exposed: tuple[str, ...]) -> type[AutoProxy]:
    """Make a class of proxies with these methods."""

    def forward(name: str) -> Callable[..., Any]:
        def method(self: BaseProxy, /, *args: Any, **kwds: Any) -> Any:
            return self._callmethod(name, args, kwds)

        method.__name__ = method.__qualname__ = name
        return method

    body: dict[str, Any] = {name: forward(name) for name in exposed}
    return type(f"AutoProxy[{typeid}]", (AutoProxy,), {**body, "_exposed_": exposed})


def public_methods(value: Any) -> tuple[str, ...]:
    """Name the methods of an object that do not begin with an underscore."""
    return tuple(name for name in dir(value) if name[0] != "_" and callable(getattr(value, name)))


def _restore_auto(typeid: str, exposed: tuple[str, ...], state: Any) -> AutoProxy:
    kind = auto_proxy(typeid, exposed)
    proxy = kind.__new__(kind)
    proxy.__setstate__(state)
    return proxy


def _storable(value: Any, typeid: str) -> Any:
    if not isinstance(value, types.GeneratorType):
        return value
    generated: Iterable[Any] = value
    taken = list(itertools.islice(generated, MAX_GENERATED + 1))
    if len(taken) > MAX_GENERATED:
        raise NotImplementedError(
            f"the generator {typeid!r} gives more than {MAX_GENERATED:,} values, too many to share: give a list"
        )
    return iter(taken)
