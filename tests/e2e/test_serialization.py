"""What travels and what does not: functions, closures, classes, and what cannot be pickled, told at once and by name."""

from __future__ import annotations

import collections
import enum
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

import lithops
from lithops.errors import LithopsError, SerializationError


@dataclass(frozen=True)
class Point:
    x: int
    y: int


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Pair(NamedTuple):
    a: int
    b: int


class Counted:
    made: ClassVar[int] = 0

    def __init__(self) -> None:
        type(self).made += 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counted)

    __hash__ = None  # type: ignore[assignment]


class CannotTravel:
    def __reduce__(self) -> Any:
        raise RuntimeError("this stays here")


class CannotArrive:
    def __reduce__(self) -> Any:
        return explode, ()


def explode() -> None:
    raise RuntimeError("it does not arrive")


class MyList(list[Any]):
    pass


class MyDict(dict[str, Any]):
    pass


def echo(x: Any) -> Any:
    return x


VALUES: list[Any] = [
    None, True, 0, -(10**100), 1.5, float("inf"), 1j, "", "ä",
    "\0", b"", bytes(range(256)), bytearray(b"x"), [], {}, set(), frozenset({1}), (1,), [[]], {"a": {1: (2, [3])}},
    range(3), slice(1, 2), Ellipsis, NotImplemented, int, len, Point(1, 2), Colour.RED, Pair(1, 2),
    collections.Counter("aab"), collections.OrderedDict(a=1), collections.deque([1], maxlen=3),
    collections.defaultdict(list, a=[1]), Path("/a/b"), types.SimpleNamespace(a=1), MyList([1]), MyDict(a=1), MyList(),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_values_go_there_and_back(executor: lithops.FunctionExecutor, value: Any) -> None:
    result = executor.call_async(echo, (value,)).result(timeout=20)
    assert result == value
    assert type(result) is type(value)


def test_objects_of_the_tests_own_classes_are_the_same_class(executor: lithops.FunctionExecutor) -> None:
    result = executor.call_async(lambda point: Point(point.y, point.x), Point(1, 2)).result()
    assert result == Point(2, 1)
    assert type(result) is Point
    assert executor.call_async(echo, Colour.BLUE).result() is Colour.BLUE
    assert executor.call_async(lambda: Point, ()).result() is Point


def test_shared_and_circular_objects_stay_so(executor: lithops.FunctionExecutor) -> None:
    shared = [1]
    circle: list[Any] = [shared, shared]
    circle.append(circle)
    result = executor.call_async(echo, (circle,)).result()
    assert result[0] is result[1]
    assert result[2] is result


def generator() -> Iterator[int]:
    yield 1


def opened() -> Any:
    return open(__file__, "rb")


@pytest.mark.parametrize(
    "make",
    [threading.Lock, generator, opened, CannotTravel, lambda: sys._getframe()],
    ids=["lock", "generator", "file", "own", "frame"],
)  # fmt: skip
def test_what_cannot_travel_is_told_where_it_is(executor: lithops.FunctionExecutor, make: Any) -> None:
    value = make()
    before = len(executor.futures)
    with pytest.raises(SerializationError, match="input"):
        executor.call_async(echo, (value,))
    with pytest.raises(SerializationError, match="input"):
        executor.map(echo, [1, (value,), 3])

    def uses_it(x: Any) -> Any:
        return value, x

    with pytest.raises(SerializationError, match="uses_it"):
        executor.call_async(uses_it, 1)
    with pytest.raises(SerializationError, match="result"):
        executor.call_async(lambda: make(), ()).result(timeout=20)
    assert executor.call_async(echo, 5).result(timeout=20) == 5
    assert len(executor.futures) <= before + 3
    if hasattr(value, "close") and not isinstance(value, types.GeneratorType):
        value.close()


def test_an_input_that_does_not_arrive_fails_its_call(executor: lithops.FunctionExecutor) -> None:
    with pytest.raises((RuntimeError, LithopsError), match="does not arrive"):
        executor.call_async(echo, (CannotArrive(),)).result(timeout=20)
    with pytest.raises((RuntimeError, LithopsError), match="does not arrive"):
        executor.call_async(lambda: CannotArrive(), ()).result(timeout=20)
    assert executor.call_async(echo, 5).result(timeout=20) == 5


def test_an_executor_in_a_closure_is_refused_with_advice(executor: lithops.FunctionExecutor) -> None:
    def uses_it(x: int) -> Any:
        return executor.call_async(echo, x)

    with pytest.raises(TypeError, match="inside the function"):
        executor.call_async(uses_it, 1)


def test_closures_over_big_bytes_travel_once(executor: lithops.FunctionExecutor) -> None:
    big = bytes(range(256)) * (20 * 4096)

    def looks(x: int) -> tuple[int, int]:
        return len(big), big[x]

    assert executor.map(looks, range(200)).get_result(timeout=30) == [(len(big), x) for x in [*range(200)]]


def test_a_big_closure_that_can_be_changed_is_each_calls_own_start(executor: lithops.FunctionExecutor) -> None:
    big = bytearray(3_000_000)

    def writes(x: int) -> int:
        big[x] = 1
        return len(big)

    assert executor.map(writes, range(20)).get_result(timeout=30) == [3_000_000] * 20
    assert big == bytearray(3_000_000)


def test_a_changed_closure_is_another_function(executor: lithops.FunctionExecutor) -> None:
    state = {"x": 1}

    def reads() -> int:
        return state["x"]

    assert executor.call_async(reads, ()).result() == 1
    state["x"] = 2
    assert executor.call_async(reads, ()).result() == 2


def test_arguments_are_as_they_were_when_submitted(executor: lithops.FunctionExecutor) -> None:
    value = [1]
    future = executor.map(echo, [(value,)] * 100)
    value.append(2)
    assert future.get_result() == [[1]] * 100


def test_functions_can_be_arguments_and_results(executor: lithops.FunctionExecutor) -> None:
    def apply(function: Any, x: int) -> Any:
        return lambda y: function(x) + y

    made = executor.call_async(apply, (lambda x: x * 10, 4)).result()
    assert made(2) == 42


def test_functions_that_call_each_other_and_themselves(executor: lithops.FunctionExecutor) -> None:
    def even(n: int) -> bool:
        return n == 0 or odd(n - 1)

    def odd(n: int) -> bool:
        return n != 0 and even(n - 1)

    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert executor.map(even, range(4)).get_result() == [True, False, True, False]
    assert executor.call_async(factorial, 20).result() == factorial(20)


def test_a_class_made_in_a_test_keeps_its_identity_across_calls(executor: lithops.FunctionExecutor) -> None:
    class Local:
        def __init__(self, x: int) -> None:
            self.x = x

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Local) and other.x == self.x

        __hash__ = None  # type: ignore[assignment]

    results = executor.map(lambda x: Local(x), range(3)).get_result()
    assert [type(one) is Local for one in results] == [True] * 3
    assert results == [Local(0), Local(1), Local(2)]
    assert executor.map(lambda local: local.x, results).get_result() == [0, 1, 2]


def test_a_function_made_by_exec_travels(executor: lithops.FunctionExecutor) -> None:
    space: dict[str, Any] = {"__name__": "a_name_that_no_module_has"}
    exec("import math\nBASE = 10\ndef f(x):\n    return BASE + math.floor(x)\n", space)
    assert executor.map(space["f"], [1.5, 2.5]).get_result() == [11, 12]


def test_a_module_made_at_run_time_travels(executor: lithops.FunctionExecutor) -> None:
    made = types.ModuleType("made_at_run_time")
    exec("def f(x):\n    return x + 1\n", made.__dict__)
    sys.modules["made_at_run_time"] = made
    try:
        assert executor.call_async(made.f, 1).result(timeout=20) == 2
    finally:
        del sys.modules["made_at_run_time"]
