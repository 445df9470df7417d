"""What runs in workers for joblib: it calls a batch, whose big arrays are loaded from the store."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from lithops.errors import StorageError
from lithops.types import Payload
from lithops.worker import context
from lithops.worker.stores import Stores, read_payload

__all__ = ["load_array", "run_batch"]

ARRAYS_KEPT = 8
"""So many arrays stay open in a worker, for the next batches."""

_stores = Stores()
_arrays: OrderedDict[tuple[str, str], Any] = OrderedDict()
_threads: tuple[int, Any] = (0, None)


def run_batch(most_threads: int | None, batch: Callable[[], Any]) -> Any:
    """Call what a batch holds, and give the list of results. Libraries that are loaded start at most so many threads."""
    controller = None if most_threads is None else _controller()
    if controller is None:
        return batch()
    with controller.limit(limits=most_threads):
        return batch()


def load_array(key: str, dtype: Any, shape: tuple[int, ...], order: Any, is_writable: bool) -> Any:
    """Open a stored array: mapped from its file where the store has one, else fetched. Once for this worker."""
    import numpy as np  # type: ignore[import-untyped, import-not-found, unused-ignore]

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


def _controller() -> Any:
    """Give what bounds the threads of the libraries that are loaded now; None without threadpoolctl, or without any."""
    global _threads
    loaded = len(sys.modules)
    if _threads[0] != loaded:  # to look which there are takes a millisecond
        try:
            from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped, import-not-found, unused-ignore]
        except ImportError:
            return None
        controller = ThreadpoolController()
        _threads = len(sys.modules), controller if controller.info() else None
    return _threads[1]
