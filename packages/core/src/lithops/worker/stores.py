"""The stores as a worker sees them: opened once from their references, payloads read and results written."""

from __future__ import annotations

import json
import mmap
import random
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from threading import Lock
from typing import TypeVar

from lithops.errors import LithopsError, NoSuchBucketError, StorageError, StorageNoSuchKeyError
from lithops.spi.storage import StorageBackend, StorageFeature
from lithops.types import Buffer, Payload, Span, StorageRef

__all__ = ["Stores", "patiently", "read_payload", "write_payload"]

MAPPED_BYTES = 64 * 1024
"""From this size on a stored payload is memory-mapped where the store has local files."""

_ALIGNMENT = 64
_ATTEMPTS = 5
_BASE_S = 0.1
_CAP_S = 5.0
T = TypeVar("T")


class Stores:
    """Opens each store once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[str, StorageBackend] = {}

    def open(self, ref: StorageRef) -> StorageBackend:
        """Open a store from its reference. Raises `StorageError` when its module cannot be imported here."""
        name = json.dumps([ref.factory, dict(ref.options)], sort_keys=True)
        with self._lock:
            store = self._open.get(name)
            if store is None:
                store = self._open[name] = _factory(ref.factory).from_ref(ref)
            return store


def patiently(action: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Do something with a store; after a failure that may pass, again, at most five times in all."""
    for attempt in range(_ATTEMPTS):
        try:
            return action()
        except LithopsError as exc:
            if not exc.retryable or attempt == _ATTEMPTS - 1:
                raise
            delay = random.uniform(0, min(_CAP_S, _BASE_S * 2.0**attempt))
            sleep(max(delay, exc.retry_after_s or 0.0))
    raise AssertionError("the loop returns or raises")


def read_payload(store: StorageBackend, bucket: str, payload: Payload) -> Sequence[Buffer]:
    """Fetch the parts of a payload: writable memory, mapped from the file where there is one."""
    if payload.parts is not None:
        return payload.parts
    key, sizes = payload.key or "", payload.sizes or ()
    total = sum(sizes)
    if StorageFeature.LOCAL_PATHS in store.features and total >= MAPPED_BYTES:
        try:
            with open(store.local_path(bucket, key), "rb") as file:
                view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        except FileNotFoundError:
            raise StorageNoSuchKeyError(bucket, key) from None
        except ValueError:  # an empty file cannot be mapped
            view = memoryview(b"")
        view = view[payload.offset : payload.offset + total]
    else:
        view = patiently(lambda: _read(store, bucket, key, Span(payload.offset, payload.offset + total)))
    if len(view) != total:
        raise StorageError(
            f"object '{key}' in bucket '{bucket}' has {len(view)} of the {total} bytes that were written: "
            "it was changed or truncated; run the job again"
        )
    parts: list[Buffer] = []
    at = 0
    for size in sizes:
        parts.append(view[at : at + size])
        at += size
    return parts


def write_payload(
    store: StorageBackend, bucket: str, key: str, parts: Sequence[Buffer], *, pads: bool = True
) -> Payload:
    """Store the parts of a payload back to back, and give what refers to them. `pads` may lengthen the first."""
    first: Buffer = parts[0]
    if (
        pads and len(parts) > 1
    ):  # a pickle may be followed by anything: pad it, so that arrays begin at aligned addresses
        first = bytes(first) + b"\0" * (-len(first) % _ALIGNMENT)
    body = [first, *parts[1:]]
    try:
        patiently(lambda: store.put(bucket, key, body))
    except NoSuchBucketError:  # the first that is written: asking before would cost each job a request
        store.create_bucket(bucket)
        patiently(lambda: store.put(bucket, key, body))
    return Payload(key=key, sizes=tuple(memoryview(part).nbytes for part in body))


def _read(store: StorageBackend, bucket: str, key: str, span: Span) -> memoryview:
    stream = store.get(bucket, key, span=span)
    try:
        pieces = bytearray()
        while piece := stream.read(1 << 20):
            pieces += piece
    finally:
        stream.close()
    return memoryview(pieces)


def _factory(name: str) -> type[StorageBackend]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as exc:
        raise StorageError(
            f"a worker cannot open its store by '{name}': {exc}; install the store's package in the runtime"
        ) from exc
    if not (isinstance(found, type) and issubclass(found, StorageBackend)):
        raise StorageError(f"a worker cannot open its store by '{name}': it is no StorageBackend")
    return found
