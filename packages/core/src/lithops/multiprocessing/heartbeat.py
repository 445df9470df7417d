"""The one background thread of a process: it keeps leases and keys alive, and deletes what is not used any more.

object made --> track --> every 3 s: lease of this identity; every quarter of the expiry: all keys of living objects
object gone --> bury ---> deleted soon, if it was made here and never pickled
exit        --> deleted: all that a client made; the lease

No error ends the thread, or what this process holds would be taken for free.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from lithops.multiprocessing.identities import LEASE_MS, end_identities, renew_leases
from lithops.multiprocessing.servers import client_of, clients
from lithops.types import StorageRef

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = ["bury", "expiry_ms", "later", "leave", "set_expiry", "track"]

log = logging.getLogger(__name__)

Grave: TypeAlias = tuple[StorageRef, list[str]]
EXPIRY_S = 3600.0
BEAT_S = LEASE_MS / 3000
BATCH = 500
_STOP_S = 5.0

_expiry_s = EXPIRY_S
_living: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_left: list[tuple[int, StorageRef, list[str]]] = []
_buried: queue.SimpleQueue[Grave | None] = queue.SimpleQueue()  # its put is safe in a finalizer
_errands: queue.SimpleQueue[tuple[StorageRef, tuple[str, ...]]] = queue.SimpleQueue()
_thread: tuple[int, threading.Thread] | None = None
_starting = threading.Lock()


def expiry_ms() -> int:
    """Say after how many milliseconds a key is gone that nobody renews."""
    return int(_expiry_s * 1000)


def set_expiry(seconds: float) -> None:
    """Change after how many seconds a key is gone that nobody renews."""
    global _expiry_s
    if seconds <= 0:
        raise ValueError(f"{seconds!r} is no time to expire after: give seconds, more than 0")
    _expiry_s = seconds


def track(obj: Any) -> None:
    """Keep an object's keys alive as long as it lives in this process."""
    _living[id(obj)] = obj
    if _thread is None or _thread[0] != os.getpid():
        _start()


def bury(ref: StorageRef, keys: list[str]) -> None:
    """Delete keys soon. May be called by a finalizer, at any moment."""
    _buried.put((ref, keys))


def later(ref: StorageRef, *command: str) -> None:
    """Send a command soon. May be called by a finalizer, at any moment."""
    _errands.put((ref, command))
    _buried.put((ref, []))  # wakes the thread


def leave(ref: StorageRef, keys: list[str]) -> None:
    """Delete keys at the exit of this process: others may still use them."""
    _left.append((os.getpid(), ref, keys))


def _start() -> None:
    global _thread, _buried
    with _starting:
        if _thread is not None and _thread[0] == os.getpid():
            return
        if _thread is None:
            os.register_at_fork(after_in_child=_after_fork)
            atexit.register(_exit)
        _buried = queue.SimpleQueue()
        thread = threading.Thread(target=_beat, args=(_buried,), name="lithops-mp-heartbeat", daemon=True)
        _thread = (os.getpid(), thread)
        thread.start()


def _after_fork() -> None:
    global _starting
    _starting = threading.Lock()  # another thread of the parent may have held it


def _beat(buried: queue.SimpleQueue[Grave | None]) -> None:
    beat_at = time.monotonic()
    renewed_at = time.monotonic()
    failing: set[Client] = set()
    while True:
        try:
            graves = [buried.get(timeout=max(0.0, beat_at - time.monotonic()))]
        except queue.Empty:
            graves = []
        while not buried.empty():
            graves.append(buried.get())
        _delete([grave for grave in graves if grave is not None])
        _run_errands()
        if None in graves:
            return
        if time.monotonic() < beat_at:
            continue
        beat_at = time.monotonic() + min(BEAT_S, _expiry_s / 4)
        failing = _renew_leases(failing)
        if time.monotonic() - renewed_at >= _expiry_s / 4:
            renewed_at = time.monotonic()
            _renew_keys()


def _renew_leases(failing: set[Client]) -> set[Client]:
    """Renew what this process holds at all servers, and give those that failed. They are tried last, and told of once."""
    still: set[Client] = set()
    for client in sorted(clients(), key=failing.__contains__):
        try:
            renew_leases(client)
        except Exception as exc:  # gone, or it refuses: full, busy, not permitted
            still.add(client)
            if client not in failing:
                log.warning("what this process holds may be taken for free soon: %s", exc)
    return still


def _renew_keys() -> None:
    for ref, keys in _by_server((obj._ref, _keys_of(obj)) for obj in _alive()):
        try:
            client = client_of(ref)
            for at in range(0, len(keys), BATCH):
                pipeline = client.pipeline(transaction=False)
                for key in keys[at : at + BATCH]:
                    pipeline.pexpire(key, expiry_ms())
                client.run_pipeline(pipeline)
        except Exception as exc:  # as above
            log.warning("%d keys may expire: %s", len(keys), exc)


def _alive() -> list[Any]:
    return [obj for obj in (found() for found in _living.valuerefs()) if obj is not None]


def _keys_of(obj: Any) -> list[str]:
    try:
        keys: list[str] = obj._keys()
    except AttributeError:  # another thread is still making it
        keys = [obj._key]
    return keys


def _delete(graves: Iterable[tuple[StorageRef, list[str]]]) -> None:
    for ref, keys in _by_server(graves):
        try:
            for at in range(0, len(keys), BATCH):
                client_of(ref).call("UNLINK", *keys[at : at + BATCH])
        except Exception as exc:  # as above
            log.debug("%d keys are left to expire: %s", len(keys), exc)


def _run_errands() -> None:
    while not _errands.empty():
        ref, command = _errands.get()
        try:
            client_of(ref).call(*command)
        except Exception as exc:  # as above
            log.debug("%s is left undone: %s", command[0], exc)


def _by_server(found: Iterable[tuple[StorageRef, list[str]]]) -> list[tuple[StorageRef, list[str]]]:
    servers: dict[str, tuple[StorageRef, list[str]]] = {}
    for ref, keys in found:
        servers.setdefault(repr(ref), (ref, []))[1].extend(keys)
    return list(servers.values())


def _exit() -> None:
    """End the thread, and delete all that this process, if it is a client, has made."""
    if _thread is None or _thread[0] != os.getpid():
        return
    graves = [(ref, keys) for pid, ref, keys in _left if pid == os.getpid()]
    graves += [(obj._ref, _keys_of(obj)) for obj in _alive() if obj._is_deleted_at_exit()]
    for grave in graves:
        _buried.put(grave)
    _buried.put(None)
    with contextlib.suppress(RuntimeError):
        _thread[1].join(_STOP_S)
    end_identities()
