"""Pickle functions and inputs. A future in an input becomes a need: its result is passed by reference to the worker."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from types import FunctionType
from typing import Any

from lithops.errors import LithopsError, SerializationError
from lithops.types import Buffer
from lithops.worker.arguments import Arguments
from lithops.worker.pickles import ATOMS, CALL_ATTRIBUTE, Dumper, Pickler, apart, dump, is_big, need

__all__ = ["CALL_ATTRIBUTE", "InputDumper", "dump_function"]

LIST_ATTRIBUTE = "__lithops_futures__"
"""A class of lists of futures has this attribute."""


class InputDumper:
    """Pickles the inputs of a job, one after the other. Not thread-safe.

    `modules` collects the names of the modules whose classes were seen: they must travel too.
    """

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self._needs: dict[Any, int] = {}
        self._dumper = Dumper(self._make_pickler)

    def dump(
        self, arguments: Arguments, number: int, *, is_chained: bool = False
    ) -> tuple[tuple[Buffer, ...], Sequence[Any]]:
        """Give the pickle of the arguments of call `number`, and the calls whose results it needs.

        With `is_chained`, the first argument is a result to be bound like an element. Raises `SerializationError`.
        """
        args, kwargs = arguments
        value: tuple[Any, ...] = (args, kwargs, True) if is_chained else (args, kwargs)
        if kwargs is None and all(type(one) in ATOMS for one in args) and not any(map(is_big, args)):
            return (pickle.dumps(value, 5),), ()
        self._needs = {}
        value = (tuple(map(apart, args)), *value[1:])
        try:
            return self._dumper.dump(value), tuple(self._needs)
        except LithopsError:  # of the store, where `reduce` writes to it
            raise
        except Exception as exc:  # the user's classes may raise anything when they are pickled
            raise SerializationError(
                f"{self.name_of(number)} cannot be pickled: {type(exc).__name__}: {exc}; pass plain data, or what can "
                "be opened again inside the function"
            ) from exc

    def name_of(self, number: int) -> str:
        """Name an input in an error."""
        return f"the input of call {number}"

    def _make_pickler(self, *args: Any, **kwargs: Any) -> _InputPickler:
        pickler = _InputPickler(*args, **kwargs)
        pickler.owner = self
        return pickler

    def reduce(self, value: Any) -> Any:
        """Give how to pickle a future, or NotImplemented for anything else."""
        kind = type(value)
        if isinstance(value, (type, FunctionType)):
            self.modules.add(value.__module__)
            return NotImplemented
        call = getattr(value, CALL_ATTRIBUTE, None) if hasattr(kind, CALL_ATTRIBUTE) else None
        if call is not None:
            return need, (self._needs.setdefault(call, len(self._needs)),)
        if getattr(kind, LIST_ATTRIBUTE, False):
            return list, (), None, iter(value)  # a list of futures travels as the list of their results
        self.modules.add(kind.__module__)
        return NotImplemented


class _InputPickler(Pickler):
    owner: InputDumper

    def reducer_override(self, value: Any) -> Any:
        reduced = self.owner.reduce(value)
        return super().reducer_override(value) if reduced is NotImplemented else reduced


def dump_function(function: Any, name: str) -> tuple[str, tuple[Buffer, ...]]:
    """Give the sha256 of a function's pickle and buffers, and these. Raises `SerializationError`."""
    try:
        parts = dump(function)
    except Exception as exc:  # what the function refers to may raise anything when it is pickled
        raise SerializationError(
            f"the function '{name}' cannot be pickled: {type(exc).__name__}: {exc}; open files, connections and locks "
            "inside the function instead of outside"
        ) from exc
    if len(parts) > 1:  # a pickle may be followed by anything: pad it, so that stored arrays begin at aligned addresses
        parts = (bytes(parts[0]) + b"\0" * (-len(parts[0]) % 64), *parts[1:])
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest(), parts
