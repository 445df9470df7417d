"""`Barrier`: so many processes wait for each other.

Redis has a hash: `count` of those who wait, `state` ("broken", "acting" while the action runs, else none) and `actor`. Each
step is one script. Who comes while the action runs waits at the entry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lithops.multiprocessing.identities import ALIVE, identity
from lithops.multiprocessing.state import SharedObject, expiry_ms, script
from lithops.multiprocessing.waiting import WAKE, Deadline, new_waiter, wait_for_token

__all__ = ["Barrier", "BrokenBarrierError"]

BrokenBarrierError = threading.BrokenBarrierError

_LUA = (
    WAKE
    + f"""
local everyone = 2147483647
local function finish(token, state)
  redis.call('HDEL', KEYS[1], 'count', 'actor')
  if state == '' then redis.call('HDEL', KEYS[1], 'state') else redis.call('HSET', KEYS[1], 'state', state) end
  wake(KEYS[2], everyone, token)
  wake(KEYS[3], everyone, 'again')
end
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'acting' and redis.call('EXISTS', '{ALIVE}' .. redis.call('HGET', KEYS[1], 'actor')) == 0 then
  finish('broken', 'broken')
  state = 'broken'
end
"""
)

# Keys, of all: the hash, the waiters, those at the entry.
# Arguments: the waiter, the parties, whether there is an action, the expiry.
_ENTER = script(
    _LUA
    + """
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if state == 'broken' then return {'broken', 0} end
if state == 'acting' then
  enter(KEYS[3], ARGV[1], ARGV[4])
  return {'later', 0}
end
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if count < tonumber(ARGV[2]) then
  enter(KEYS[2], ARGV[1], ARGV[4])
  return {'wait', count - 1}
end
if ARGV[3] == '1' then
  redis.call('HSET', KEYS[1], 'state', 'acting', 'actor', string.sub(ARGV[1], 1, 16))
  enter(KEYS[3], ARGV[1], ARGV[4])
  redis.call('ZREM', KEYS[3], ARGV[1])
  return {'act', count - 1}
end
finish('go', '')
return {'go', count - 1}
"""
)

# After a step of waiting. Arguments: the waiter, whether its time is over. Gives 1 if it is still to wait.
_CHECK = script(
    _LUA
    + """
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
if ARGV[2] == '1' and state ~= 'acting' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  finish('broken', 'broken')
  return 0
end
return 1
"""
)

# After the action. Arguments: the actor, 1 if it succeeded. Gives 1 if the barrier was still its own.
_ACTED = script(
    _LUA
    + """
if state ~= 'acting' or redis.call('HGET', KEYS[1], 'actor') ~= ARGV[1] then return 0 end
if ARGV[2] == '1' then finish('go', '') else finish('broken', 'broken') end
return 1
"""
)

# Argument: the new state.
_BREAK = script(_LUA + "finish('broken', ARGV[1])")


class Barrier(SharedObject):
    """Lets nobody through until `parties` have come, again and again. A time-out, an abort or a failed action breaks it."""

    _plain = ("_parties", "_action", "_timeout")

    def __init__(
        self, parties: int, action: Callable[[], Any] | None = None, timeout: float | None = None, *, ctx: Any = None
    ) -> None:
        del ctx
        if parties < 1:
            raise ValueError(f"a barrier needs at least one party, not {parties!r}")
        super().__init__("barrier")
        self._parties = parties
        self._action = action
        self._timeout = timeout

    def __getstate__(self) -> dict[str, Any]:
        from lithops.multiprocessing.pickling import dumps

        state = super().__getstate__()
        state["_action"] = None if self._action is None else dumps(self._action)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        from lithops.multiprocessing.pickling import loads

        action = state["_action"]
        super().__setstate__({**state, "_action": None if action is None else loads(action)})

    def _keys(self) -> list[str]:
        return [self._key, self._key + ":waiters", self._key + ":entry"]

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the others. Gives a number from 0 to parties - 1, another one to each.

        Raises BrokenBarrierError if the barrier is broken or reset, or if `timeout` seconds pass: then it is broken for all.
        """
        deadline = Deadline(self._timeout if timeout is None else timeout)
        waiter = new_waiter()
        client, keys = self._redis, self._keys()
        while True:
            is_acting = int(self._action is not None)
            what, number = _ENTER(client, keys, (waiter, self._parties, is_acting, expiry_ms()))
            if what != b"later":
                break
            if not (step := deadline.step_s()):
                self.abort()
                raise BrokenBarrierError
            wait_for_token(client, f"{keys[2]}:{waiter}", step)
        if what == b"broken":
            raise BrokenBarrierError
        if what == b"act":
            self._act()
        if what == b"wait":
            self._wait(waiter, deadline)
        return int(number)

    def _wait(self, waiter: str, deadline: Deadline) -> None:
        client, keys = self._redis, self._keys()
        mine = f"{keys[1]}:{waiter}"
        try:
            while True:
                step = deadline.step_s()
                token = wait_for_token(client, mine, step or 0.05)
                if token is None and not _CHECK(client, keys, (waiter, int(not deadline.step_s()))):
                    token = client.call("LPOP", mine) or b"broken"
                if token == b"go":
                    return
                if token is not None:
                    raise BrokenBarrierError
        except KeyboardInterrupt:
            self.abort()  # the others would wait for one who does not come
            raise

    def _act(self) -> None:
        assert self._action is not None
        try:
            self._action()
        except BaseException:
            _ACTED(self._redis, self._keys(), (identity(), 0))
            raise
        if not _ACTED(self._redis, self._keys(), (identity(), 1)):
            raise BrokenBarrierError

    def reset(self) -> None:
        """Make it empty and whole again; for those who wait it is broken."""
        _BREAK(self._redis, self._keys(), ("",))

    def abort(self) -> None:
        """Break it, for those who wait and those who come."""
        _BREAK(self._redis, self._keys(), ("broken",))

    @property
    def parties(self) -> int:
        """How many it waits for."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many wait now."""
        state, count = self._redis.call("HMGET", self._key, "state", "count")
        return 0 if state is not None or count is None else int(count)

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return bool(self._redis.call("HGET", self._key, "state") == b"broken")

    def __repr__(self) -> str:
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        try:
            state = "broken" if self.broken else f"waiters={self.n_waiting}/{self.parties}"
        except Exception:  # a text is wanted in a debugger too, without a server
            state = "unknown"
        return f"<{name} at {id(self):#x}: {state}>"
