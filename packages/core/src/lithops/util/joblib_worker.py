"""What runs in workers for joblib: it loads a batch, with its big arrays from the store, and calls it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pickle import PickleBuffer
from typing import Any

from lithops.errors import StorageError
from lithops.types import Buffer, Payload
from lithops.worker import context
from lithops.worker.pickles import load
from lithops.worker.stores import Stores, read_payload

__all__ = ["Batch", "load_array", "run_batch"]

ARRAYS_KEPT = 8
"""So many arrays stay open in a worker, for the next batches."""

_stores = Stores()
_arrays: OrderedDict[tuple[str, str], Any] = OrderedDict()


class Batch:
    """The pickle of a batch, with its buffers. `modules` are the names of those whose classes and functions it needs."""

    __slots__ = ("modules", "parts")

    def __init__(self, parts: Sequence[Buffer], modules: frozenset[str]) -> None:
        self.parts = parts
        self.modules = modules

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (tuple(map(PickleBuffer, self.parts)), [_Of(name) for name in sorted(self.modules)])


def run_batch(batch: Batch) -> Any:
    """Call what a batch holds, and give the list of results."""
    return load(batch.parts)()


def load_array(key: str, dtype: Any, shape: tuple[int, ...], order: Any, is_writable: bool) -> Any:
    """Open a stored array: mapped from its file where the store has one, else fetched. Once for this worker."""
    import numpy as np  # type: ignore[import-not-found, unused-ignore]

    call = context.current()
    if call is None or call.job.store is None:
        raise StorageError(
            f"the array '{key}' of a joblib call was opened outside of its call, or came without a store"
        )
    name = (call.job.store.bucket, key)
    array = None if is_writable else _arrays.get(name)  # what one call writes, another must not see
    if array is None:
        size = dtype.itemsize
        for length in shape:
            size *= length
        store = _stores.open(call.job.store)
        (view,) = read_payload(store, call.job.store.bucket, Payload(key=key, sizes=(size,)))
        array = np.ndarray(shape, dtype, view, order=order)
        array.flags.writeable = is_writable
        if is_writable:
            return array
        _arrays[name] = array
        if len(_arrays) > ARRAYS_KEPT:
            _arrays.popitem(last=False)
    _arrays.move_to_end(name)
    return array


class _Of:
    """Tells who pickles a batch that a module must travel: its type says it is from there. Nothing of it is sent."""

    def __new__(cls, module: str) -> Any:
        return object.__new__(type(cls.__name__, (), {"__module__": module, "__reduce__": lambda _self: (int, ())}))


def _received(parts: Sequence[Buffer], _modules: Sequence[int]) -> Batch:
    return Batch(parts, frozenset())
