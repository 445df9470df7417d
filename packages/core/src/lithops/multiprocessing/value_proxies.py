"""The simple objects of a manager: attributes, one value, and numbers of one type."""

from __future__ import annotations

import types
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, SupportsIndex

from lithops.multiprocessing.dict_proxy import DictProxy
from lithops.multiprocessing.gone import gone
from lithops.multiprocessing.memory_block import MemoryBlock
from lithops.multiprocessing.proxy import STORE, BaseProxy, Shared
from lithops.multiprocessing.state import dumps, expiry_ms, loads

__all__ = ["ArrayProxy", "Namespace", "NamespaceProxy", "ValueProxy"]


class Namespace:
    """A plain copy of the attributes of a shared namespace."""

    def __init__(self, /, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Namespace) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = sorted((name, value) for name, value in self.__dict__.items() if not name.startswith("_"))
        return f"Namespace({', '.join(f'{name}={value!r}' for name, value in shown)})"


class NamespaceProxy(BaseProxy):
    """Attributes that processes share. Names that begin with an underscore belong to the proxy itself."""

    _plain = ("_attributes",)

    def __init__(self, /, **attributes: Any) -> None:
        super().__init__("Namespace")
        self._attributes = DictProxy(attributes)

    @classmethod
    def share(cls, value: Any, what: Shared) -> Self:
        proxy = cls(**vars(value))
        proxy._typeid = what.typeid
        return proxy

    def _keys(self) -> list[str]:
        return self._attributes._keys()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"the proxy of the namespace has no attribute {name!r}")
        try:
            return self._attributes[name]
        except KeyError:
            raise AttributeError(f"the shared namespace has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            self._attributes[name] = value

    def __delattr__(self, name: str) -> None:
        if name.startswith("_"):
            super().__delattr__(name)
            return
        try:
            del self._attributes[name]
        except KeyError:
            raise AttributeError(f"the shared namespace has no attribute {name!r}") from None

    def _callmethod(self, methodname: str, args: Sequence[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        calls: dict[str, Callable[..., Any]] = {
            "__getattribute__": self.__getattr__,
            "__setattr__": self.__setattr__,
            "__delattr__": self.__delattr__,
        }
        return (
            calls[methodname](*args, **(kwds or {})) if methodname in calls else super()._callmethod(methodname, args)
        )

    def _getvalue(self) -> Any:
        return Namespace(**self._attributes._getvalue())


class ValueProxy(BaseProxy):
    """One value of any type. Getting and setting are atomic; a change that depends on the value needs a lock around it."""

    __class_getitem__: ClassVar[Any] = classmethod(types.GenericAlias)
    _plain = ("_typecode",)

    def __init__(self, typecode: Any, value: Any, lock: bool = True) -> None:
        super().__init__("Value")
        self._typecode = typecode
        self._redis.call("SET", self._key, dumps(value), "PX", expiry_ms())

    @classmethod
    def share(cls, value: Any, what: Shared) -> Self:
        proxy = cls(None, value)
        proxy._typeid = what.typeid
        return proxy

    def get(self) -> Any:
        return loads(self._load())

    def set(self, value: Any) -> None:
        if not STORE(self._redis, [self._key], [dumps(value)]):
            raise gone(self)

    value = property(get, set)  # noqa: A003

    def _callmethod(self, methodname: str, args: Sequence[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        return getattr(self, methodname)(*args, **(kwds or {}))

    def __str__(self) -> str:
        return f"Value({self._typecode!r}, {self.get()!r})"


class ArrayProxy(BaseProxy):
    """Numbers of one type code of the module `array`. An item and a slice are read and written in one step."""

    _plain = ("_typecode", "_block")

    def __init__(self, typecode: str, sequence: Iterable[Any], lock: bool = True) -> None:
        super().__init__("Array")
        self._typecode = typecode
        self._block = MemoryBlock(array(typecode, sequence).tobytes())

    @classmethod
    def share(cls, value: Any, what: Shared) -> Self:
        proxy = cls(value.typecode, value)
        proxy._typeid = what.typeid
        return proxy

    def _keys(self) -> list[str]:
        return self._block._keys()

    def __len__(self) -> int:
        return len(self._block) // array(self._typecode).itemsize

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        if isinstance(at, slice):
            return self._getvalue()[at]
        return self._numbers(self._place(at), 1)[0]

    def __setitem__(self, at: SupportsIndex | slice, value: Any) -> None:
        size = array(self._typecode).itemsize
        if not isinstance(at, slice):
            self._block.write([(self._place(at) * size, array(self._typecode, [value]).tobytes())])
            return
        where = range(len(self))[at]
        new = array(self._typecode, value)
        if len(new) != len(where):
            raise ValueError(
                f"cannot assign {len(new)} values to {len(where)} places: the length of a shared array is fixed"
            )
        self._block.write((place * size, new[n : n + 1].tobytes()) for n, place in enumerate(where))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._getvalue())

    def _callmethod(self, methodname: str, args: Sequence[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        return getattr(self, methodname)(*args, **(kwds or {}))

    def _getvalue(self) -> array[Any]:
        return self._numbers(0, len(self))

    def _numbers(self, start: int, count: int) -> array[Any]:
        found = array(self._typecode)
        found.frombytes(self._block.read(start * found.itemsize, count * found.itemsize))
        return found

    def _place(self, at: SupportsIndex) -> int:
        try:
            return range(len(self))[at]
        except IndexError:
            raise IndexError("array index out of range") from None
