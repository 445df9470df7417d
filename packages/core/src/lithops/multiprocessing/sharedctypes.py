"""`multiprocessing.sharedctypes`: values and arrays of ctypes that processes share, raw or with a lock."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from lithops.multiprocessing import ctypes_layout as layout
from lithops.multiprocessing.ctypes_views import (
    ArrayView,
    BytesView,
    StructureView,
    TextView,
    View,
    make_view,
    view_of,
)
from lithops.multiprocessing.memory_block import MemoryBlock

__all__ = ["Array", "RawArray", "RawValue", "Value", "copy", "synchronized"]


def RawValue(typecode_or_type: Any, *args: Any) -> Any:  # noqa: N802
    """Share one value of a type code or ctypes type, without a lock."""
    ctype = layout.type_of(typecode_or_type)
    return make_view(MemoryBlock(bytes(ctype(*args))), 0, ctype)


def RawArray(typecode_or_type: Any, size_or_initializer: Any) -> Any:  # noqa: N802
    """Share an array, without a lock: so many zeros, or the values of a sequence."""
    element = layout.type_of(typecode_or_type)
    if isinstance(size_or_initializer, int):
        ctype = element * size_or_initializer
        return make_view(MemoryBlock(bytes(ctypes.sizeof(ctype))), 0, ctype)
    values = size_or_initializer if hasattr(size_or_initializer, "__len__") else list(size_or_initializer)
    ctype = element * len(values)
    return make_view(MemoryBlock(bytes(ctype(*values))), 0, ctype)


def Value(typecode_or_type: Any, *args: Any, lock: Any = True, ctx: Any = None) -> Any:  # noqa: N802
    """Share one value, with a lock: a new recursive one, a given one, or none with `lock=False`."""
    return _with_lock(RawValue(typecode_or_type, *args), lock, ctx)


def Array(typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True, ctx: Any = None) -> Any:  # noqa: N802
    """Share an array, with a lock: a new recursive one, a given one, or none with `lock=False`."""
    return _with_lock(RawArray(typecode_or_type, size_or_initializer), lock, ctx)


def copy(obj: Any) -> Any:
    """Share a copy of a ctypes object, or of a shared one; without a lock."""
    return view_of(obj.get_obj() if isinstance(obj, SynchronizedBase) else obj)


def synchronized(obj: Any, lock: Any = None, ctx: Any = None) -> Any:
    """Wrap a shared value or array so that each access takes a lock. `get_obj` and `get_lock` give both."""
    if isinstance(obj, SynchronizedBase):
        raise AssertionError("the object is synchronized already: use it as it is")
    if not isinstance(obj, View):
        obj = view_of(obj)
    kinds: dict[type, type[SynchronizedBase]] = {
        BytesView: SynchronizedString,
        TextView: SynchronizedString,
        ArrayView: SynchronizedArray,
        StructureView: SynchronizedStructure,
    }
    return kinds.get(type(obj), Synchronized)(obj, lock, ctx)


class SynchronizedBase:
    """A shared object with its lock; a context manager that holds it."""

    __slots__ = ("_lock", "_obj", "acquire", "release")
    _lock: Any
    _obj: Any
    acquire: Any
    release: Any

    def __init__(self, obj: Any, lock: Any = None, ctx: Any = None) -> None:
        if lock is None:
            from lithops.multiprocessing.synchronize import RLock

            lock = RLock(ctx=ctx)
        for name, value in (("_obj", obj), ("_lock", lock), ("acquire", lock.acquire), ("release", lock.release)):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return synchronized, (self._obj, self._lock)

    def __enter__(self) -> Any:
        return self._lock.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return self._lock.__exit__(kind, error, trace)

    def get_obj(self) -> Any:
        return self._obj

    def get_lock(self) -> Any:
        return self._lock

    def __repr__(self) -> str:
        return f"<{type(self).__name__} wrapper for {self._obj!r}>"


def _locked(name: str) -> property:
    """Make a property that gets and sets an attribute of the object while it holds the lock."""

    def get(self: SynchronizedBase) -> Any:
        with self._lock:
            return getattr(self._obj, name)

    def put(self: SynchronizedBase, value: Any) -> None:
        with self._lock:
            setattr(self._obj, name, value)

    return property(get, put)


class Synchronized(SynchronizedBase):
    """A value with a lock. `value += 1` is a read and a write: hold `get_lock()` around it."""

    __slots__ = ()

    value = _locked("value")


class SynchronizedArray(SynchronizedBase):
    """An array with a lock."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._obj)

    def __getitem__(self, at: Any) -> Any:
        with self._lock:
            return self._obj[at]

    def __setitem__(self, at: Any, value: Any) -> None:
        with self._lock:
            self._obj[at] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def __getslice__(self, start: int, stop: int) -> Any:
        return self[start:stop]

    def __setslice__(self, start: int, stop: int, values: Any) -> None:
        self[start:stop] = values


class SynchronizedString(SynchronizedArray):
    """An array of characters with a lock."""

    __slots__ = ()

    value = _locked("value")
    raw = _locked("raw")


class SynchronizedStructure(SynchronizedBase):
    """A structure with a lock: its fields are attributes."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        with self._lock:
            return getattr(self._obj, name)

    def __setattr__(self, name: str, value: Any) -> None:
        with self._lock:
            setattr(self._obj, name, value)


def _with_lock(obj: Any, lock: Any, ctx: Any) -> Any:
    if lock is False:
        return obj
    if lock is True or lock is None:
        lock = None
    elif not hasattr(lock, "acquire"):
        raise AttributeError(f"{lock!r} has no method 'acquire': give True, False or a lock")
    return synchronized(obj, lock, ctx)
