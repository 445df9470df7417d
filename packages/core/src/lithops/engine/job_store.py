"""The store of an executor's jobs: opened when it is first needed, and whether anything was left there."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lithops.spi.storage import StorageBackend

__all__ = ["JobStore"]


class JobStore:
    """Opens the store once. Thread-safe.

    `is_written` says that something of ours lies there; `is_kept` that it must not be deleted at exit: a job goes on.
    """

    def __init__(self, factory: Callable[[], tuple[StorageBackend, str]]) -> None:
        self.is_written = False
        self.is_kept = False
        self._factory = factory
        self._lock = threading.Lock()
        self._opened: tuple[StorageBackend, str] | None = None

    def open(self) -> tuple[StorageBackend, str]:
        """Give the store and the bucket of jobs."""
        with self._lock:
            if self._opened is None:
                self._opened = self._factory()
            return self._opened

    def delete(self, prefix: str, *, keeps: str | None = None) -> None:
        """Delete all below a prefix, but for keys that contain `keeps`."""
        store, bucket = self.open()
        if not store.has_bucket(bucket):
            return
        keys = [info.key for info in store.list(bucket, prefix) if keeps is None or keeps not in info.key]
        for at in range(0, len(keys), 1000):
            store.delete(bucket, keys[at : at + 1000])
