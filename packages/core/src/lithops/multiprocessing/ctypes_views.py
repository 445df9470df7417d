"""Views of a `MemoryBlock` as values of ctypes: what `RawValue` and `RawArray` give. Each access is one atomic command."""

from __future__ import annotations

import ctypes
import functools
import types
from collections.abc import Iterator
from typing import Any, SupportsIndex, overload

from lithops.multiprocessing import ctypes_layout as layout
from lithops.multiprocessing.memory_block import MemoryBlock

__all__ = [
    "ArrayView",
    "BytesView",
    "StructureView",
    "TextView",
    "ValueView",
    "View",
    "make_view",
    "to_bytes",
    "view_of",
]


class View:
    """A part of a block, seen as a ctypes type. Pickled by reference: every copy sees the same bytes."""

    __slots__ = ("_ctype", "_memory", "_offset")
    _ctype: layout.CType
    _memory: MemoryBlock
    _offset: int

    def __init__(self, memory: MemoryBlock, offset: int, ctype: layout.CType) -> None:
        object.__setattr__(self, "_memory", memory)
        object.__setattr__(self, "_offset", offset)
        object.__setattr__(self, "_ctype", ctype)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._memory, self._offset, layout.describe(self._ctype))

    def __repr__(self) -> str:
        return f"<shared {self._ctype.__name__}>"

    def _read(self) -> Any:
        """Read all of it, as a ctypes object of this process."""
        return self._ctype.from_buffer_copy(self._memory.read(self._offset, ctypes.sizeof(self._ctype)))

    def _write(self, data: bytes, at: int = 0) -> None:
        self._memory.write([(self._offset + at, data)])


class ValueView(View):
    """One number, character or truth value."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        return self._read().value

    @value.setter
    def value(self, value: Any) -> None:
        self._write(bytes(self._ctype(value)))

    def __repr__(self) -> str:
        return f"{self._ctype.__name__}({self.value!r})"


class ArrayView(View):
    """An array: `len`, items, slices with steps, iteration. As with ctypes, its length never changes."""

    __slots__ = ()

    def __len__(self) -> int:
        return int(self._ctype._length_)

    @overload
    def __getitem__(self, at: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> Any: ...
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        size = ctypes.sizeof(self._ctype._type_)
        if not isinstance(at, slice):
            start = self._offset + self._index(at) * size
            return _get(self._memory, start, self._ctype._type_)
        where = range(len(self))[at]
        if not layout.is_simple(self._ctype._type_):
            return [make_view(self._memory, self._offset + i * size, self._ctype._type_) for i in where]
        if not where:
            return (self._ctype._type_ * 0)()[:]
        low, high = min(where[0], where[-1]), max(where[0], where[-1]) + 1
        part = (self._ctype._type_ * (high - low)).from_buffer_copy(
            self._memory.read(self._offset + low * size, (high - low) * size)
        )
        return part[:: where.step] if where.step > 0 else part[high - low - 1 :: where.step]

    def __setitem__(self, at: SupportsIndex | slice, value: Any) -> None:
        element = self._ctype._type_
        size = ctypes.sizeof(element)
        if not isinstance(at, slice):
            self._write(to_bytes(value, element), self._index(at) * size)
            return
        where = range(len(self))[at]
        values = list(value)
        if len(values) != len(where):
            raise ValueError(
                f"cannot assign {len(values)} values to {len(where)} places: the length of an array is fixed"
            )
        if isinstance(value, bytes) and element is ctypes.c_char:
            values = [bytes([number]) for number in values]
        local = (element * len(values))(*(_local(item, element) for item in values))
        data = bytes(local)
        if where.step == 1:
            self._write(data, where.start * size)
            return
        self._memory.write((self._offset + i * size, data[n * size : n * size + size]) for n, i in enumerate(where))

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def _index(self, at: SupportsIndex) -> int:
        try:
            return range(len(self))[at]
        except IndexError:
            raise IndexError("invalid index") from None


class BytesView(ArrayView):
    """An array of `c_char`: also one string, up to its first zero byte as `value`, or whole as `raw`."""

    __slots__ = ()

    @property
    def value(self) -> bytes:
        return bytes(self._read().value)

    @value.setter
    def value(self, value: bytes) -> None:
        _check_text(value, bytes, len(self))
        self._write(value + b"\0" if len(value) < len(self) else value)

    @property
    def raw(self) -> bytes:
        return bytes(self._read().raw)

    @raw.setter
    def raw(self, value: bytes) -> None:
        _check_text(bytes(value), bytes, len(self))
        self._write(bytes(value))


class TextView(ArrayView):
    """An array of `c_wchar`: also one string, up to its first zero character, as `value`."""

    __slots__ = ()

    @property
    def value(self) -> str:
        return str(self._read().value)

    @value.setter
    def value(self, value: str) -> None:
        _check_text(value, str, len(self))
        self._write(bytes((ctypes.c_wchar * min(len(value) + 1, len(self)))(*value)))


class StructureView(View):
    """A structure or union: its fields are attributes, and its class's methods can be called."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        field = layout.fields(self._ctype).get(name)
        if field is not None:
            _refuse_bits(field, name, self._ctype)
            return _get(self._memory, self._offset + field.offset, field.ctype)
        found = getattr(self._ctype, name, None) if not name.startswith("__") else None
        if isinstance(found, types.FunctionType):
            return types.MethodType(found, self)
        if found is None or hasattr(found, "__get__"):
            raise AttributeError(f"the shared {self._ctype.__name__} has no field {name!r}")
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        field = layout.fields(self._ctype).get(name)
        if field is None:
            known = ", ".join(layout.fields(self._ctype))
            raise AttributeError(f"the shared {self._ctype.__name__} has no field {name!r}: its fields are {known}")
        _refuse_bits(field, name, self._ctype)
        self._write(to_bytes(value, field.ctype), field.offset)


def make_view(memory: MemoryBlock, offset: int, ctype: layout.CType) -> Any:
    """See the bytes from an offset as a ctypes type."""
    return _class_for(ctype)(memory, offset, ctype)


def view_of(value: Any) -> Any:
    """Share a copy of a ctypes object, or of a view of one."""
    ctype = value._ctype if isinstance(value, View) else type(value)
    layout.check(ctype)
    return make_view(MemoryBlock(to_bytes(value, ctype)), 0, ctype)


def to_bytes(value: Any, ctype: layout.CType) -> bytes:
    """Lay a value out as a ctypes type, by the rules by which ctypes takes it. Raises what ctypes raises."""
    local = _local(value, ctype)
    if isinstance(local, ctype) and not layout.is_simple(ctype):
        return bytes(local)
    holder = _holder_of(ctype)()
    holder.value = local
    return bytes(holder)


# Private


@functools.cache
def _holder_of(ctype: layout.CType) -> Any:
    """Make a structure with one field: the fields of structures take all that elements of arrays take, and text too."""
    return type("Holder", (ctypes.Structure,), {"_fields_": [("value", ctype)]})


def _rebuild(memory: MemoryBlock, offset: int, description: layout.Description) -> Any:
    return make_view(memory, offset, layout.restore(description))


def _class_for(ctype: layout.CType) -> type[View]:
    if layout.is_structure(ctype):
        return StructureView
    if not layout.is_array(ctype):
        return ValueView
    return {ctypes.c_char: BytesView, ctypes.c_wchar: TextView}.get(ctype._type_, ArrayView)


def _get(memory: MemoryBlock, offset: int, ctype: layout.CType) -> Any:
    """As ctypes does: a simple part is a plain value, an array of characters its text, all else a view of its own."""
    if layout.is_simple(ctype):
        return ctype.from_buffer_copy(memory.read(offset, ctypes.sizeof(ctype))).value
    found = make_view(memory, offset, ctype)
    return found.value if isinstance(found, (BytesView, TextView)) else found


def _local(value: Any, ctype: layout.CType) -> Any:
    """Give what ctypes takes in place of a value: for a view, or an equal type made elsewhere, a copy of its bytes."""
    if isinstance(value, View):
        value = value._read()
    is_same = not isinstance(value, ctype) and hasattr(type(value), "from_buffer_copy")
    if is_same and layout.describe(type(value)) == layout.describe(ctype):
        return ctype.from_buffer_copy(bytes(value))
    if layout.is_simple(ctype) and isinstance(value, ctype):
        return value.value
    return value


def _refuse_bits(field: layout.Field, name: str, ctype: layout.CType) -> None:
    if field.is_bits:
        raise NotImplementedError(
            f"{ctype.__name__}.{name} is a bit field, which cannot be shared: give it bytes of its own"
        )


def _check_text(value: Any, kind: Any, room: int) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} expected instead of {type(value).__name__} instance")
    if len(value) > room:
        raise ValueError(f"{len(value)} characters are too long for an array of {room}")
