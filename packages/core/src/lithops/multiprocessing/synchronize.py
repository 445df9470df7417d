"""`multiprocessing.synchronize`: locks, semaphores, conditions, events and barriers that processes share."""

from __future__ import annotations

from lithops.multiprocessing.barriers import Barrier, BrokenBarrierError
from lithops.multiprocessing.conditions import Condition, Event
from lithops.multiprocessing.locks import SEM_VALUE_MAX, BoundedSemaphore, Lock, RLock, Semaphore, SemLock

__all__ = [
    "SEM_VALUE_MAX",
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "Condition",
    "Event",
    "Lock",
    "RLock",
    "SemLock",
    "Semaphore",
]
