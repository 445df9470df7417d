"""`multiprocessing.queues`: `Queue`, `JoinableQueue` and `SimpleQueue`.

The items are a list in Redis. An item is put or taken by one script; who finds nothing, or no room, waits for a token
and tries again, so that an interrupt loses no item.
"""

from __future__ import annotations

import os
import queue
import threading
from types import GenericAlias
from typing import Any

from lithops.errors import BrokerError
from lithops.multiprocessing.locks import SEM_VALUE_MAX
from lithops.multiprocessing.state import SharedObject, dumps, expiry_ms, loads, script
from lithops.multiprocessing.waiting import FLAG_MS, WAKE, Deadline, leave, new_waiter, wait_as, wait_for_token

__all__ = ["Empty", "Full", "JoinableQueue", "Queue", "SimpleQueue"]

Empty = queue.Empty
Full = queue.Full

HAND_MS = 10_000

_TOKEN = f"""
local function give_token(flag, tokens, most)
  if redis.call('EXISTS', flag) == 1 and redis.call('LLEN', tokens) < most then
    redis.call('RPUSH', tokens, 1)
    redis.call('PEXPIRE', tokens, {FLAG_MS})
  end
end
"""

# Keys: the items, the getters' flag and tokens, the putters' flag, the count of unfinished.
# Arguments: the item, the size, whether to wait, the expiry, whether unfinished ones count.
_PUT = script(
    _TOKEN
    + f"""
local size = tonumber(ARGV[2])
if size > 0 and redis.call('LLEN', KEYS[1]) >= size then
  if ARGV[3] == '1' then redis.call('SET', KEYS[4], 1, 'PX', {FLAG_MS}) end
  return 0
end
local length = redis.call('RPUSH', KEYS[1], ARGV[1])
if length == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
if ARGV[5] == '1' then
  redis.call('INCR', KEYS[5])
  redis.call('PEXPIRE', KEYS[5], ARGV[4])
end
give_token(KEYS[2], KEYS[3], length)
return 1
"""
)

# Keys: the items, the getters' flag, the putters' flag and tokens, the hand.
# Arguments: the size, whether to wait, the number of this get: where there is one, the hand keeps the item for a while,
# since a signal may interrupt the getter.
_GET = script(
    _TOKEN
    + f"""
local item = redis.call('LPOP', KEYS[1])
if not item then
  if ARGV[2] == '1' then redis.call('SET', KEYS[2], 1, 'PX', {FLAG_MS}) end
  return false
end
if ARGV[3] ~= '' then redis.call('SET', KEYS[5], ARGV[3] .. ':' .. item, 'PX', {HAND_MS}) end
if ARGV[1] ~= '0' then give_token(KEYS[3], KEYS[4], ARGV[1] - redis.call('LLEN', KEYS[1])) end
return item
"""
)

# Keys: the items, the getters' flag and tokens, the hand. Arguments: the number of the get, the expiry.
_PUT_BACK = script(
    _TOKEN
    + """
local held = redis.call('GET', KEYS[4])
local number = ARGV[1] .. ':'
if not held or string.sub(held, 1, #number) ~= number then return end
redis.call('DEL', KEYS[4])
local length = redis.call('LPUSH', KEYS[1], string.sub(held, #number + 1))
if length == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
give_token(KEYS[2], KEYS[3], length)
"""
)

# Keys: the count of unfinished, those who join.
_TASK_DONE = script(
    WAKE
    + """
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
if count == 0 then return 0 end
if count > 1 then
  redis.call('DECR', KEYS[1])
else
  redis.call('DEL', KEYS[1])
  wake(KEYS[2], 2147483647, 'go')
end
return 1
"""
)

# Keys: the same. Arguments: the waiter, the expiry.
_JOIN = script(
    WAKE
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
enter(KEYS[2], ARGV[1], ARGV[2])
return 0
"""
)


class _Items(SharedObject):
    """What all queues are: a list of pickles. A `_size` of 0 has no limit."""

    _plain = ("_size",)
    _counts_unfinished = False

    def __init__(self, size: int) -> None:
        super().__init__("queue")
        self._size = size
        self._begin()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._begin()

    def _begin(self) -> None:
        self._closed = False
        self._hand = os.urandom(6).hex()
        self._gets = 0

    def _keys(self) -> list[str]:
        key = self._key
        return [key, key + ":gf", key + ":gt", key + ":pf", key + ":pt", key + ":unfinished", key + ":joining"]

    def _put(self, item: Any, *, block: bool, timeout: float | None) -> bool:
        data = dumps(item)
        key = self._key
        keys = (key, key + ":gf", key + ":gt", key + ":pf", key + ":unfinished")
        arguments = (data, self._size, int(block), expiry_ms(), int(self._counts_unfinished))
        client = self._redis
        if _PUT(client, keys, arguments):
            return True
        deadline = Deadline(timeout if block else 0.0)
        while step := deadline.step_s():
            wait_for_token(client, key + ":pt", step)
            if _PUT(client, keys, arguments):
                return True
        return False

    def _get(self, *, block: bool, timeout: float | None) -> bytes | None:
        key = self._key
        client = self._redis
        number = ""
        if threading.current_thread() is threading.main_thread():  # signals come there only
            self._gets += 1
            number = str(self._gets)
        keys = (key, key + ":gf", key + ":pf", key + ":pt", f"{key}:hand:{self._hand}")
        arguments = (self._size, int(block), number)
        try:
            data = _GET(client, keys, arguments, undo=_nothing)
            if data is None and block:
                deadline = Deadline(timeout)
                while data is None and (step := deadline.step_s()):
                    wait_for_token(client, key + ":gt", step)
                    data = _GET(client, keys, arguments, undo=_nothing)
        except BrokerError:
            raise
        except BaseException:  # Ctrl-C, or what another handler of a signal raises
            if number:
                _PUT_BACK(client, (key, key + ":gf", key + ":gt", keys[4]), (number, expiry_ms()))
            raise
        return data  # type: ignore[no-any-return]

    def _length(self) -> int:
        return int(self._redis.call("LLEN", self._key))

    __class_getitem__ = classmethod(GenericAlias)  # type: ignore[var-annotated]


class Queue(_Items):
    """A queue of objects that many processes put into and take from, first in, first out.

    `put` writes to Redis itself: there is no thread behind it, so that what cannot be pickled is raised at once.
    """

    def __init__(self, maxsize: int = 0, *, ctx: Any = None) -> None:
        del ctx
        super().__init__(maxsize if 0 < maxsize < SEM_VALUE_MAX else 0)

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an object. Raises Full if there is no room, at once without `block`, else after `timeout` seconds."""
        self._check_open()
        if not self._put(obj, block=block, timeout=timeout):
            raise Full

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take an object. Raises Empty if there is none, at once without `block`, else after `timeout` seconds."""
        self._check_open()
        data = self._get(block=block, timeout=timeout)
        if data is None:
            raise Empty
        return loads(data)

    def put_nowait(self, obj: Any) -> None:
        """Put an object, or raise Full."""
        self.put(obj, False)

    def get_nowait(self) -> Any:
        """Take an object, or raise Empty."""
        return self.get(False)

    def qsize(self) -> int:
        """Count the objects; others may change it at any moment."""
        return self._length()

    def empty(self) -> bool:
        """Tell whether there is no object now."""
        return self._length() == 0

    def full(self) -> bool:
        """Tell whether there is no room now."""
        return 0 < self._size <= self._length()

    def close(self) -> None:
        """Use it no more in this process."""
        self._closed = True

    def join_thread(self) -> None:
        """Do nothing: there is no thread. Raises AssertionError if the queue was not closed."""
        assert self._closed, f"{self!r} is not closed: call close() first"

    def cancel_join_thread(self) -> None:
        """Do nothing: there is no thread."""

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")


class JoinableQueue(Queue):
    """A queue that knows how many of its objects are done with."""

    _counts_unfinished = True

    def task_done(self) -> None:
        """Say that an object that was taken is done with. Raises ValueError if there is none."""
        if not _TASK_DONE(self._redis, self._joining()):
            raise ValueError("task_done() called too many times")

    def join(self) -> None:
        """Wait until all objects are done with."""
        waiter = new_waiter()
        keys = self._joining()
        if _JOIN(self._redis, keys, (waiter, expiry_ms())):
            return
        try:
            wait_as(self._redis, keys[1], waiter, Deadline(None))
        except KeyboardInterrupt:
            leave(self._redis, keys[1], waiter)
            raise

    def _joining(self) -> tuple[str, str]:
        return self._key + ":unfinished", self._key + ":joining"


class SimpleQueue(_Items):
    """A queue without a limit, without time-outs."""

    def __init__(self, *, ctx: Any = None) -> None:
        del ctx
        super().__init__(0)

    def put(self, obj: Any) -> None:
        """Put an object."""
        self._check_open()
        self._put(obj, block=True, timeout=None)

    def get(self) -> Any:
        """Take an object; wait until there is one."""
        self._check_open()
        data = self._get(block=True, timeout=None)
        assert data is not None
        return loads(data)

    def empty(self) -> bool:
        """Tell whether there is no object now."""
        self._check_open()
        return self._length() == 0

    def close(self) -> None:
        """Use it no more in this process."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise OSError("handle is closed")


def _nothing(answer: Any) -> None:
    """Wait for the answer of an interrupted get, so that it is over; the hand has the item."""
