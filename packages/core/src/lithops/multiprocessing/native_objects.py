"""Objects of this process that cannot be pickled (queues, locks), and what takes their place in Redis."""

from __future__ import annotations

import queue
import threading
from typing import Any

from lithops.multiprocessing.state import SharedObject

__all__ = ["native"]

_LOCKS = {type(threading.Lock()): "Lock", type(threading.RLock()): "RLock", threading.Event: "Event"}


def native(value: Any) -> SharedObject | None:
    """Give the shared object that a value is, or that stands for it; None if its pickle can be shared instead."""
    if isinstance(value, SharedObject):
        return value
    if isinstance(value, queue.Queue) and type(value) is queue.Queue:
        from lithops.multiprocessing.queues import JoinableQueue

        shared: Any = JoinableQueue(value.maxsize)
        with value.mutex:
            for item in value.queue:
                shared.put(item)
        made: SharedObject = shared
        return made
    if type(value) in _LOCKS:
        from lithops.multiprocessing import synchronize

        lock: SharedObject = getattr(synchronize, _LOCKS[type(value)])()
        return lock
    return None
