"""`FuturesList`: the futures of a `map`, as a list that can go on: `map`, `map_reduce`, `wait`, `get_result`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from lithops.future import ResponseFuture

if TYPE_CHECKING:
    from lithops.executors import FunctionExecutor
    from lithops.retries import RetryingFunctionExecutor

__all__ = ["FuturesList"]


class FuturesList(list[ResponseFuture]):
    """A list of futures that knows the executor that made them."""

    __lithops_futures__ = True
    executor: FunctionExecutor | RetryingFunctionExecutor | None

    def __init__(
        self,
        futures: Iterable[ResponseFuture] = (),
        executor: FunctionExecutor | RetryingFunctionExecutor | None = None,
    ) -> None:
        super().__init__(futures)
        self.executor = executor

    def map(self, map_function: Any, *args: Any, **kwargs: Any) -> FuturesList:
        """Map a function over the results: each call starts when its own input is there, and no worker waits.

        Takes what `FunctionExecutor.map` takes after its input.
        """
        if args and isinstance(args[0], list) and args[0] is not self:  # as in `futures.map(f, futures2)`
            return self._owner().map(map_function, *args, **kwargs)
        return self._owner().map(map_function, self._outputs(), *args, **kwargs)

    def map_reduce(self, map_function: Any, reduce_function: Any, *args: Any, **kwargs: Any) -> FuturesList:
        """Map a function over the results, then reduce: as `FunctionExecutor.map_reduce` after its input."""
        return self._owner().map_reduce(map_function, self._outputs(), reduce_function, *args, **kwargs)

    def wait(self, **kwargs: Any) -> tuple[FuturesList, FuturesList]:
        """Wait as `FunctionExecutor.wait` does."""
        return self._owner().wait(fs=self, **kwargs)

    def get_result(self, **kwargs: Any) -> Any:
        """Give the results as `FunctionExecutor.get_result` does."""
        return self._owner().get_result(fs=self, **kwargs)

    @overload
    def __getitem__(self, at: SupportsIndex, /) -> ResponseFuture: ...

    @overload
    def __getitem__(self, at: slice, /) -> FuturesList: ...

    def __getitem__(self, at: SupportsIndex | slice, /) -> ResponseFuture | FuturesList:
        """Give one future, or a part of the list that can go on too."""
        if isinstance(at, slice):
            return FuturesList(super().__getitem__(at), self.executor)
        return super().__getitem__(at)

    def __add__(self, others: list[Any], /) -> FuturesList:  # type: ignore[override]
        """Join two lists of futures."""
        return FuturesList([*self, *others], self.executor)

    def _outputs(self) -> FuturesList:
        return FuturesList((future for future in self if future.produces_output), self.executor)

    def _owner(self) -> FunctionExecutor | RetryingFunctionExecutor:
        if self.executor is not None:
            return self.executor
        engine = self[0].__lithops_call__.job.engine if self else None
        owner: Any = None if engine is None else engine.owner()
        if owner is None:
            raise ValueError(
                "this list of futures has no executor here: pass it to an executor's map, wait or get_result instead"
            )
        executor: FunctionExecutor = owner
        return executor

    def __reduce__(self) -> tuple[Any, ...]:
        return FuturesList, (list(self),)
