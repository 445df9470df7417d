"""Turn values into pickles with their big buffers apart, and back. The one file of the worker that uses cloudpickle."""

from __future__ import annotations

import io
import marshal
import pickle
import sys
from collections import ChainMap
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any, ClassVar

import cloudpickle

from lithops.types import Buffer

__all__ = [
    "ATOMS",
    "CALL_ATTRIBUTE",
    "OUT_OF_BAND_BYTES",
    "Dumper",
    "Pickler",
    "apart",
    "dump",
    "dump_reducing",
    "is_big",
    "load",
    "load_own",
    "need",
]

OUT_OF_BAND_BYTES = 64 * 1024
"""From this size on a buffer (an array's data) stays outside of the pickle, so that nothing copies it.

The wire gives blobs of this size as writable memory: arrays made on them can be written, as the user's own could.
"""

CALL_ATTRIBUTE = "__lithops_call__"
"""Futures are known by this attribute: it holds the engine's record of their call."""

ATOMS = frozenset({int, float, bool, str, bytes, type(None)})
"""Types whose pickle needs no look into them."""

_MAKER_NAMES = ("_make_skeleton_class", "_make_skeleton_enum")
_CLASS_MAKERS = tuple(name.encode() for name in _MAKER_NAMES)
_needs: list[Sequence[Any]] = []


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    """Keep a function's file name: cloudpickle replaces it, and a traceback without it shows no lines.

    Version 2 of marshal's format: later ones depend on who else refers to a constant, and the digest must not. Both sides
    run the same minor version of Python, which is what marshal asks for.
    """
    return marshal.loads, (marshal.dumps(code, 2),)


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle's, but for code objects, and for what belongs to modules that no other process can import."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, (FunctionType, type)):
            module = sys.modules.get(value.__module__ or "")
            if module is not None and _is_made_at_run_time(module):
                cloudpickle.register_pickle_by_value(module)
        return super().reducer_override(value)

    dispatch_table: ClassVar = ChainMap({CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table)


def _is_made_at_run_time(module: ModuleType) -> bool:
    """Tell a module that a program made itself, as plugins of test runners do, from one that was imported."""
    return (
        getattr(module, "__spec__", None) is None
        and getattr(module, "__file__", None) is None
        and module.__name__ not in ("__main__", *sys.builtin_module_names)
    )


class Dumper:
    """Pickle many values one after the other; cheaper than a pickler for each. Not thread-safe.

    `pickler` is a subclass of `Pickler`, for those who reduce objects in their own way.
    """

    def __init__(self, pickler: Callable[..., Any] = Pickler) -> None:
        self._make = pickler
        self._buffers: list[memoryview] = []
        self._begin()

    def dump(self, value: object) -> tuple[Buffer, ...]:
        """Give the pickle and its out-of-band buffers, which share memory with the value."""
        stream = self._stream
        try:
            self._pickler.dump(value)
            parts: tuple[Buffer, ...] = (stream.getvalue(), *self._buffers)
            stream.seek(0)
            stream.truncate()
            self._pickler.clear_memo()
        except BaseException:  # the stream and the memo may be in any state, after a MemoryError closed
            self._begin()
            raise
        self._buffers = []
        return parts

    def _begin(self) -> None:
        self._stream = io.BytesIO()
        self._buffers = []
        self._pickler = self._make(self._stream, 5, buffer_callback=self._keep_apart)

    def _keep_apart(self, buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # not contiguous
            return True
        if raw.nbytes < OUT_OF_BAND_BYTES:
            return True
        self._buffers.append(raw)
        return False


class Apart:
    """Stands for big bytes while they are pickled: outside of the pickle, so that nothing copies them."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return bytes, (pickle.PickleBuffer(self._value),)


def is_big(value: object) -> bool:
    """Tell bytes that are worth keeping out of a pickle."""
    return type(value) is bytes and len(value) >= OUT_OF_BAND_BYTES


def apart(value: Any) -> Any:
    """Wrap big bytes so that they are pickled out of band; give anything else as it is."""
    return Apart(value) if is_big(value) else value


def dump(value: object) -> tuple[Buffer, ...]:
    """Pickle one value: the pickle, then its out-of-band buffers."""
    value = apart(value)
    if type(value) in ATOMS:
        return (pickle.dumps(value, 5),)
    return Dumper().dump(value)


def dump_reducing(value: object, reduce: Callable[[BaseException], tuple[Any, ...]]) -> tuple[Buffer, ...]:
    """Pickle a value; the exceptions in it, as those of a group, by `reduce` and not in their own ways."""

    class ErrorPickler(Pickler):
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, BaseException):
                return reduce(value)
            return super().reducer_override(value)

    return Dumper(ErrorPickler).dump(value)


def load(parts: Sequence[Buffer], needs: Sequence[Any] = ()) -> Any:
    """Undo `dump`; `needs` are the values for what was pickled as `need(position)`.

    Runs code that the pickle names: only for what the user's own job wrote.
    """
    if not needs:
        return pickle.loads(parts[0], buffers=parts[1:])
    _needs.append(needs)
    try:
        return pickle.loads(parts[0], buffers=parts[1:])
    finally:
        _needs.pop()


def load_own(parts: Sequence[Buffer]) -> Any:
    """Undo `dump` in the client, for what its workers made: its own classes are used as they are here.

    A class of the client's `__main__` travels by value, and an instance comes back with the class as it was sent. Without
    this, loading it would put the attributes and methods of then into the client's class of now.
    """
    text = parts[0] if isinstance(parts[0], bytes) else bytes(parts[0])
    if not any(name in text for name in _CLASS_MAKERS):
        return load(parts)
    return _OwnClasses(io.BytesIO(parts[0]), buffers=parts[1:]).load()


class _OwnClasses(pickle.Unpickler):
    """Leaves classes alone that this process knows already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known: set[type] = set()

    def find_class(self, module: str, name: str, /) -> Any:
        found = super().find_class(module, name)
        if module != "cloudpickle.cloudpickle" or name not in (*_MAKER_NAMES, "_class_setstate"):
            return found
        return self._set_state(found) if name == "_class_setstate" else self._make(found)

    def _make(self, make: Callable[..., type]) -> Callable[..., type]:
        def make_or_find(*args: Any) -> type:
            before = set(_tracked())
            made = make(*args)
            if made in before:
                self._known.add(made)
            return made

        return make_or_find

    def _set_state(self, set_state: Callable[[type, Any], type]) -> Callable[[type, Any], type]:
        def set_unless_known(cls: type, state: Any) -> type:
            return cls if cls in self._known else set_state(cls, state)

        return set_unless_known


def _tracked() -> list[type]:
    """List the classes that cloudpickle has sent or received by value in this process."""
    from cloudpickle import cloudpickle as inner

    return list(inner._DYNAMIC_CLASS_TRACKER_BY_CLASS)


def need(position: int) -> Any:
    """Stand in an input for the result of another call; pickles call it when they are loaded."""
    return _needs[-1][position]
