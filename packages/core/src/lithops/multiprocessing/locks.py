"""`Lock`, `RLock`, `Semaphore`, `BoundedSemaphore`: each try is one script, and a dead holder holds nothing.

A lock is a string `<identity>:<thread>:<count>`; without the key it is free. A semaphore is its value; without the key
it has its first value. Who waits says so with a flag that lapses, and whoever frees something then pushes a token to a
list.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from lithops.multiprocessing.identities import ALIVE, LEASE_MS, identity
from lithops.multiprocessing.state import SharedObject, expiry_ms, script
from lithops.multiprocessing.waiting import FLAG_MS, Deadline, wait_for_token

__all__ = ["FREE", "SEM_VALUE_MAX", "BoundedSemaphore", "Lock", "OwnedLock", "RLock", "SemLock", "Semaphore"]

SEM_VALUE_MAX = 2**31 - 1
TOO_MANY = "semaphore or lock released too many times"

# Keys: the lock, the flag, the lease. Arguments: the owner, the count, whether it is recursive, whether to wait, the expiry.
_ACQUIRE = script(f"""
local held = redis.call('GET', KEYS[1])
if held then
  local owner, count = string.match(held, '^(.*):(%d+)$')
  if owner == ARGV[1] and ARGV[3] == '1' then
    redis.call('SET', KEYS[1], owner .. ':' .. (count + ARGV[2]), 'KEEPTTL')
    return 1
  end
  if redis.call('EXISTS', '{ALIVE}' .. string.sub(held, 1, 16)) == 1 then
    if ARGV[4] == '1' then redis.call('SET', KEYS[2], 1, 'PX', {FLAG_MS}) end
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[5])
redis.call('SET', KEYS[3], 1, 'PX', {LEASE_MS})
return 1
""")

FREE = f"""
local function free(lock, flag, tokens)
  redis.call('DEL', lock)
  if redis.call('EXISTS', flag) == 1 and redis.call('LLEN', tokens) == 0 then
    redis.call('RPUSH', tokens, 1)
    redis.call('PEXPIRE', tokens, {FLAG_MS})
  end
end
"""
"""Free a lock, and wake one who waits for it."""

# Keys: the lock, the flag, the tokens. Arguments: the owner, or nothing where anyone may release.
_RELEASE = script(
    FREE
    + """
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
if ARGV[1] ~= '' then
  local owner, count = string.match(held, '^(.*):(%d+)$')
  if owner ~= ARGV[1] then return 0 end
  if count ~= '1' then
    redis.call('SET', KEYS[1], owner .. ':' .. string.format('%d', count - 1), 'KEEPTTL')
    return 1
  end
end
free(KEYS[1], KEYS[2], KEYS[3])
return 1
"""
)

# Keys: the value, the flag, the holders, the lease.
# Arguments: the first value, whether to wait, who if holders count, the expiry.
_ACQUIRE_UNIT = script(f"""
local value = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if value == 0 and ARGV[3] ~= '' then
  local holders = redis.call('HGETALL', KEYS[3])
  for at = 1, #holders, 2 do
    if redis.call('EXISTS', '{ALIVE}' .. holders[at]) == 0 then
      redis.call('HDEL', KEYS[3], holders[at])
      value = value + holders[at + 1]
    end
  end
end
if value == 0 then
  if ARGV[2] == '1' then redis.call('SET', KEYS[2], 1, 'PX', {FLAG_MS}) end
  return 0
end
redis.call('SET', KEYS[1], string.format('%d', value - 1), 'PX', ARGV[4])
if ARGV[3] ~= '' then
  redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
  redis.call('SET', KEYS[4], 1, 'PX', {LEASE_MS})
end
return 1
""")

# Keys: the value, the flag, the holders, the tokens.
# Arguments: the first value, the largest, who if holders count, the expiry.
# Where somebody else releases than acquired, one of the holders holds less.
_RELEASE_UNIT = script(f"""
local value = tonumber(redis.call('GET', KEYS[1]) or ARGV[1]) + 1
if value > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], string.format('%d', value), 'PX', ARGV[4])
if ARGV[3] ~= '' then
  local holder = ARGV[3]
  if redis.call('HEXISTS', KEYS[3], holder) == 0 then holder = redis.call('HKEYS', KEYS[3])[1] end
  if holder and redis.call('HINCRBY', KEYS[3], holder, -1) <= 0 then redis.call('HDEL', KEYS[3], holder) end
end
if redis.call('EXISTS', KEYS[2]) == 1 and redis.call('LLEN', KEYS[4]) < value then
  redis.call('RPUSH', KEYS[4], 1)
  redis.call('PEXPIRE', KEYS[4], {FLAG_MS})
end
return 1
""")


class SemLock(SharedObject):
    """What locks and semaphores have in common: how they wait. Use one of the four classes below."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)

    def _keys(self) -> list[str]:
        return [self._key, self._key + ":flag", self._key + ":tokens", self._key + ":holders"]

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it. Without `block`, or after `timeout` seconds, give False if it cannot be had."""
        deadline = Deadline(timeout if block else 0.0)
        while not self._try(is_waiting=block):
            step = deadline.step_s()
            if not step:
                return False
            wait_for_token(self._redis, self._key + ":tokens", step)
        return True

    def release(self) -> None:
        """Give it back, and wake one who waits."""
        raise NotImplementedError

    def _try(self, *, is_waiting: bool) -> bool:
        raise NotImplementedError

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class OwnedLock(SemLock):
    """A lock that knows its owner: a thread of a process. What its process held is free when that has ended or died."""

    _is_recursive = False

    def __init__(self, *, ctx: Any = None) -> None:
        del ctx
        super().__init__("lock")

    def _try(self, *, is_waiting: bool, count: int = 1) -> bool:
        key = self._key
        keys = (key, key + ":flag", ALIVE + identity())
        arguments = (_me(), count, int(self._is_recursive), int(is_waiting), expiry_ms())
        return bool(_ACQUIRE(self._redis, keys, arguments, undo=self._give_back))

    def _give_back(self, answer: Any) -> None:
        if answer:
            self.release()

    def _release(self, owner: str) -> bool:
        key = self._key
        return bool(_RELEASE(self._redis, (key, key + ":flag", key + ":tokens"), (owner,)))

    def _held(self) -> tuple[str, int]:
        """Give the owner, "" if there is none alive, and how often it holds the lock."""
        held = self._redis.call("GET", self._key)
        if held is None:
            return "", 0
        owner, _, count = held.decode().rpartition(":")
        is_alive = self._redis.call("EXISTS", ALIVE + owner[:16])
        return (owner, int(count)) if is_alive else ("", 0)

    def locked(self) -> bool:
        """Tell whether anyone holds it."""
        return bool(self._held()[0])

    def _is_owned(self) -> bool:
        return self._held()[0] == _me()

    def _description(self) -> tuple[str, str]:
        try:
            owner, count = self._held()
            if not owner:
                return "None", "0"
            if owner == _me():
                return _name_of_this_thread(), str(count)
            return ("SomeOtherThread" if owner[:16] == identity() else "SomeOtherProcess"), "nonzero"
        except Exception:  # a text is wanted in a debugger too, without a server
            return "unknown", "unknown"


class Lock(OwnedLock):
    """A lock that anyone may release."""

    def release(self) -> None:
        """Free it. Raises ValueError if nobody holds it."""
        if not self._release(""):
            raise ValueError(TOO_MANY)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(owner={self._description()[0]})>"


class RLock(OwnedLock):
    """A lock that its owner may take again, and that only its owner may release."""

    _is_recursive = True

    def release(self) -> None:
        """Give it back once. Raises AssertionError if this thread does not hold it."""
        if not self._release(_me()):
            raise AssertionError("attempt to release recursive lock not owned by thread")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({', '.join(self._description())})>"


class Semaphore(SemLock):
    """A counter that anyone may raise, and that nobody can lower below 0.

    It may be a signal from one process to another, so that what a dead process took stays taken, as in the standard library.
    """

    _plain = ("_first",)
    _most = SEM_VALUE_MAX
    _has_holders = False

    def __init__(self, value: int = 1, *, ctx: Any = None) -> None:
        del ctx
        if not 0 <= value <= SEM_VALUE_MAX:
            raise ValueError(f"a semaphore cannot begin with {value!r}: give a whole number from 0 to {SEM_VALUE_MAX}")
        super().__init__("semaphore")
        self._first = int(value)

    def get_value(self) -> int:
        """Give the value; others may change it at any moment."""
        value = self._redis.call("GET", self._key)
        return self._first if value is None else int(value)

    def locked(self) -> bool:
        """Tell whether the value is 0."""
        return self.get_value() == 0

    def release(self) -> None:
        """Raise the value by 1. Raises ValueError beyond the largest."""
        key = self._key
        keys = (key, key + ":flag", key + ":holders", key + ":tokens")
        if not _RELEASE_UNIT(self._redis, keys, (self._first, self._most, self._holder(), expiry_ms())):
            raise ValueError(TOO_MANY)

    def _try(self, *, is_waiting: bool) -> bool:
        key = self._key
        keys = (key, key + ":flag", key + ":holders", ALIVE + identity())
        arguments = (self._first, int(is_waiting), self._holder(), expiry_ms())
        return bool(_ACQUIRE_UNIT(self._redis, keys, arguments, undo=self._give_back))

    def _give_back(self, answer: Any) -> None:
        if answer:
            self.release()

    def _holder(self) -> str:
        return identity() if self._has_holders else ""

    def _shown_value(self) -> str:
        try:
            return str(self.get_value())
        except Exception:  # a text is wanted in a debugger too, without a server
            return "unknown"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(value={self._shown_value()})>"


class BoundedSemaphore(Semaphore):
    """A semaphore that is never above its first value, so that what a dead process took can be given back."""

    _has_holders = True

    @property
    def _most(self) -> int:  # type: ignore[override]
        return self._first

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(value={self._shown_value()}, maxvalue={self._first})>"


def _me() -> str:
    return f"{identity()}:{threading.get_ident()}"


def _name_of_this_thread() -> str:
    from lithops.multiprocessing.process import current_process

    thread = threading.current_thread().name
    name: str = current_process().name
    return name if thread == "MainThread" else f"{name}|{thread}"
