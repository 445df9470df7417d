"""What lies below a prefix, listed once however many references of a job, in whatever threads, begin with it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import TypeAlias

from lithops.types import ObjectInfo

__all__ = ["Listings"]

_Name: TypeAlias = tuple[str | None, str, str]


class Listings:
    """Listings by the name of the store, bucket and prefix. Thread-safe: who comes second waits for the first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: dict[_Name, Future[list[ObjectInfo]]] = {}

    def get(self, name: _Name, list_it: Callable[[], list[ObjectInfo]]) -> list[ObjectInfo]:
        """Give a listing, made by `list_it` the first time; what that raises is raised each time."""
        with self._lock:
            future = self._found.get(name)
            is_first = future is None
            if future is None:
                future = self._found[name] = Future()
        if is_first:
            try:
                future.set_result(list_it())
            except BaseException as exc:  # of a store: all who ask for this shall have it
                future.set_exception(exc)
        return future.result()  # bounded by the time-outs of the requests
