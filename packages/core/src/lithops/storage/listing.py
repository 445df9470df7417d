"""A listing that is a list for who treats it as one, and lazy for who only iterates."""

from __future__ import annotations

from collections import UserList
from collections.abc import Iterable, Iterator
from typing import Any, SupportsIndex, TypeVar, overload

__all__ = ["LazyList"]

T = TypeVar("T")


class LazyList(UserList[T]):
    """Items of an iterable, taken when they are asked for and kept; all of them for `len`, `sort`, `==` and the like.

    The first item is taken at once, so that a listing that cannot begin fails where it is asked for.
    """

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._taken: list[T] = []
        self._rest: Iterator[T] | None = iter(items)
        self._take()

    @property
    def data(self) -> list[T]:  # all methods of UserList go through it
        while self._take():
            pass
        return self._taken

    @data.setter
    def data(self, items: list[T]) -> None:
        self._taken, self._rest = items, None

    def __iter__(self) -> Iterator[T]:
        at = 0
        while at < len(self._taken) or self._take():
            yield self._taken[at]
            at += 1

    def __bool__(self) -> bool:
        return bool(self._taken)

    @overload
    def __getitem__(self, at: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> LazyList[T]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> T | LazyList[T]:
        if isinstance(at, slice):
            return LazyList(self.data[at])
        number = at.__index__()
        while 0 <= number >= len(self._taken) and self._take():
            pass
        return self._taken[number] if number >= 0 else self.data[number]

    def __copy__(self) -> LazyList[T]:
        return LazyList(list(self.data))

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self.data,)

    def _take(self) -> bool:
        if self._rest is None:
            return False
        for item in self._rest:
            self._taken.append(item)
            return True
        self._rest = None
        return False
