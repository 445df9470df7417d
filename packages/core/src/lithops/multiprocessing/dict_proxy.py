"""`DictProxy`: a dict in Redis, in the order of insertion. Each method is atomic; the common ones are one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self
from uuid import uuid4

from lithops.multiprocessing import dict_scripts as scripts
from lithops.multiprocessing.collection_proxy import CollectionProxy, plain
from lithops.multiprocessing.dict_keys import encode
from lithops.multiprocessing.state import dumps, loads

__all__ = ["DictProxy"]

_NOTHING = object()
_PAGE = 1000


class DictProxy(CollectionProxy):
    """A dict that processes share, with every method of `dict`.

    Values are copies: to change one that is itself a plain list or dict, set it again, or make it a proxy of its own. Keys
    are equal if Python says so, whatever their pickles; keys of your own classes are compared one by one, which is slower.
    A loop over the dict reads its keys in pages, and raises RuntimeError if items come or go meanwhile: at its next page,
    or at its end.
    """

    _native = dict
    _parts = ("values", "keys", "order")

    def __init__(self, values: Any = (), /, **more: Any) -> None:
        super().__init__()
        self.update(values, **more)

    def _find(self, key: Any) -> tuple[bytes, bytes]:
        """Give the field of a key, and the version of the dict for which that holds, or b"" if it always does."""
        field = encode(key)
        if field is not None:
            return field, b""
        version, fields, keys = self._run(scripts.OTHERS)
        for field, known in zip(fields, keys, strict=True):
            if loads(known) == key:
                return field, version
        return b"o" + uuid4().bytes, version

    def _put(self, items: Iterable[tuple[Any, Any]]) -> None:
        """Set items in one atomic step."""
        pairs = [(key, encode(key), dumps(key), dumps(value)) for key, value in items]
        while pairs:
            version, new = b"", dict[Any, bytes]()
            arguments: list[bytes] = []
            for key, field, key_data, data in pairs:
                if field is None:
                    field = new.get(key)
                if field is None:
                    field, version = self._find(key)
                    new[key] = field
                arguments += [field, key_data, data]
            if self._run_with(scripts.SET, [version], arguments):
                return

    def _getvalue(self) -> dict[Any, Any]:
        return dict(self.items())

    # Reading

    def __len__(self) -> int:
        return int(self._run(scripts.LENGTH))

    def __getitem__(self, key: Any) -> Any:
        found = self._run(scripts.GET, self._find(key)[0])
        if not found:
            raise KeyError(key)
        return loads(found[0])

    def get(self, key: Any, default: Any = None) -> Any:
        found = self._run(scripts.GET, self._find(key)[0])
        return loads(found[0]) if found else default

    def __contains__(self, key: Any) -> bool:
        return bool(self._run(scripts.CONTAINS, self._find(key)[0]))

    has_key = __contains__

    def keys(self) -> list[Any]:
        """Give a plain list of the keys."""
        return [loads(key) for key in self._run(scripts.SNAPSHOT, "k")[0]]

    def values(self) -> list[Any]:
        """Give a plain list of the values."""
        return [loads(value) for value in self._run(scripts.SNAPSHOT, "v")[1]]

    def items(self) -> list[tuple[Any, Any]]:
        """Give a plain list of the items."""
        keys, values = self._run(scripts.SNAPSHOT, "kv")
        return [(loads(key), loads(value)) for key, value in zip(keys, values, strict=True)]

    def copy(self) -> dict[Any, Any]:
        """Give a plain dict of the items."""
        return self._getvalue()

    def __iter__(self) -> Iterator[Any]:
        return self._each_key(len(self))

    def _each_key(self, size: int) -> Iterator[Any]:
        """Give each key while the dict has this size: first one, then ever more at once, so that short loops notice soon."""
        after, left, most = b"-inf", size, 1
        while True:
            page = self._run(scripts.PAGE, size, after, most)
            if not page:
                raise RuntimeError("dictionary changed size during iteration")
            last, keys = page
            yield from map(loads, keys[:left])
            if len(keys) > left:
                raise RuntimeError("dictionary keys changed during iteration")
            if not keys:
                return
            after, left, most = b"(" + last, left - len(keys), min(most * 4, _PAGE)

    def __reversed__(self) -> Iterator[Any]:
        yield from reversed(self.keys())

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, (dict, DictProxy)):
            return NotImplemented
        return self._getvalue() | plain(other)

    def __ror__(self, other: Any) -> Any:
        if not isinstance(other, (dict, DictProxy)):
            return NotImplemented
        return plain(other) | self._getvalue()

    # Writing

    def __setitem__(self, key: Any, value: Any) -> None:
        self._put([(key, value)])

    def update(self, values: Any = (), /, **more: Any) -> None:
        if isinstance(values, DictProxy):
            values = values.items()
        self._put(dict(values, **more).items())

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def setdefault(self, key: Any, default: Any = None) -> Any:
        key_data, data = dumps(key), dumps(default)
        while True:
            field, version = self._find(key)
            answer = self._run(scripts.SET_DEFAULT, version, field, key_data, data)
            if answer:
                return loads(answer[0])

    def pop(self, key: Any, default: Any = _NOTHING) -> Any:
        found = self._run(scripts.POP, self._find(key)[0])
        if found:
            return loads(found[0])
        if default is _NOTHING:
            raise KeyError(key)
        return default

    def __delitem__(self, key: Any) -> None:
        if not self._run(scripts.POP, self._find(key)[0]):
            raise KeyError(key)

    def popitem(self) -> tuple[Any, Any]:
        """Remove and give the item that was inserted last."""
        found = self._run(scripts.POP_LAST)
        if not found:
            raise KeyError("popitem(): dictionary is empty")
        return loads(found[0]), loads(found[1])

    def clear(self) -> None:
        self._run(scripts.CLEAR)
