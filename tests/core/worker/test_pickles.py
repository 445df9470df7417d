"""Pickles with their big buffers apart: what is loaded equals what was dumped, and big arrays are not copied."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.worker.pickles import ATOMS, OUT_OF_BAND_BYTES, Dumper, dump, load, need


class Array:
    """Pickles its memory out of band, as arrays do."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Array, (pickle.PickleBuffer(self.data),)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=10,
)


@given(values)
def test_plain_values_come_back_equal_in_one_part(value: object) -> None:
    parts = dump(value)
    assert len(parts) == 1
    assert load(parts) == value


@given(st.lists(values, max_size=5))
def test_one_dumper_serves_many_values(many: list[object]) -> None:
    dumper = Dumper()
    assert [load(dumper.dump(value)) for value in many] == many
    assert [dumper.dump(value) for value in many] == [Dumper().dump(value) for value in many]


@pytest.mark.parametrize("kind", ATOMS)
def test_atoms_take_the_short_way_to_the_same_pickle(kind: type) -> None:
    value = kind()
    assert load(dump(value)) == load(Dumper().dump(value)) == value


@pytest.mark.parametrize(
    ("size", "apart"), [(0, 0), (OUT_OF_BAND_BYTES - 1, 0), (OUT_OF_BAND_BYTES, 1), (1_000_000, 1)]
)
def test_big_buffers_stand_apart_and_share_memory(size: int, apart: int) -> None:
    memory = bytearray(size)
    first, *buffers = dump([Array(memory), "text"])
    assert len(buffers) == apart
    assert len(first) < size + 1000
    if apart:
        memory[0] = 7
        assert buffers[0][0] == 7
    back = load((first, *buffers))
    assert (bytes(back[0].data), back[1]) == (bytes(memory), "text")


def test_buffers_come_back_in_order_and_can_be_written() -> None:
    arrays = [Array(bytearray([number]) * OUT_OF_BAND_BYTES) for number in range(3)]
    first, *buffers = dump(arrays)
    back = load((first, *(memoryview(bytearray(buffer)) for buffer in buffers)))
    assert [array.data[0] for array in back] == [0, 1, 2]
    for array in back:
        memoryview(array.data)[0] = 9


def test_memory_that_is_not_contiguous_travels_within_the_pickle() -> None:
    view = memoryview(bytearray(range(200)) * 1000)[::2]

    class Strided:
        def __reduce_ex__(self, protocol: Any) -> Any:
            return bytes, (view.tobytes(),)

    assert load(dump(Strided())) == view.tobytes()


def test_functions_and_classes_travel_by_value() -> None:
    factor = 3

    class Local:
        def times(self, x: int) -> int:
            return x * factor

    assert load(dump(Local))().times(5) == 15
    assert load(dump(lambda x: x + factor))(1) == 4


def test_a_dumper_works_on_after_a_failure() -> None:
    dumper = Dumper()
    for _ in range(3):
        with pytest.raises(TypeError, match="lock"):
            dumper.dump([1, Array(bytearray(OUT_OF_BAND_BYTES)), threading.Lock()])
        assert dumper.dump([1, 2]) == Dumper().dump([1, 2])


def test_a_dumper_forgets_objects_between_values() -> None:
    shared = ["shared"]
    dumper = Dumper()
    dumper.dump(shared)
    assert load(dumper.dump([shared, shared])) == [["shared"], ["shared"]]


def test_a_dumper_takes_its_own_pickler() -> None:
    class Shouting(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, value: Any) -> Any:
            return (str.upper, ("found",)) if type(value) is Array else super().reducer_override(value)

    assert load(Dumper(Shouting).dump([Array(b""), 1])) == ["FOUND", 1]


class Needs:
    def __init__(self, position: int) -> None:
        self.position = position

    def __reduce__(self) -> Any:
        return need, (self.position,)


def test_needs_are_put_in_their_places_also_by_nested_loads() -> None:
    outer = dump([Needs(1), Needs(0)])
    assert load(outer, ["a", "b"]) == ["b", "a"]
    assert load(dump((Needs(0), LoadsAgain())), ["mine"]) == ("mine", ["inner"])
    with pytest.raises(IndexError):
        load(dump(Needs(5)), ["a"])
    with pytest.raises(IndexError):
        load(outer)


class LoadsAgain:
    """Loads another pickle with needs of its own while it is loaded."""

    def __reduce__(self) -> Any:
        return _load_again, (dump([Needs(0)]),)


def _load_again(parts: Any) -> Any:
    return load(parts, ["inner"])
