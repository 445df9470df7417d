"""`ListProxy`: a list in Redis. Each method is atomic; the common ones are one round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self, SupportsIndex

from lithops.multiprocessing import list_scripts as scripts
from lithops.multiprocessing.collection_proxy import CollectionProxy, plain
from lithops.multiprocessing.state import dumps, loads

__all__ = ["ListProxy"]

_END = 2**53
_PAGE = 1000
_Edit = tuple[int, int, list[bytes]]


class ListProxy(CollectionProxy):
    """A list that processes share, with every method of `list`.

    Items are copies: to change one that is itself a plain list or dict, set it again, or make it a proxy of its own. A loop
    over the list reads it in pages, and sees what others append meanwhile.
    """

    _native = list
    _parts = ("items",)

    def __init__(self, values: Iterable[Any] = (), /) -> None:
        super().__init__()
        self.extend(values)

    def _splice(self, first: int, last: int | str, new: Sequence[bytes], version: bytes = b"") -> list[Any]:
        """Replace a range of items in one atomic step."""
        return self._run_with(scripts.SPLICE, [version, first, last], new)  # type: ignore[no-any-return]

    def _edit(self, decide: Callable[[list[bytes]], _Edit]) -> None:
        """Read all, decide what to replace, and replace it if nobody was faster; else again."""
        while True:
            version, items = self._run(scripts.SNAPSHOT)
            if self._splice(*decide(items), version)[0] == b"done":
                return

    def _getvalue(self) -> list[Any]:
        return [loads(item) for item in self._run(scripts.RANGE, 0, -1)]

    # Reading

    def __len__(self) -> int:
        return int(self._run(scripts.LENGTH))

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        if not isinstance(at, slice):
            found = self._run(scripts.GET, _index(at, "indices"))
            if not found:
                raise IndexError("list index out of range")
            return loads(found[0])
        start, stop, step = _bounds(at)
        if step != 1:
            return self._getvalue()[at]
        if stop == 0:
            return []
        return [loads(item) for item in self._run(scripts.RANGE, start, stop - 1 if stop != _END else -1)]

    def __iter__(self) -> Iterator[Any]:
        start = 0
        while page := self._run(scripts.RANGE, start, start + _PAGE - 1):
            yield from map(loads, page)
            start += len(page)

    def __reversed__(self) -> Iterator[Any]:
        yield from reversed(self._getvalue())

    def __contains__(self, value: Any) -> bool:
        return value in self._getvalue()

    def index(self, value: Any, start: SupportsIndex = 0, stop: SupportsIndex = _END) -> int:
        return self._getvalue().index(value, start, stop)

    def count(self, value: Any) -> int:
        return self._getvalue().count(value)

    def copy(self) -> list[Any]:
        """Give a plain list of the items."""
        return self._getvalue()

    def __add__(self, other: Any) -> list[Any]:
        return self._getvalue() + plain(other)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> list[Any]:
        return plain(other) + self._getvalue()  # type: ignore[no-any-return]

    def __mul__(self, times: SupportsIndex) -> list[Any]:
        return self._getvalue() * times

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> bool:
        return self._getvalue() < plain(other)  # type: ignore[no-any-return]

    def __le__(self, other: Any) -> bool:
        return self._getvalue() <= plain(other)  # type: ignore[no-any-return]

    def __gt__(self, other: Any) -> bool:
        return self._getvalue() > plain(other)  # type: ignore[no-any-return]

    def __ge__(self, other: Any) -> bool:
        return self._getvalue() >= plain(other)  # type: ignore[no-any-return]

    # Writing

    def append(self, value: Any) -> None:
        self._run(scripts.APPEND, dumps(value))

    def extend(self, values: Iterable[Any]) -> None:
        new = [dumps(value) for value in plain(values)]
        if new:
            self._splice(_END, _END, new)

    def insert(self, at: SupportsIndex, value: Any) -> None:
        where = _clamped(_index(at, "indices"))
        self._splice(where, where, [dumps(value)])

    def pop(self, at: SupportsIndex = -1) -> Any:
        answer = self._splice(_index(at, "indices"), "item", [])
        if answer[0] == b"missing":
            raise IndexError("pop index out of range" if answer[1] else "pop from empty list")
        return loads(answer[1])

    def remove(self, value: Any) -> None:
        def decide(items: list[bytes]) -> _Edit:
            for at, item in enumerate(items):
                if loads(item) == value:
                    return at, at + 1, []
            raise ValueError("list.remove(x): x not in list")

        self._edit(decide)

    def clear(self) -> None:
        self._splice(0, _END, [])

    def reverse(self) -> None:
        self._edit(lambda items: (0, _END, items[::-1]))

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        def decide(items: list[bytes]) -> _Edit:
            values = [loads(item) for item in items]
            ranks = [key(value) for value in values] if key else values
            order = sorted(range(len(items)), key=ranks.__getitem__, reverse=reverse)
            return 0, _END, [items[at] for at in order]

        self._edit(decide)

    def __setitem__(self, at: SupportsIndex | slice, value: Any) -> None:
        if not isinstance(at, slice):
            if not self._run(scripts.SET, _index(at, "indices"), dumps(value)):
                raise IndexError("list assignment index out of range")
            return
        new = [dumps(item) for item in plain(value)]
        start, stop, step = _bounds(at)
        if step == 1:
            self._splice(start, stop, new)
            return

        def decide(items: list[bytes]) -> _Edit:
            items[at] = new
            return 0, _END, items

        self._edit(decide)

    def __delitem__(self, at: SupportsIndex | slice) -> None:
        if not isinstance(at, slice):
            if self._splice(_index(at, "indices"), "item", [])[0] == b"missing":
                raise IndexError("list assignment index out of range")
            return
        start, stop, step = _bounds(at)
        if step == 1:
            self._splice(start, stop, [])
            return

        def decide(items: list[bytes]) -> _Edit:
            del items[at]
            return 0, _END, items

        self._edit(decide)

    def __iadd__(self, values: Iterable[Any]) -> Self:  # type: ignore[misc]
        self.extend(values)
        return self

    def __imul__(self, times: SupportsIndex) -> Self:
        self._edit(lambda items: (0, _END, items * times))
        return self


def _clamped(at: int) -> int:
    return max(-_END, min(at, _END))


def _index(at: SupportsIndex, what: str) -> int:
    if not hasattr(at, "__index__"):
        raise TypeError(f"list {what} must be integers or slices, not {type(at).__name__}")
    return _clamped(at.__index__())


def _bounds(at: slice) -> tuple[int, int, int]:
    """Give the bounds of a slice as numbers; negative ones are left, since only the server knows the length."""
    at.indices(0)  # raises what a list raises for wrong bounds
    step = 1 if at.step is None else at.step.__index__()
    start = 0 if at.start is None else _clamped(at.start.__index__())
    stop = _END if at.stop is None else _clamped(at.stop.__index__())
    return start, stop, step
