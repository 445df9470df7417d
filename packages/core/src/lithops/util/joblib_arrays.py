"""The client's side of a batch: its pickle, in which big arrays are references to the store, each uploaded once.

batch --BatchDumper--> parts of a pickle + names of modules ........................--> Batch
    \\--big array--> Arrays.refer --(the first time)--> the store               load_array in the worker
"""

from __future__ import annotations

import logging
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from lithops.engine.job_store import JobStore
from lithops.errors import LithopsError
from lithops.jobs.serialize import CALL_ATTRIBUTE, LIST_ATTRIBUTE, InputDumper
from lithops.types import Buffer
from lithops.util.joblib_worker import load_array
from lithops.worker.arguments import Arguments
from lithops.worker.stores import patiently, write_payload

__all__ = ["Arrays", "BatchDumper"]

log = logging.getLogger(__name__)


class _Stored:
    """An array in the store. `pending` counts the batches that refer to it and have not ended."""

    __slots__ = ("is_gone", "key", "owner", "pending", "reduced")

    def __init__(self, key: str, reduced: tuple[Any, ...]) -> None:
        self.key = key
        self.reduced = reduced
        self.pending = 0
        self.is_gone = False
        self.owner: weakref.ref[Any] | None = None


class Arrays:
    """The arrays that one `Parallel` call has stored. Thread-safe.

    An array is known by its memory and its layout, for as long as the client keeps it. When it is gone from there, and
    no batch needs it any more, it is deleted; at the end, all are.
    """

    def __init__(self, store: JobStore, prefix: str, *, is_writable: bool) -> None:
        self._store = store
        self._prefix = prefix
        self._is_writable = is_writable
        self._lock = threading.RLock()  # a weak reference's callback may come while it is held
        self._known: dict[tuple[Any, ...], _Stored] = {}
        self._keys: set[str] = set()
        self._dropped: list[_Stored] = []
        self._number = 0

    def refer(self, array: Any) -> _Stored:
        """Give what stands for an array; upload it unless that was done."""
        known_by = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        with self._lock:
            stored = self._known.get(known_by)
            if stored is None:
                stored = self._known[known_by] = self._upload(array)
                stored.owner = weakref.ref(_owner(array), lambda _ref: self._forget(known_by))
            return stored

    def begin(self, used: Sequence[_Stored]) -> None:
        """Note that a batch refers to these."""
        with self._lock:
            for stored in used:
                stored.pending += 1

    def end(self, used: Sequence[_Stored]) -> None:
        """Note that a batch has ended, and delete what nobody needs any more."""
        with self._lock:
            for stored in used:
                stored.pending -= 1
                if stored.is_gone:
                    self._dropped.append(stored)
            keys = {stored.key for stored in self._dropped if stored.pending <= 0} & self._keys
            self._dropped = [stored for stored in self._dropped if stored.pending > 0]
            self._keys -= keys
        self._delete(keys)

    def close(self) -> None:
        """Delete all."""
        with self._lock:
            keys, self._keys = self._keys, set()
            self._known.clear()
        self._delete(keys)

    def _upload(self, array: Any) -> _Stored:
        numpy = sys.modules["numpy"]
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        plain = numpy.asarray(array, order=order)
        flat = plain.T if order == "F" else plain  # the same memory, in the order that it lies in
        key = f"{self._prefix}{self._number:05d}"
        self._number += 1
        store, bucket = self._store.open()
        self._store.is_written = True
        self._keys.add(key)
        write_payload(store, bucket, key, [memoryview(flat.reshape(-1).view(numpy.uint8))])
        return _Stored(key, (load_array, (key, plain.dtype, plain.shape, order, self._is_writable)))

    def _forget(self, known_by: tuple[Any, ...]) -> None:
        """The client has freed an array: another may come to lie at its address."""
        with self._lock:
            stored = self._known.pop(known_by, None)
            if stored is not None:
                stored.is_gone = True
                self._dropped.append(stored)

    def _delete(self, keys: set[str]) -> None:
        if not keys:
            return
        try:
            store, bucket = self._store.open()
            patiently(lambda: store.delete(bucket, sorted(keys)))
        except LithopsError as exc:  # the results are there; the executor's end deletes all that it has stored
            log.warning("%d arrays of a joblib call were not deleted: %s", len(keys), exc)


class BatchDumper(InputDumper):
    """Pickles batches; arrays of `least_bytes` and more go by `arrays`, all others with their batch. Not thread-safe."""

    def __init__(self, arrays: Arrays, least_bytes: int | None) -> None:
        super().__init__()
        self._arrays = arrays
        self._least_bytes = least_bytes
        self._used: list[_Stored] = []

    def dump(
        self, arguments: Arguments, number: int, *, is_chained: bool = False
    ) -> tuple[tuple[Buffer, ...], Sequence[Any]]:
        """Pickle a batch; the arrays that it refers to are noted as pending, for `take_used`."""
        self._used = []
        try:
            dumped = super().dump(arguments, number, is_chained=is_chained)
        except BaseException:
            self._used = []
            raise
        self._arrays.begin(self._used)
        return dumped

    def take_used(self) -> Sequence[_Stored]:
        """Give the arrays that the last batch refers to. Once: whoever takes them tells `Arrays.end` of its end."""
        used, self._used = self._used, []
        return used

    def name_of(self, number: int) -> str:
        """Name an input in an error: joblib makes the batches, so that a number says nothing."""
        return "the task to send to a worker"

    def reduce(self, value: Any) -> Any:
        """Give how to pickle a big array, or a future: it is followed from where the batch runs."""
        if self._is_big(value):
            stored = self._arrays.refer(value)
            self._used.append(stored)
            return stored.reduced
        kind = type(value)
        if hasattr(kind, CALL_ATTRIBUTE) or getattr(kind, LIST_ATTRIBUTE, False):
            return NotImplemented
        return super().reduce(value)

    def _is_big(self, value: Any) -> bool:
        if self._least_bytes is None:
            return False
        numpy = sys.modules.get("numpy")
        return (
            numpy is not None
            and type(value) in (numpy.ndarray, numpy.memmap)
            and value.nbytes >= max(1, self._least_bytes)
            and not value.dtype.hasobject
        )


def _owner(array: Any) -> Any:
    """Give the array whose memory this one is a view of."""
    while type(array.base) is type(array):
        array = array.base
    return array
