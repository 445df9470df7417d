"""Elements become arguments by the rules of the API, checked against the signature before anything is sent."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

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


# Any signature, any input


KINDS = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.KEYWORD_ONLY,
    inspect.Parameter.VAR_KEYWORD,
)


@st.composite
def functions(draw: st.DrawFn) -> Function:
    """Make a function of any signature that gives what it was called with."""
    names = list(draw(st.permutations(["a", "b", "c", "d", "e"])))
    parameters: list[inspect.Parameter] = []
    has_default = False
    for kind in KINDS:
        is_var = kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        for _ in range(draw(st.integers(0, 1 if is_var else 2))):
            if not names:
                break
            value: Any = inspect.Parameter.empty
            if not is_var and (draw(st.booleans()) or (has_default and kind is not inspect.Parameter.KEYWORD_ONLY)):
                value = f"default {names[0]}"
                has_default = has_default or kind is not inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(names.pop(0), kind, default=value))
    signature = inspect.Signature(parameters)
    text = str(signature).replace("'", '"')
    spaces: dict[str, Any] = {}
    exec(f"def made{text}: return dict(locals())", spaces)
    return spaces["made"]  # type: ignore[no-any-return]


elements = (
    st.integers(0, 9)
    | st.lists(st.integers(0, 9), max_size=5).map(tuple)
    | st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), max_size=5)
)
extras = (
    st.none()
    | st.lists(st.integers(10, 19), max_size=2).map(tuple)
    | st.dictionaries(st.sampled_from("abf"), st.integers(10, 19), max_size=2)
)


@given(functions(), elements, extras)
@settings(max_examples=400, deadline=None)
def test_binding_agrees_with_calling(function: Function, element: Any, extra: Any) -> None:
    args = list(element) if isinstance(element, tuple) else [] if isinstance(element, dict) else [element]
    kwargs = dict(element) if isinstance(element, dict) else {}
    args = [*args, *(extra if isinstance(extra, tuple) else ())]
    kwargs = {**kwargs, **(extra if isinstance(extra, dict) else {})}
    parameters = inspect.signature(function).parameters.values()
    # Signature.bind of Python 3.11 refuses the name of a positional-only parameter that **kwargs would take.
    assume(not any(one.kind is one.POSITIONAL_ONLY and one.name in kwargs for one in parameters))
    try:
        wanted = function(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError, match="made"):
            Binder(function, extra).bind(element)
    else:
        bound = Binder(function, extra).bind(element)
        assert function(*bound.args, **(bound.kwargs or {})) == wanted


@given(functions(), elements)
@settings(max_examples=200, deadline=None)
def test_a_result_that_is_an_element_is_bound_like_it_or_passed_whole(function: Function, result: Any) -> None:
    try:
        wanted = Binder(function).bind(result)
    except TypeError:
        try:
            whole = function(result)
        except TypeError:
            with pytest.raises(TypeError):
                Binder(function).bind_result((result,), {})
        else:
            bound = Binder(function).bind_result((result,), {})
            assert function(*bound.args, **(bound.kwargs or {})) == whole
    else:
        bound = Binder(function).bind_result((result,), {})
        assert function(*bound.args, **(bound.kwargs or {})) == function(*wanted.args, **(wanted.kwargs or {}))
