"""`map`: every iterable, every form of element, extra arguments, order, and what `get_result` gives."""

from __future__ import annotations

import array
import itertools
from collections import deque
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import lithops
from lithops.utils import FuturesList


class Point(NamedTuple):
    x: int
    y: int


def double(x: Any) -> Any:
    return x * 2


def pair(a: Any, b: Any = "default") -> tuple[Any, Any]:
    return a, b


def counted() -> Iterator[int]:
    yield from range(5)


@pytest.mark.parametrize(
    ("iterable", "results"),
    [
        ([1, 2, 3], [2, 4, 6]),
        ((1, 2, 3), [2, 4, 6]),
        (range(4), [0, 2, 4, 6]),
        (range(10, 0, -3), [20, 14, 8, 2]),
        (counted(), [0, 2, 4, 6, 8]),
        ((x for x in "ab"), ["aa", "bb"]),
        (iter([1, 2]), [2, 4]),
        (map(int, "12"), [2, 4]),
        (zip([1, 2], [3, 4], strict=True), None),
        (array.array("d", [0.5, 1.5]), [1.0, 3.0]),
        (deque([1, 2]), [2, 4]),
        (dict.fromkeys([3, 4]).keys(), [6, 8]),
        ({"a": 5}.values(), [10]),
        (MappingProxyType({"x": 1}), None),
        (bytearray(b"\x01\x02"), [2, 4]),
        ([[1], [2, 3]], [[1, 1], [2, 3, 2, 3]]),
        (["a", "b"], ["aa", "bb"]),
        ([(1,), (2,)], [2, 4]),
        ([{"x": 1}, {"x": "b"}], [2, "bb"]),
        ([1, "a", (2,), {"x": 3}], [2, "aa", 4, 6]),
        ([7], [14]),
        ([], []),
        ((), []),
        (range(0), []),
        (iter(()), []),
    ],
)
def test_every_iterable_is_an_input(executor: lithops.FunctionExecutor, iterable: Any, results: Any) -> None:
    if results is None:  # these elements need two parameters, or are the keys of a mapping
        iterable, results = [*iterable], None
        assert executor.map(pair, iterable).get_result() == [
            pair(*(x if isinstance(x, tuple) else (x,))) for x in iterable
        ]
        return
    futures = executor.map(double, iterable)
    assert isinstance(futures, FuturesList)
    assert len(futures) == len(results)
    assert executor.get_result(futures) == results


def test_a_set_is_an_input(executor: lithops.FunctionExecutor) -> None:
    assert sorted(executor.map(double, {1, 2, 3}).get_result()) == [2, 4, 6]
    assert sorted(executor.map(double, frozenset({4, 5})).get_result()) == [8, 10]


def test_a_text_is_one_element(executor: lithops.FunctionExecutor) -> None:
    assert executor.map(double, "abc").get_result() == ["abcabc"]


def test_elements_that_are_tuples_and_dicts_give_arguments(executor: lithops.FunctionExecutor) -> None:
    elements = [(1, 2), (3,), {"a": 4}, {"b": 5, "a": 6}, [7, 8], Point(9, 10), None, "ab", ((1, 2),)]
    wanted = [
        (1, 2), (3, "default"), (4, "default"), (6, 5), ([7, 8], "default"), (9, 10), (None, "default"),
        ("ab", "default"), ((1, 2), "default"),
    ]  # fmt: skip
    assert executor.map(pair, elements).get_result() == wanted


def test_args_and_kwargs_of_a_function_are_expanded(executor: lithops.FunctionExecutor) -> None:
    def takes(a: int, *args: int, **kwargs: int) -> tuple[Any, ...]:
        return a, args, kwargs

    elements = [(1, 2, 3), {"a": 1, "args": [2, 3]}, {"a": 1, "kwargs": {"x": 2}}, {"a": 1, "y": 5}, 9]
    wanted = [(1, (2, 3), {}), (1, (2, 3), {}), (1, (), {"x": 2}), (1, (), {"y": 5}), (9, (), {})]
    assert executor.map(takes, elements).get_result() == wanted


def test_extra_args_are_added_and_the_callers_objects_stay(executor: lithops.FunctionExecutor) -> None:
    def three(a: int, b: int, c: int = 0) -> tuple[int, int, int]:
        return a, b, c

    tuples = [(1, 2), (3, 4)]
    dicts = [{"a": 1}, {"a": 2}]
    extra = {"b": 8, "c": 9}
    assert executor.map(three, tuples, extra_args=(5,)).get_result() == [(1, 2, 5), (3, 4, 5)]
    assert executor.map(three, [1, 2], extra_args=(5, 6)).get_result() == [(1, 5, 6), (2, 5, 6)]
    assert executor.map(three, dicts, extra_args=extra).get_result() == [(1, 8, 9), (2, 8, 9)]
    assert executor.map(three, [1], extra_args={"b": 3}).get_result() == [(1, 3, 0)]
    assert (tuples, dicts, extra) == ([(1, 2), (3, 4)], [{"a": 1}, {"a": 2}], {"b": 8, "c": 9})


@pytest.mark.parametrize("extra", [5, "text", {1: 2}])
def test_extra_args_of_another_kind_are_a_type_error(executor: lithops.FunctionExecutor, extra: Any) -> None:
    with pytest.raises(TypeError):
        executor.map(pair, [1], extra_args=extra)


def test_one_element_that_does_not_fit_stops_the_map_before_anything_is_sent(
    executor: lithops.FunctionExecutor,
) -> None:
    before = len(executor.futures)
    with pytest.raises(TypeError, match="nobody"):
        executor.map(pair, [(1, 2)] * 5000 + [{"a": 1, "nobody": 2}])
    assert len(executor.futures) == before


def test_a_generator_that_raises_gives_its_own_exception(executor: lithops.FunctionExecutor) -> None:
    def breaks() -> Iterator[int]:
        yield from range(500)
        raise LookupError("the input is over")

    with pytest.raises(LookupError, match="the input is over"):
        executor.map(double, breaks())
    assert executor.map(double, [1]).get_result() == [2]


def test_results_come_in_the_order_of_the_input(executor: lithops.FunctionExecutor) -> None:
    count = 3000
    futures = executor.map(lambda x, id: (x, id), range(count))  # noqa: A006
    assert [future.call_id for future in futures] == [f"{at:05d}" for at in range(count)]
    assert executor.get_result(futures) == [(at, at) for at in range(count)]


def test_get_result_gives_what_was_not_given_before(fresh: lithops.FunctionExecutor) -> None:
    fresh.map(double, [1, 2])
    fresh.map(double, [3])
    assert fresh.get_result() == [2, 4, 6]
    assert fresh.get_result() == []
    fresh.call_async(double, 4)
    assert fresh.get_result() == 8
    fresh.map(double, [5])
    assert fresh.get_result() == [10]
    fresh.call_async(double, 6)
    fresh.call_async(double, 7)
    assert fresh.get_result() == [12, 14]
    fresh.map(lambda _: None, range(3))
    assert fresh.get_result() == [None, None, None]


def test_get_result_of_futures_gives_them_as_often_as_asked(executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(double, 3)
    futures = executor.map(double, [1, 2])
    for _ in range(2):
        assert executor.get_result(future) == 6
        assert executor.get_result(futures) == [2, 4]
        assert executor.get_result([future, *futures]) == [6, 2, 4]
        assert executor.get_result(futures[0]) == 2
        assert executor.get_result(futures[:1]) == [2]
        assert lithops.get_result([future, *futures]) == [6, 2, 4]


def test_an_empty_map_gives_an_empty_list(fresh: lithops.FunctionExecutor) -> None:
    futures = fresh.map(double, [])
    assert isinstance(futures, FuturesList)
    assert futures == []
    assert futures.get_result() == []
    assert fresh.get_result() == []
    assert fresh.get_result([]) == []
    assert fresh.wait([]) == ([], [])
    assert fresh.wait() == ([], [])


def test_imap_gives_results_from_endless_input(executor: lithops.FunctionExecutor) -> None:
    taken = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = executor.imap(double, endless(), in_flight=8)
    assert [next(results) for _ in range(20)] == list(range(0, 40, 2))
    assert len(taken) <= 20 + 8 + 1
    assert sorted(executor.imap(double, range(50), ordered=False, in_flight=8)) == list(range(0, 100, 2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"chunksize": 0}, {"chunksize": "many"}, {"timeout": 0}, {"timeout": -1}, {"timeout": "soon"},
        {"timeout": float("nan")}, {"runtime_memory": 0}, {"runtime_memory": "big"}, {"runtime_memory": True},
        {"include_modules": "json"}, {"include_modules": 5}, {"exclude_modules": "json"}, {"retries": -1},
        {"retries": "often"}, {"obj_chunk_size": 0}, {"obj_chunk_number": -1}, {"extra_env": 3},
        {"extra_env": {"A\0": "b"}}, {"extra_env": {"A=B": "c"}}, {"extra_env": {"": "c"}}, {"extra_env": {"A": "\0"}},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_values_are_refused_before_anything_is_sent(
    executor: lithops.FunctionExecutor, wrong: dict[str, Any]
) -> None:
    before = len(executor.futures)
    with pytest.raises((TypeError, ValueError)) as caught:
        executor.map(double, [1, 2], **wrong)
    assert next(iter(wrong)) in str(caught.value)
    assert len(executor.futures) == before


def test_an_unknown_argument_is_a_type_error(executor: lithops.FunctionExecutor) -> None:
    with pytest.raises(TypeError, match="chunk_size"):
        executor.map(double, [1], chunk_size=2)  # type: ignore[call-arg]
