"""`Condition` and `Event`: who waits is woken in the order of arrival, by a token of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from lithops.multiprocessing.locks import FREE, OwnedLock, RLock, _me
from lithops.multiprocessing.state import SharedObject, expiry_ms, script
from lithops.multiprocessing.waiting import WAKE, Deadline, leave, new_waiter, wait_as

__all__ = ["Condition", "Event"]

EVERYONE = 2**31 - 1

# Keys: the lock, its flag, its tokens, the waiters. Arguments: the owner, the waiter, the expiry.
# Gives how often the lock was held.
_WAIT = script(
    WAKE
    + FREE
    + """
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
local owner, count = string.match(held, '^(.*):(%d+)$')
if owner ~= ARGV[1] then return 0 end
enter(KEYS[4], ARGV[2], ARGV[3])
free(KEYS[1], KEYS[2], KEYS[3])
return tonumber(count)
"""
)

# Keys: the lock, the waiters. Arguments: the owner, how many to wake.
_NOTIFY = script(
    WAKE
    + """
local held = redis.call('GET', KEYS[1])
if not held or string.match(held, '^(.*):%d+$') ~= ARGV[1] then return -1 end
return wake(KEYS[2], tonumber(ARGV[2]), 'go')
"""
)

# Keys: the event, the waiters. Argument: the expiry.
_SET = script(
    WAKE
    + f"""
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
return wake(KEYS[2], {EVERYONE}, 'go')
"""
)

# Keys: the event, the waiters. Arguments: the waiter, the expiry.
_WAIT_UNLESS_SET = script(
    WAKE
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
enter(KEYS[2], ARGV[1], ARGV[2])
return 0
"""
)


class Condition(SharedObject):
    """A lock, and those who wait until its owner notifies them."""

    _plain = ("_lock",)

    def __init__(self, lock: Any = None, *, ctx: Any = None) -> None:
        if lock is not None and not isinstance(lock, OwnedLock):
            raise TypeError(f"a condition needs a Lock or an RLock of lithops.multiprocessing, not {lock!r}")
        super().__init__("condition")
        self._lock: OwnedLock = RLock(ctx=ctx) if lock is None else lock

    def _keys(self) -> list[str]:
        return [self._key]

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock."""
        return self._lock.acquire(block, timeout)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock, wait until notified, and take it again. Gives False after `timeout` seconds.

        Raises AssertionError if this thread does not hold the lock.
        """
        lock = self._lock._key
        deadline = Deadline(timeout)
        waiter = new_waiter()
        keys = (lock, lock + ":flag", lock + ":tokens", self._key)
        count = _WAIT(self._redis, keys, (_me(), waiter, expiry_ms()))
        assert count, "must acquire() condition before using wait()"
        try:
            token = wait_as(self._redis, self._key, waiter, deadline)
        except KeyboardInterrupt:
            leave(self._redis, self._key, waiter)
            raise
        finally:
            self._take_again(count)
        return token is not None

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until `predicate()` is true, and give its value; after `timeout` seconds the last value."""
        end = None if timeout is None else time.monotonic() + timeout
        value = predicate()
        while not value:
            rest = None if end is None else end - time.monotonic()
            if rest is not None and rest <= 0:
                break
            self.wait(rest)
            value = predicate()
        return value

    def notify(self, n: int = 1) -> None:
        """Wake so many of those who wait, the longest first. Raises AssertionError if this thread does not hold the lock."""
        woken = _NOTIFY(self._redis, (self._lock._key, self._key), (_me(), n))
        assert woken >= 0, "must acquire() condition before using notify()"

    def notify_all(self) -> None:
        """Wake all who wait."""
        self.notify(EVERYONE)

    def _take_again(self, count: int) -> None:
        from lithops.multiprocessing.waiting import wait_for_token

        deadline = Deadline(None)
        while not self._lock._try(is_waiting=True, count=count):
            wait_for_token(self._redis, self._lock._key + ":tokens", deadline.step_s())

    def __repr__(self) -> str:
        try:
            waiting = str(self._redis.call("ZCARD", self._key))
        except Exception:  # a text is wanted in a debugger too, without a server
            waiting = "unknown"
        return f"<{type(self).__name__}({self._lock!r}, {waiting})>"


class Event(SharedObject):
    """A flag that processes wait for."""

    def __init__(self, *, ctx: Any = None) -> None:
        del ctx
        super().__init__("event")

    def _keys(self) -> list[str]:
        return [self._key, self._key + ":waiters"]

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return bool(self._redis.call("EXISTS", self._key))

    def set(self) -> None:
        """Set it, and wake all who wait."""
        _SET(self._redis, self._keys(), (expiry_ms(),))

    def clear(self) -> None:
        """Take it back."""
        self._redis.call("DEL", self._key)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set. Gives False after `timeout` seconds."""
        deadline = Deadline(timeout)
        if not deadline.step_s():
            return self.is_set()
        waiter = new_waiter()
        keys = self._keys()
        if _WAIT_UNLESS_SET(self._redis, keys, (waiter, expiry_ms())):
            return True
        try:
            return wait_as(self._redis, keys[1], waiter, deadline) is not None
        except KeyboardInterrupt:
            leave(self._redis, keys[1], waiter)
            raise

    def __repr__(self) -> str:
        try:
            state = "set" if self.is_set() else "unset"
        except Exception:  # a text is wanted in a debugger too, without a server
            state = "unknown"
        return f"<{type(self).__qualname__} at {id(self):#x} {state}>"
