"""Values and arrays of ctypes: what they hold, how they are laid out, and what they refuse."""

from __future__ import annotations

import ctypes
import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lithops.multiprocessing.sharedctypes import Array, RawArray, RawValue, Value, copy, synchronized


class Inner(ctypes.Structure):
    _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_double))


class Outer(ctypes.Structure):
    _fields_ = (("flag", ctypes.c_bool), ("inner", Inner), ("row", ctypes.c_short * 3), ("name", ctypes.c_char * 8))

    def total(self) -> int:
        return sum(self.row)


class Derived(Inner):
    _fields_ = (("c", ctypes.c_byte),)  # type: ignore[assignment]


class Either(ctypes.Union):
    _fields_ = (("number", ctypes.c_uint32), ("parts", ctypes.c_ubyte * 4))


class Bits(ctypes.Structure):
    _fields_ = (("low", ctypes.c_int, 3), ("high", ctypes.c_int, 5))


def again(shared: Any) -> Any:
    return pickle.loads(pickle.dumps(shared))


@pytest.mark.parametrize(("code", "value"), [("i", -5), ("d", 2.5), ("B", 200), ("q", 2**40), ("c", b"x"), ("u", "ä")])
def test_a_value_is_seen_by_all_its_copies(code: str, value: Any) -> None:
    shared = Value(code)
    other = again(shared)
    other.value = value
    assert shared.value == value
    assert RawValue(code, value).value == value


def test_a_value_wraps_and_refuses_as_ctypes_does() -> None:
    shared = RawValue("B", 300)
    assert shared.value == 44
    with pytest.raises(TypeError):
        shared.value = "text"
    assert shared.value == 44


def test_locks_are_made_given_or_left_out() -> None:
    shared = Value("i", 1)
    assert shared.get_obj().value == 1
    with shared.get_lock():
        shared.value += 1
    with shared:
        shared.value += 1
    assert shared.value == 3
    same = Value("i", 1, lock=shared.get_lock())
    assert same.get_lock() is shared.get_lock()
    assert not hasattr(Value("i", 1, lock=False), "get_lock")
    assert not hasattr(Array("i", 1, lock=False), "get_lock")
    with pytest.raises(AttributeError, match="has no method 'acquire'"):
        Value("i", 1, lock="no lock")
    with pytest.raises(AssertionError, match="already"):
        synchronized(shared)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(-12, 12) | st.none(), stop=st.integers(-12, 12) | st.none(), step=st.integers(-4, 4) | st.none()
)
def test_slices_are_those_of_a_list(start: int | None, stop: int | None, step: int | None) -> None:
    if step == 0:
        return
    where = slice(start, stop, step)
    plain = list(range(10))
    shared = RawArray("i", plain)
    assert shared[where] == plain[where]
    new = [100 + n for n in range(len(plain[where]))]
    plain[where] = new
    shared[where] = new
    assert shared[:] == plain
    assert list(shared) == plain


def test_an_array_refuses_what_would_change_its_length() -> None:
    shared = Array("i", range(5))
    with pytest.raises(ValueError, match="fixed"):
        shared[1:3] = [1]
    with pytest.raises(IndexError):
        shared[5]
    with pytest.raises(IndexError):
        shared[-6] = 1
    with pytest.raises(TypeError):
        shared[1:3] = ["a", "b"]
    assert shared[:] == [0, 1, 2, 3, 4]
    assert len(shared) == 5


def test_sizes_make_zeros_and_negative_ones_are_refused() -> None:
    assert RawArray("d", 3)[:] == [0.0] * 3
    assert RawArray(ctypes.c_int, 0)[:] == []
    assert list(RawArray("i", (n for n in range(3)))) == [0, 1, 2]
    with pytest.raises(ValueError, match="must be"):
        RawArray("i", -1)


def test_characters_are_one_string() -> None:
    shared = Array("c", b"hello")
    shared.value = b"hi"
    assert (shared.value, shared.raw, shared[1], shared[0:3]) == (b"hi", b"hi\0lo", b"i", b"hi\0")
    shared.raw = b"HE"
    assert shared.raw == b"HE\0lo"
    shared[3:] = b"xy"
    assert shared.raw == b"HE\0xy"
    with pytest.raises(ValueError, match="too long"):
        shared.value = b"too long"
    with pytest.raises(TypeError, match="bytes expected"):
        shared.value = "text"
    wide = RawArray("u", "abc")
    wide.value = "ü"
    assert wide.value == "ü"
    assert wide[:] == "ü\0c"


def test_fields_of_structures_are_attributes_at_every_depth() -> None:
    shared = again(Value(Outer, True, (1, 2.5), (1, 2, 3), b"name"))
    shared.inner.a = 7
    shared.row[1] = 20
    shared.name = b"new"
    raw = shared.get_obj()
    assert (raw.flag, raw.inner.a, raw.inner.b, raw.row[:], raw.name) == (True, 7, 2.5, [1, 20, 3], b"new")
    assert shared.total() == 24
    shared.inner = Inner(9, 9.5)
    assert (shared.inner.a, shared.inner.b) == (9, 9.5)
    with pytest.raises(AttributeError, match="its fields are flag, inner, row, name"):
        shared.nothing = 1
    with pytest.raises(AttributeError, match="has no field 'nothing'"):
        _ = shared.nothing


def test_arrays_of_structures_unions_and_derived_ones() -> None:
    shared = RawArray(Inner, [(1, 1.5), (2, 2.5), (3, 3.5)])
    shared[1].a = 20
    shared[2] = Inner(30, 0)
    shared[0] = shared[1]
    assert [(one.a, one.b) for one in again(shared)] == [(20, 1.5 + 1), (20, 2.5), (30, 0.0)]
    either = RawValue(Either, 0x01020304)
    either.parts[0] = 0xFF
    assert either.number == int.from_bytes(bytes([0xFF, *Either(0x01020304).parts[1:]]), "little")
    derived = RawValue(Derived, 1, 2.0, 3)
    derived.c += 1
    assert (derived.a, derived.b, derived.c) == (1, 2.0, 4)


def test_a_local_type_is_rebuilt_from_its_description() -> None:
    class Local(ctypes.BigEndianStructure):
        _pack_ = 1
        _fields_ = (("x", ctypes.c_uint16), ("y", ctypes.c_uint32))

    shared = RawArray(Local, [(1, 2), (3, 4)])
    other = again(shared)
    other[1].y = 5
    assert [(one.x, one.y) for one in shared] == [(1, 2), (3, 5)]
    other[0] = Local(8, 9)
    assert (shared[0].x, shared[0].y) == (8, 9)


def test_copies_are_apart() -> None:
    shared = Value("i", 1)
    apart = copy(shared)
    apart.value = 2
    assert (shared.value, apart.value) == (1, 2)
    assert copy(Inner(4, 5)).a == 4


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (ctypes.c_char_p, NotImplementedError),
        (ctypes.py_object, NotImplementedError),
        (ctypes.POINTER(ctypes.c_int), NotImplementedError),
        (int, TypeError),
        ("x", TypeError),
        (None, TypeError),
    ],
)
def test_types_that_cannot_be_shared_say_why(kind: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"another process|type"):
        RawValue(kind)
    with pytest.raises(error, match=r"another process|type"):
        RawArray(kind, 2)


def test_bit_fields_say_that_they_cannot_be_shared() -> None:
    shared = RawValue(Bits, 1, 2)
    with pytest.raises(NotImplementedError, match="bit field"):
        shared.low = 2


def test_two_hundred_thousand_elements() -> None:
    shared = RawArray("q", 200_000)
    shared[:] = range(200_000)
    shared[::2] = [0] * 100_000
    assert sum(shared) == sum(range(1, 200_000, 2))
