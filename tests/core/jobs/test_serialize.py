"""Pickled functions and inputs: digests, futures as needs, the modules that were seen, errors that say what to do."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import UserList
from decimal import Decimal
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.errors import SerializationError
from lithops.jobs.serialize import InputDumper, dump_function
from lithops.worker.arguments import Arguments
from lithops.worker.pickles import OUT_OF_BAND_BYTES, load


class Future:
    """What stands for a call, as the user's futures do; the call may be any object."""

    def __init__(self, call: object) -> None:
        self.__call = call

    @property
    def __lithops_call__(self) -> object:
        return self.__call

    def __reduce__(self) -> Any:
        raise AssertionError("a future of an input was pickled itself")


class Futures(list[Any]):
    """A list of futures, as the user's is."""

    __lithops_futures__ = True


class OwnList(list[Any]):
    """A list of the user's."""


class Memory:
    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Memory, (pickle.PickleBuffer(self.data),)


plain = st.recursive(
    st.none() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(plain, max_size=3), st.none() | st.dictionaries(st.text(max_size=3), plain, max_size=2))
def test_inputs_come_back_equal(args: list[Any], kwargs: dict[str, Any] | None) -> None:
    parts, needs = InputDumper().dump(Arguments(tuple(args), kwargs), 0)
    assert needs == ()
    back_args, back_kwargs = load(parts)
    assert (list(back_args), back_kwargs) == (args, kwargs)


def test_a_chained_input_says_so() -> None:
    for args in ((5,), ([1],)):
        parts, _ = InputDumper().dump(Arguments(args, None), 0, is_chained=True)
        assert load(parts) == (args, None, True)


def test_futures_become_needs_in_the_order_of_their_first_use() -> None:
    first, second = object(), object()
    value = {"b": [Future(second)], "a": Future(first), "again": Future(second)}
    parts, needs = InputDumper().dump(Arguments((value, Future(first)), {"k": Future(second)}), 0)
    assert list(needs) == [second, first]
    args, kwargs = load(parts, ["second's", "first's"])
    assert args == ({"b": ["second's"], "a": "first's", "again": "second's"}, "first's")
    assert kwargs == {"k": "second's"}


def test_a_list_of_futures_travels_as_a_list_of_results() -> None:
    calls = [object() for _ in range(3)]
    parts, needs = InputDumper().dump(Arguments((Futures(map(Future, calls)),), None), 0)
    assert list(needs) == calls
    args, _ = load(parts, [10, 20, 30])
    assert args == ([10, 20, 30],)
    assert type(args[0]) is list


def test_needs_of_one_input_are_not_those_of_the_next() -> None:
    dumper = InputDumper()
    calls = [object(), object()]
    found = [dumper.dump(Arguments((Future(call),), None), at)[1] for at, call in enumerate(calls)]
    assert [list(needs) for needs in found] == [[call] for call in calls]
    assert dumper.dump(Arguments((1,), None), 2)[1] == ()


def test_many_futures_are_taken_in_a_time_that_grows_with_their_number() -> None:
    class Counting:
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counting.compared += 1
            return self is other

        __hash__ = object.__hash__

    calls = [Counting() for _ in range(1000)]
    _, needs = InputDumper().dump(Arguments(([Future(call) for call in calls],), None), 0)
    assert list(map(id, needs)) == list(map(id, calls))
    assert Counting.compared < 10_000


@pytest.mark.parametrize("value", [OwnList(), OwnList([1]), UserList([1]), Decimal("1.5"), (), [], frozenset({1})])
def test_the_user_s_classes_keep_their_type(value: Any) -> None:
    parts, _ = InputDumper().dump(Arguments((value,), None), 0)
    ((back,), _) = load(parts)
    assert type(back) is type(value)
    assert back == value


def test_the_modules_of_classes_are_collected() -> None:
    dumper = InputDumper()
    dumper.dump(Arguments(([OwnList([1])], Decimal(1)), None), 0)
    assert {__name__, "decimal"} <= dumper.modules


@pytest.mark.parametrize(("value", "module"), [(OwnList, __name__), (UserList, "collections"), (dedent, "textwrap")])
def test_the_modules_of_classes_and_functions_that_are_passed_are_collected(value: Any, module: str) -> None:
    dumper = InputDumper()
    dumper.dump(Arguments((value,), None), 0)
    assert module in dumper.modules


def test_big_memory_is_not_copied_into_the_pickle() -> None:
    memory = bytearray(OUT_OF_BAND_BYTES)
    parts, _ = InputDumper().dump(Arguments((Memory(memory),), None), 0)
    assert [len(part) > 1000 for part in parts] == [False, True]
    memory[0] = 5
    assert parts[1][0] == 5


def test_an_input_that_cannot_be_pickled_names_the_call_and_spoils_no_other() -> None:
    dumper = InputDumper()
    with pytest.raises(SerializationError, match=r"the input of call 7 .* inside the function"):
        dumper.dump(Arguments((Future(object()), threading.Lock()), None), 7)
    parts, needs = dumper.dump(Arguments(([1, 2],), None), 8)
    assert (load(parts), needs) == ((([1, 2],), None), ())


def test_what_the_user_s_pickling_raises_is_told() -> None:
    class Odd:
        def __reduce__(self) -> Any:
            raise ZeroDivisionError("odd")

    with pytest.raises(SerializationError, match="ZeroDivisionError: odd") as caught:
        InputDumper().dump(Arguments((Odd(),), None), 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_endless_nesting_is_an_error() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(SerializationError):
        InputDumper().dump(Arguments((value,), None), 0)


# Functions


def test_the_digest_is_over_all_parts_and_the_same_each_time() -> None:
    memory = Memory(b"x" * OUT_OF_BAND_BYTES)

    def function() -> Any:
        return memory.data

    digest, parts = dump_function(function, "function")
    assert digest == hashlib.sha256(b"".join(bytes(part) for part in parts)).hexdigest()
    assert dump_function(function, "function")[0] == digest
    assert len(parts) == 2
    assert len(parts[0]) % 64 == 0
    assert bytes(load(parts)()) == b"x" * OUT_OF_BAND_BYTES


def test_functions_with_other_values_have_other_digests() -> None:
    def make(value: int) -> Any:
        return lambda: value

    assert len({dump_function(make(value), "f")[0] for value in range(5)}) == 5
    assert dump_function(len, "len")[1] == dump_function(len, "len")[1]


def test_a_function_that_cannot_be_pickled_is_named_with_advice() -> None:
    lock = threading.Lock()
    with pytest.raises(
        SerializationError, match=r"the function 'locked' cannot be pickled: .*lock.* inside the function"
    ):
        dump_function(lambda: lock, "locked")
