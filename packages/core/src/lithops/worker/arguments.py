"""Turn the elements of a user's input into arguments, checked against the function's signature before anything is sent.

An element that is a dict gives keyword arguments, a tuple positional ones, anything else one positional argument.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["FILLED", "Arguments", "Binder"]

FILLED = ("id", "storage", "obj", "ibm_cos", "rabbitmq")
"""The parameters that a worker fills in when the function names them and the input does not."""

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Arguments(NamedTuple):
    """What a call gets. `kwargs` is None when there are none, which is the common case."""

    args: Sequence[Any]
    kwargs: dict[str, Any] | None


class Binder:
    """Knows a function's signature. Raises `TypeError`, naming function and parameter, for what does not fit it.

    `fill` are the parameters for the worker to fill in; `takes_data` says whether `obj` is one of them; `names` are the
    parameters that an element fills, in order, or None when it may give any number.
    """

    def __init__(self, function: Any, extra_args: Any = None) -> None:
        if not callable(function):
            raise TypeError(f"a {type(function).__name__} was given as the function: give something that can be called")
        self.name = name_of(function)
        self._extra_args, self._extra_kwargs = _read_extra(extra_args)
        try:
            self._signature: inspect.Signature | None = inspect.signature(function)
        except (ValueError, TypeError):  # builtins without a signature: the call itself will check
            self._signature = None
        parameters = list(self._signature.parameters.values()) if self._signature else []
        self.fill = tuple(
            one.name
            for one in parameters
            if one.name in FILLED and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD, one.POSITIONAL_ONLY)
        )
        self.takes_data = "obj" in self.fill
        self._own = [one for one in parameters if one.name not in self.fill or one.name == "obj"]
        self._var_args = next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), None)
        self._var_kwargs = next((one.name for one in parameters if one.kind is one.VAR_KEYWORD), None)
        positional = [one for one in self._own if one.kind in _POSITIONAL]
        required = [one for one in positional if one.default is one.empty]
        keyword_only = [one for one in self._own if one.kind is one.KEYWORD_ONLY and one.default is one.empty]
        self.names = None if self._signature is None or self._var_args else tuple(one.name for one in positional)
        self._least = len(required)
        self._most = 1 << 30 if self._var_args else len(positional)
        self._is_plain = (
            self._signature is not None and not self.fill and not keyword_only and extra_args in (None, (), {})
        )

    def bind(self, element: Any) -> Arguments:
        """Give the arguments for one element."""
        kind = type(element)
        if self._is_plain and kind is not Arguments:
            if kind is tuple or isinstance(element, tuple):
                if self._least <= len(element) <= self._most:
                    return Arguments(tuple(element), None)
            elif not isinstance(element, dict) and self._least <= 1 <= self._most:
                return Arguments((element,), None)
        args, kwargs = self._of_element(element)
        args = [*args, *self._extra_args]
        kwargs = {**kwargs, **self._extra_kwargs}
        if self._signature is None:
            return Arguments(args, kwargs or None)
        return self._checked(self._signature, args, kwargs)

    def bind_result_of(self, future: Any) -> Arguments:
        """Give the arguments of a call whose element is a result that is not known yet: it comes first."""
        return Arguments((future, *self._extra_args), dict(self._extra_kwargs) or None)

    def bind_result(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Arguments:
        """Give the arguments once the result is known, `args[0]`: by the rule for elements, or else whole.

        A function's result is a value first: what the rule cannot spread over the parameters is passed as it is.
        """
        value, *more = args
        if self._signature is None:
            return Arguments(args, kwargs or None)
        try:
            spread, named = self._of_element(value)
            return self._checked(self._signature, [*spread, *more], {**named, **kwargs})
        except TypeError:
            return self._checked(self._signature, [value, *more], kwargs)

    def bind_data(self, element: Any) -> tuple[Any, Arguments]:
        """Give the data reference of an element, and the arguments beside it. Raises `TypeError` when there is none."""
        if isinstance(element, (dict, tuple)):
            bound = self.bind(element)
        else:
            others = [one.name for one in self._own if one.name != "obj" and one.kind in _POSITIONAL]
            beside = dict(zip(others, self._extra_args, strict=False))
            assert self._signature is not None
            bound = self._checked(self._signature, [], {"obj": element, **beside, **self._extra_kwargs})
        kwargs = dict(bound.kwargs or {})
        if bound.args or "obj" not in kwargs:
            raise TypeError(
                f"{self.name}{self._signature} reads data by 'obj', and this input names none: give a reference such as "
                "'bucket/key', or a dict with the key 'obj'"
            )
        reference = kwargs.pop("obj")
        return reference, Arguments((), kwargs)

    def _of_element(self, element: Any) -> tuple[list[Any], dict[str, Any]]:
        if isinstance(element, Arguments):
            return list(element.args), dict(element.kwargs or {})
        if isinstance(element, tuple):
            return list(element), {}
        if not isinstance(element, dict):
            return [element], {}
        kwargs = dict(element)
        args: list[Any] = []
        if self._var_args is not None and isinstance(kwargs.get(self._var_args), (list, tuple)):
            more = kwargs.pop(self._var_args)
            args = self._before_var_args(kwargs) if more else []
            args.extend(more)
        if self._var_kwargs is not None and isinstance(kwargs.get(self._var_kwargs), dict):
            kwargs.update(kwargs.pop(self._var_kwargs))
        for name in kwargs:
            if not isinstance(name, str):
                raise TypeError(
                    f"{self.name}() got a dict with the key {name!r}: a dict gives keyword arguments, so its keys must be "
                    "names; to pass the dict itself, put it into a tuple: (the_dict,)"
                )
        return args, kwargs

    def _before_var_args(self, kwargs: dict[str, Any]) -> list[Any]:
        """Take the values of the parameters before `*args` out of `kwargs`: they must be given by position then."""
        args = []
        for one in self._own:
            if one.kind in _POSITIONAL:
                if one.name in kwargs:
                    args.append(kwargs.pop(one.name))
                elif one.default is not one.empty:
                    args.append(one.default)
                else:
                    raise TypeError(
                        f"{self.name}{self._signature} cannot be called with this input: it lacks '{one.name}'"
                    )
        return args

    def _checked(self, whole: inspect.Signature, args: list[Any], kwargs: dict[str, Any]) -> Arguments:
        """Bind to the parameters that the worker does not fill; if that fails, to all of them."""
        missing = [name for name in self.fill if name != "obj" and name not in kwargs]
        own = [one for one in whole.parameters.values() if one.name not in missing]
        reduced = _signature_of(own)
        try:
            bound = reduced.bind(*args, **kwargs)
        except TypeError as exc:
            if not missing:
                raise TypeError(self._advice(exc)) from None
            try:
                bound = whole.bind(*args, **kwargs)
            except TypeError:
                raise TypeError(self._advice(exc)) from None
        if not self.fill:
            return Arguments(bound.args, bound.kwargs or None)
        given: dict[str, Any] = {}
        first: list[Any] = []
        rest: tuple[Any, ...] = ()
        for name, value in bound.arguments.items():
            kind = whole.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                given.update(value)
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                rest = value
            elif kind is inspect.Parameter.POSITIONAL_ONLY:
                first.append(value)
            else:
                given[name] = value
        if rest:  # then what stands before must be given by position too, and the worker fills in by name only
            for one in whole.parameters.values():
                if one.kind is one.POSITIONAL_OR_KEYWORD:
                    if one.name in missing and one.name not in given:
                        raise TypeError(
                            f"{self.name}{self._signature} has '{one.name}', which the worker fills in, before "
                            f"'*{self._var_args}': put it behind"
                        )
                    first.append(given.pop(one.name, one.default))
        return Arguments((*first, *rest), given)

    def _advice(self, exc: TypeError) -> str:
        return (
            f"{self.name}{self._signature} cannot be called with this input: {exc}; an element that is a dict gives "
            "keyword arguments, a tuple positional ones, anything else one argument"
        )


def name_of(function: Any) -> str:
    """Name a callable for messages and for `function_name`."""
    inner = function
    for _ in range(8):
        if hasattr(inner, "__name__"):
            return str(inner.__name__)
        inner = getattr(inner, "func", None)  # a partial
        if inner is None:
            break
    return type(function).__name__


def _signature_of(parameters: Sequence[inspect.Parameter]) -> inspect.Signature:
    """Make a signature of what is left; a parameter after a gap in the defaults may have none before it."""
    try:
        return inspect.Signature(parameters)
    except ValueError:  # non-default after default, once a parameter between them was taken out
        return inspect.Signature(
            [
                one.replace(kind=inspect.Parameter.KEYWORD_ONLY) if one.kind is one.POSITIONAL_OR_KEYWORD else one
                for one in parameters
            ]
        )


def _read_extra(extra_args: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    if extra_args is None:
        return (), {}
    if isinstance(extra_args, dict):
        return (), extra_args
    if isinstance(extra_args, (tuple, list)):
        return extra_args, {}
    raise TypeError(
        f"extra_args is a {type(extra_args).__name__}: give a tuple of positional or a dict of keyword arguments"
    )
