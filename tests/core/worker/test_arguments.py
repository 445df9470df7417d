"""Elements become arguments by the rules of the API, checked against the signature before anything is sent."""

from __future__ import annotations

import functools
import math
import operator
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import pytest

from lithops.worker.arguments import Arguments, Binder, name_of

Function = Callable[..., Any]
Pair = namedtuple("Pair", "a b")


def one(x: Any) -> Any:
    return ("one", x)


def two(x: Any, y: Any) -> Any:
    return ("two", x, y)


def default(x: Any, y: Any = 9) -> Any:
    return ("default", x, y)


def only_keyword(x: Any, *, y: Any) -> Any:
    return ("only_keyword", x, y)


def only_position(x: Any, y: Any = 9, /) -> Any:
    return ("only_position", x, y)


def many(*args: Any) -> Any:
    return ("many", *args)


def named(**kwargs: Any) -> Any:
    return ("named", kwargs)


def everything(x: Any, y: Any = 9, *args: Any, z: Any = 8, **kwargs: Any) -> Any:
    return ("everything", x, y, args, z, kwargs)


def nothing() -> Any:
    return ("nothing",)


def with_id(x: Any, id: Any) -> Any:  # noqa: A002
    return ("with_id", x, id)


def id_first(id: Any, x: Any) -> Any:  # noqa: A002
    return ("id_first", id, x)


def many_id(x: Any, *args: Any, id: Any) -> Any:  # noqa: A002
    return ("many_id", x, args, id)


def only_id(id: Any) -> Any:  # noqa: A002
    return ("only_id", id)


def position_id(x: Any, /, id: Any) -> Any:  # noqa: A002
    return ("position_id", x, id)


def default_id(x: Any = 1, id: Any = None) -> Any:  # noqa: A002
    return ("default_id", x, id)


class Callable2:
    def __init__(self, a: Any, b: Any = 5) -> None:
        self.made = (a, b)

    def method(self, x: Any, y: Any) -> Any:
        return ("method", x, y)

    def __call__(self, x: Any) -> Any:
        return ("call", x)


def called(function: Function, element: Any, extra: Any = None) -> Any:
    """Do what client and worker do together."""
    binder = Binder(function, extra)
    args, kwargs = binder.bind(element)
    kwargs = dict(kwargs or {})
    for name in binder.fill:
        kwargs.setdefault(name, f"filled {name}")
    return function(*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "element", "result"),
    [
        (one, 5, ("one", 5)),
        (one, None, ("one", None)),
        (one, "abc", ("one", "abc")),
        (one, [1, 2], ("one", [1, 2])),
        (one, {1, 2}, ("one", {1, 2})),
        (one, (5,), ("one", 5)),
        (one, {"x": 5}, ("one", 5)),
        (one, ({"x": 5},), ("one", {"x": 5})),
        (one, ((1, 2),), ("one", (1, 2))),
        (two, (1, 2), ("two", 1, 2)),
        (two, Pair(1, 2), ("two", 1, 2)),
        (two, {"y": 2, "x": 1}, ("two", 1, 2)),
        (two, OrderedDict(y=2, x=1), ("two", 1, 2)),
        (default, 1, ("default", 1, 9)),
        (default, (1, 2), ("default", 1, 2)),
        (default, {"x": 1}, ("default", 1, 9)),
        (only_keyword, {"x": 1, "y": 2}, ("only_keyword", 1, 2)),
        (only_position, 1, ("only_position", 1, 9)),
        (only_position, (1, 2), ("only_position", 1, 2)),
        (many, (), ("many",)),
        (many, 1, ("many", 1)),
        (many, (1, 2, 3), ("many", 1, 2, 3)),
        (many, {"args": [1, 2]}, ("many", 1, 2)),
        (named, {"a": 1, "b": 2}, ("named", {"a": 1, "b": 2})),
        (named, {"kwargs": {"a": 1}, "b": 2}, ("named", {"a": 1, "b": 2})),
        (named, {}, ("named", {})),
        (everything, 1, ("everything", 1, 9, (), 8, {})),
        (everything, (1, 2, 3, 4), ("everything", 1, 2, (3, 4), 8, {})),
        (everything, {"x": 1, "z": 2, "q": 3}, ("everything", 1, 9, (), 2, {"q": 3})),
        (everything, {"x": 1, "args": [3, 4]}, ("everything", 1, 9, (3, 4), 8, {})),
        (everything, {"y": 2, "x": 1, "args": (3,), "kwargs": {"q": 4}}, ("everything", 1, 2, (3,), 8, {"q": 4})),
        (everything, {"x": 1, "args": []}, ("everything", 1, 9, (), 8, {})),
        (nothing, (), ("nothing",)),
        (nothing, {}, ("nothing",)),
        (with_id, 5, ("with_id", 5, "filled id")),
        (with_id, (5, 7), ("with_id", 5, 7)),
        (with_id, {"x": 5}, ("with_id", 5, "filled id")),
        (with_id, {"x": 5, "id": 7}, ("with_id", 5, 7)),
        (id_first, 5, ("id_first", "filled id", 5)),
        (id_first, (7, 5), ("id_first", 7, 5)),
        (many_id, (1, 2, 3), ("many_id", 1, (2, 3), "filled id")),
        (many_id, 1, ("many_id", 1, (), "filled id")),
        (many_id, {"x": 1, "args": [2, 3], "id": 7}, ("many_id", 1, (2, 3), 7)),
        (only_id, (), ("only_id", "filled id")),
        (only_id, 5, ("only_id", 5)),
        (position_id, 5, ("position_id", 5, "filled id")),
        (default_id, (), ("default_id", 1, "filled id")),
        (default_id, 5, ("default_id", 5, "filled id")),
        (lambda x: x, 5, 5),
        (functools.partial(two, 1), 2, ("two", 1, 2)),
        (functools.partial(two, y=1), 2, ("two", 2, 1)),
        (Callable2(1).method, (1, 2), ("method", 1, 2)),
        (Callable2(1), 5, ("call", 5)),
        (len, "abc", 3),
        (math.sqrt, 9.0, 3.0),
        (operator.add, (1, 2), 3),
        (str, 5, "5"),
        (int, "5", 5),
        (dict, {"a": 1}, {"a": 1}),
        (max, (1, 2, 3), 3),
        (print, (), None),
    ],
)
def test_an_element_gives_the_arguments_of_its_kind(function: Function, element: Any, result: Any) -> None:
    assert called(function, element) == result


def test_a_class_is_called_with_its_constructor_s_arguments() -> None:
    assert called(Callable2, {"a": 1, "b": 2}).made == (1, 2)
    assert called(Callable2, 1).made == (1, 5)


@pytest.mark.parametrize(
    ("function", "element", "texts"),
    [
        (two, 1, ["two(x", "'y'"]),
        (two, (1,), ["'y'"]),
        (two, (1, 2, 3), ["too many positional"]),
        (two, {"x": 1}, ["'y'"]),
        (two, {"x": 1, "y": 2, "wrong": 3}, ["'wrong'"]),
        (only_keyword, 1, ["'y'"]),
        (only_position, {"x": 1}, ["'x'"]),
        (nothing, 1, ["nothing()", "too many positional"]),
        (one, {1: 2}, ["key 1", "tuple"]),
        (one, {}, ["'x'"]),
        (everything, {"y": 5, "args": [3]}, ["'x'"]),
        (with_id, (), ["'x'"]),
        (with_id, (1, 2, 3), ["too many positional"]),
        (with_id, {"y": 1}, ["'x'"]),
        (only_id, (1, 2), ["too many positional"]),
    ],
)
def test_what_does_not_fit_is_refused_with_function_and_parameter(
    function: Function, element: Any, texts: list[str]
) -> None:
    with pytest.raises(TypeError) as caught:
        Binder(function).bind(element)
    assert all(text in str(caught.value) for text in [function.__name__, *texts])


def test_a_filled_parameter_before_many_is_refused_with_advice() -> None:
    def function(x: Any, id: Any, *args: Any) -> Any:  # noqa: A002
        return x, id, args

    assert called(function, 1) == (1, "filled id", ())
    with pytest.raises(TypeError, match=r"'id'.*put it behind"):
        Binder(function).bind((1, 2, 3))


@pytest.mark.parametrize(
    ("function", "extra", "element", "result"),
    [
        (two, (2,), 1, ("two", 1, 2)),
        (two, [2], 1, ("two", 1, 2)),
        (two, {"y": 2}, 1, ("two", 1, 2)),
        (two, {"y": 2}, {"x": 1}, ("two", 1, 2)),
        (many, (3, 4), (1, 2), ("many", 1, 2, 3, 4)),
        (named, {"b": 2}, {"a": 1}, ("named", {"a": 1, "b": 2})),
        (with_id, {"id": 7}, 5, ("with_id", 5, 7)),
        (with_id, (7,), 5, ("with_id", 5, 7)),
        (one, (), 5, ("one", 5)),
        (one, {}, 5, ("one", 5)),
        (dict, {"b": 2}, {"a": 1}, {"a": 1, "b": 2}),
    ],
)
def test_extra_arguments_are_appended_or_merged(function: Function, extra: Any, element: Any, result: Any) -> None:
    assert called(function, element, extra) == result


def test_the_caller_s_objects_are_not_changed() -> None:
    element = {"x": 1, "args": [3], "kwargs": {"q": 1}}
    extra = {"z": 5}
    called(everything, element, extra)
    assert (element, extra) == ({"x": 1, "args": [3], "kwargs": {"q": 1}}, {"z": 5})


@pytest.mark.parametrize("extra", [5, "text", {1, 2}, iter([1])])
def test_extra_arguments_of_another_kind_are_refused(extra: Any) -> None:
    with pytest.raises(TypeError, match="extra_args is a"):
        Binder(two, extra)


@pytest.mark.parametrize("what", [None, 5, "text", [len]])
def test_what_cannot_be_called_is_refused(what: Any) -> None:
    with pytest.raises(TypeError, match="can be called"):
        Binder(what)


def test_arguments_that_are_given_as_such_are_checked_too() -> None:
    assert Binder(two).bind(Arguments((1,), {"y": 2})) == ((1, 2), None)
    with pytest.raises(TypeError, match="'y'"):
        Binder(two).bind(Arguments((1,), None))


def test_what_the_worker_fills_in_is_known_by_name() -> None:
    def function(x: Any, obj: Any, storage: Any, *, ibm_cos: Any, rabbitmq: Any = None) -> None: ...

    binder = Binder(function)
    assert binder.fill == ("obj", "storage", "ibm_cos", "rabbitmq")
    assert binder.takes_data
    assert not Binder(with_id).takes_data
    assert Binder(len).fill == ()  # its only parameter is called obj, and has no name for callers


# Data


def test_the_data_reference_stands_apart_from_the_other_arguments() -> None:
    def function(obj: Any, x: Any = 1, *, y: Any = 2) -> None: ...

    assert Binder(function).bind_data("b/k") == ("b/k", ((), {}))
    assert Binder(function).bind_data(("b/k", 5)) == ("b/k", ((), {"x": 5}))
    assert Binder(function).bind_data({"obj": "b/k", "y": 5}) == ("b/k", ((), {"y": 5}))
    assert Binder(function, (7,)).bind_data("b/k") == ("b/k", ((), {"x": 7}))
    assert Binder(function, {"y": 7}).bind_data("b/k") == ("b/k", ((), {"y": 7}))


@pytest.mark.parametrize("element", [{}, {"x": 1}, (), {"x": 1, "wrong": 2}])
def test_an_element_without_a_data_reference_is_refused(element: Any) -> None:
    def function(x: Any = 1, obj: Any = None) -> None: ...

    with pytest.raises(TypeError, match=r"obj|wrong"):
        Binder(function).bind_data(element)


def test_arguments_that_a_data_function_cannot_get_are_refused() -> None:
    def function(obj: Any, *args: Any) -> None: ...

    with pytest.raises(TypeError, match="function"):
        Binder(function).bind_data(("b/k", 1, 2))


# Names


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (one, "one"),
        (len, "len"),
        (str, "str"),
        (functools.partial(functools.partial(one), 1), "one"),
        (Callable2(1), "Callable2"),
        (Callable2(1).method, "method"),
        (lambda: 0, "<lambda>"),
    ],
)
def test_callables_have_names(function: Function, name: str) -> None:
    assert name_of(function) == name
