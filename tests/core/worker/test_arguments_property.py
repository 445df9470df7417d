"""Binding agrees with calling, for any signature and any input."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lithops.worker.arguments import Binder

Function = Callable[..., Any]

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
    names = {one.name for one in inspect.signature(function).parameters.values() if one.kind is one.POSITIONAL_ONLY}
    assume(not isinstance(result, dict) or not names & set(result))  # Signature.bind of Python 3.13 takes some of them
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
