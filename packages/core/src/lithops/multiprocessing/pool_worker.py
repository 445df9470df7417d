"""What runs in a worker of a pool: the initializer, once, then chunks of calls."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from lithops.multiprocessing.process import make_pool_worker, swap_current
from lithops.types import ErrorInfo
from lithops.worker import context
from lithops.worker.failure import describe

__all__ = ["Chunk", "Group", "Part", "Setup", "call_once", "map_each", "star_each"]

POOLS_KEPT = 16

GROUP_S = 0.005
"""A worker that has done a group's chunks for so long gives back those that are left."""


class Setup(NamedTuple):
    """What a pool wants its workers to be: `pool` names it, `most` is how many chunks a worker does before it is new."""

    pool: str
    initializer: Callable[..., object] | None
    initargs: Sequence[Any]
    most: int | None


def call_once(function: Callable[..., Any], given: tuple[tuple[Any, ...], dict[str, Any]]) -> Any:
    """Do one call of `apply`."""
    args, kwds = given
    return function(*args, **kwds)


def map_each(function: Callable[..., Any], given: Sequence[Any]) -> list[Any]:
    """Do a chunk of `map`."""
    return list(map(function, given))


def star_each(function: Callable[..., Any], given: Sequence[Sequence[Any]]) -> list[Any]:
    """Do a chunk of `starmap`."""
    return list(itertools.starmap(function, given))


class Chunk:
    """The function that a pool submits: prepares the worker, and does one chunk."""

    def __init__(self, setup: Setup, function: Callable[..., Any], how: Callable[..., Any]) -> None:
        self.__name__ = str(getattr(function, "__name__", type(function).__name__))
        self._setup = setup
        self._function = function
        self._how = how
        self._state: _State | None = None
        self.is_spent = False
        """Whether this process has done as many chunks as it was to do."""

    def __call__(self, given: Any, /) -> Any:
        setup = self._setup
        state = _states.get(setup.pool)
        if state is None or (setup.most is not None and state.chunks >= setup.most):
            state = _states[setup.pool] = _State(setup)  # only if its initializer did not raise
            while len(_states) > POOLS_KEPT:
                _states.popitem(last=False)
        if self._state is not state:
            state.give_to(setup)
            self._state = state
        state.chunks += 1
        self.is_spent = setup.most is not None and state.chunks >= setup.most
        if self.is_spent:
            context.retire()
        before = swap_current(state.process)
        try:
            return self._how(self._function, given)
        finally:
            swap_current(before)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_state": None}


class Part(NamedTuple):
    """What a worker did of a group: the results of its first chunks; with an `error`, the one after them failed so."""

    results: list[list[Any]]
    error: ErrorInfo | None = None


class Group:
    """The function that a pool submits for groups of small chunks, since a call for each costs more than they do.

    It gives the results of all, or a `Part`: of chunks that take long, and after one that failed.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.__name__ = chunk.__name__
        self._chunk = chunk

    def __call__(self, chunks: Sequence[Any], /) -> list[list[Any]] | Part:
        results: list[list[Any]] = []
        limit = time.perf_counter() + GROUP_S
        for chunk in chunks:
            if results and (self._chunk.is_spent or time.perf_counter() > limit):
                return Part(results)
            try:
                results.append(self._chunk(chunk))
            except MemoryError:  # whoever runs this must know
                raise
            except Exception as exc:  # the user's function may raise anything
                return Part(results, describe(exc, skip_frames=1))
        return results


class _State:
    """What the initializer left in this process.

    A function of `__main__` travels by value, with globals of its own in every pickle. The values that the initializer
    had, and may have changed, are given to each further function of the pool that comes to this process.
    """

    def __init__(self, setup: Setup) -> None:
        self.chunks = 0
        self.process = make_pool_worker(next(_numbers))
        self._globals: dict[str, Any] | None = None
        if setup.initializer is None:
            return
        outer = swap_current(self.process)
        try:
            setup.initializer(*setup.initargs)
        finally:
            swap_current(outer)
        self._globals = getattr(setup.initializer, "__globals__", None)

    def give_to(self, setup: Setup) -> None:
        """Let the functions that came with this set-up see what the initializer left."""
        target = getattr(setup.initializer, "__globals__", None)
        if target is None or self._globals is None or target is self._globals:
            return
        for name, value in list(self._globals.items()):
            if not name.startswith("__") and not isinstance(value, _CODE):
                target[name] = value


_CODE = (FunctionType, type, ModuleType)
_numbers = itertools.count(1)
_states: OrderedDict[str, _State] = OrderedDict()
