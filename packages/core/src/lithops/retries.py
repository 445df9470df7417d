"""Retries: the policy, and the wrapper around an executor that programs written for Lithops 3 use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lithops.engine.retry import Backoff, Retry
from lithops.future import ResponseFuture
from lithops.futures import FuturesList

if TYPE_CHECKING:
    from lithops.executors import FunctionExecutor

__all__ = ["Backoff", "Retry", "RetryingFunctionExecutor", "RetryingFuture"]

RetryingFuture = ResponseFuture
"""A future whose call may be tried again is like any other: the engine tries again by itself."""


class RetryingFunctionExecutor:
    """An executor whose calls are tried again when they fail: attempts = `retries` + 1, time-outs count.

    Without `retries`, here or in the call, the number is that of the configuration, else 0. Everything else is the
    wrapped executor's.
    """

    def __init__(self, executor: FunctionExecutor, retries: int | Retry | None = None) -> None:
        self.executor = executor
        self._retries = retries

    def call_async(
        self, func: Any, data: Any, *args: Any, retries: int | Retry | None = None, **kw: Any
    ) -> ResponseFuture:
        """Call a function once: see `FunctionExecutor.call_async`."""
        return self.executor.call_async(func, data, *args, retries=self._or_default(retries), **kw)

    def map(
        self, map_function: Any, map_iterdata: Iterable[Any], *args: Any, retries: int | Retry | None = None, **kw: Any
    ) -> FuturesList:
        """Map: see `FunctionExecutor.map`."""
        return self._mine(self.executor.map(map_function, map_iterdata, *args, retries=self._or_default(retries), **kw))

    def map_reduce(
        self,
        map_function: Any,
        map_iterdata: Iterable[Any],
        reduce_function: Any,
        *args: Any,
        retries: int | Retry | None = None,
        **kw: Any,
    ) -> FuturesList:
        """Map and reduce: see `FunctionExecutor.map_reduce`."""
        return self._mine(
            self.executor.map_reduce(
                map_function, map_iterdata, reduce_function, *args, retries=self._or_default(retries), **kw
            )
        )

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> ResponseFuture:
        """Call `fn(*args, **kwargs)`: see `FunctionExecutor.submit`."""
        return self.executor._work.call(fn, args, kwargs, self._retries)

    def imap(self, map_function: Any, map_iterdata: Iterable[Any], **kw: Any) -> Iterator[Any]:
        """Yield results as they come: see `FunctionExecutor.imap`."""
        return self.executor.imap(map_function, map_iterdata, **{"retries": self._retries, **kw})

    def __getattr__(self, name: str) -> Any:
        if name == "executor":  # not yet set: while it is copied
            raise AttributeError(name)
        return getattr(self.executor, name)

    def __enter__(self) -> Self:
        self.executor.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.executor.__exit__(kind, exc, trace)

    def _mine(self, futures: FuturesList) -> FuturesList:
        futures.executor = self  # so that what is chained to them is tried again too
        return futures

    def _or_default(self, retries: int | Retry | None) -> int | Retry | None:
        return self._retries if retries is None else retries
