"""How a ctypes type lies in memory: its fields, and a description of it that pickles where the type itself does not."""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any, Literal, NamedTuple

__all__ = [
    "TYPECODES",
    "CType",
    "Field",
    "check",
    "describe",
    "fields",
    "is_array",
    "is_simple",
    "is_structure",
    "restore",
    "type_of",
]

CType = Any
"""A class of ctypes: simple, array, structure or union; their attributes are not in its type hints."""

TYPECODES: dict[str, CType] = {
    "c": ctypes.c_char,
    "u": ctypes.c_wchar,
    "b": ctypes.c_byte,
    "B": ctypes.c_ubyte,
    "h": ctypes.c_short,
    "H": ctypes.c_ushort,
    "i": ctypes.c_int,
    "I": ctypes.c_uint,
    "l": ctypes.c_long,
    "L": ctypes.c_ulong,
    "q": ctypes.c_longlong,
    "Q": ctypes.c_ulonglong,
    "f": ctypes.c_float,
    "d": ctypes.c_double,
}

_SIMPLE: CType = ctypes.c_int.__mro__[1]
_ADDRESSES = "zZPO"
_BASES: dict[str, CType] = {
    "structure": ctypes.Structure,
    "union": ctypes.Union,
    "big": ctypes.BigEndianStructure,
    "little": ctypes.LittleEndianStructure,
}


class Field(NamedTuple):
    """Where a field of a structure lies, in bytes from its beginning."""

    offset: int
    ctype: CType
    is_bits: bool


def type_of(typecode_or_type: Any) -> CType:
    """Give the ctypes type that a type code or a type means. Raises TypeError or NotImplementedError."""
    if isinstance(typecode_or_type, str) and typecode_or_type not in TYPECODES:
        raise TypeError(
            f"no type has the code {typecode_or_type!r}: use one of {' '.join(TYPECODES)}, or a ctypes type"
        )
    found = TYPECODES[typecode_or_type] if isinstance(typecode_or_type, str) else typecode_or_type
    check(found)
    return found


def check(ctype: Any) -> None:
    """Raise TypeError for what is no ctypes type, and NotImplementedError for one that holds an address."""
    if is_array(ctype):
        check(ctype._type_)
    elif is_structure(ctype):
        for field in fields(ctype).values():
            check(field.ctype)
    elif is_simple(ctype):
        if ctype._type_ in _ADDRESSES:
            raise NotImplementedError(f"{ctype.__name__} is an address, which means nothing in another process")
    elif isinstance(ctype, type) and hasattr(ctype, "from_buffer_copy"):
        raise NotImplementedError(f"{ctype.__name__} is a pointer or function, which means nothing in another process")
    else:
        raise TypeError(f"{ctype!r} is neither a type code nor a ctypes type: for example 'i' or ctypes.c_int")


def is_simple(ctype: Any) -> bool:
    return isinstance(ctype, type) and issubclass(ctype, _SIMPLE)


def is_array(ctype: Any) -> bool:
    return isinstance(ctype, type) and issubclass(ctype, ctypes.Array)


def is_structure(ctype: Any) -> bool:
    return isinstance(ctype, type) and issubclass(ctype, (ctypes.Structure, ctypes.Union))


@functools.cache
def fields(ctype: CType) -> dict[str, Field]:
    """Find all fields of a structure or union: also inherited ones, and those of anonymous members."""
    found: dict[str, Field] = {}
    for base in reversed(ctype.__mro__):
        anonymous = vars(base).get("_anonymous_", ())
        for name, kind, *bits in vars(base).get("_fields_", ()):
            offset = getattr(base, name).offset
            found[name] = Field(offset, kind, bool(bits))
            if name in anonymous:
                found |= {inner: at._replace(offset=offset + at.offset) for inner, at in fields(kind).items()}
    return found


# Descriptions

Description = tuple[Any, ...]


def describe(ctype: CType) -> Description:
    """Describe a type by plain values, or by its name where the other process can import it."""
    if is_array(ctype):
        return ("array", describe(ctype._type_), ctype._length_)
    if is_simple(ctype) and ctype.__module__ in ("ctypes", "_ctypes"):
        return ("simple", ctype._type_, _order(ctype))
    found: type = ctype
    module = sys.modules.get(found.__module__)
    if found.__module__ != "__main__" and getattr(module, found.__qualname__, None) is found:
        return ("name", ctype.__module__, ctype.__qualname__)
    if is_simple(ctype):
        return ("simple", ctype._type_, _order(ctype))
    members: list[Any] = []
    anonymous: list[str] = []
    for base in reversed(ctype.__mro__):
        members += [(name, describe(kind), *bits) for name, kind, *bits in vars(base).get("_fields_", ())]
        anonymous += vars(base).get("_anonymous_", ())
    return (_base(ctype), ctype.__name__, tuple(members), tuple(anonymous), getattr(ctype, "_pack_", 0))


@functools.cache
def restore(description: Description) -> Any:
    """Give the type of a description: the same type for the same description, in one process."""
    match description:
        case ("array", element, length):
            return restore(element) * int(length)
        case ("simple", code, order):
            plain = next(kind for kind in _simple_types() if kind._type_ == code)
            return plain if order == "native" else getattr(plain, f"__ctype_{order}__")
        case ("name", module, name):
            return getattr(__import__(module, fromlist=["_"]), name)
        case (base, name, members, anonymous, pack):
            body: dict[str, Any] = {"_anonymous_": anonymous} if anonymous else {}
            body |= {"_pack_": pack} if pack else {}
            body["_fields_"] = [(member, restore(kind), *bits) for member, kind, *bits in members]
            return type(_BASES[base])(name, (_BASES[base],), body)
    raise TypeError(f"{description!r} describes no ctypes type")


def _simple_types() -> list[CType]:
    kinds = [ctypes.c_bool, *TYPECODES.values(), ctypes.c_longdouble, ctypes.c_size_t, ctypes.c_ssize_t]
    return [*kinds, *(kind for kind in vars(ctypes).values() if is_simple(kind) and hasattr(kind, "_type_"))]


def _order(ctype: CType) -> Literal["native", "be", "le"]:
    other: Literal["be", "le"] = "be" if sys.byteorder == "little" else "le"
    return other if getattr(ctype, f"__ctype_{other}__", None) is ctype else "native"


def _base(ctype: CType) -> str:
    if issubclass(ctype, ctypes.Union):
        return "union"
    swapped = "big" if sys.byteorder == "little" else "little"
    return swapped if issubclass(ctype, _BASES[swapped]) else "structure"
