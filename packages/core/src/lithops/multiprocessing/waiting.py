"""How a process waits at Redis: in steps of at most 1 s, so that time-outs are exact and a dead holder is noticed.

Locks and queues wake anyone: `wait_for_token` on a list that whoever frees something pushes to. Conditions, events and
barriers wake certain ones: those who wait are a sorted set, in the order of arrival, and each has a list of its own.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from lithops.multiprocessing.identities import ALIVE, LEASE_MS, identity
from lithops.multiprocessing.scripts import script

if TYPE_CHECKING:
    from lithops.multiprocessing.redis_client import Client

__all__ = ["FLAG_MS", "WAKE", "Deadline", "leave", "new_waiter", "wait_as", "wait_for_token"]

STEP_S = 1.0
FLAG_MS = 3000
"""How long a waiter that does not come back counts as waiting: a few steps."""

# The identity is the first 16 characters of a waiter. A dead one is not woken: the next gets its token.
WAKE = f"""
local function wake(waiters, most, token)
  local woken = 0
  while woken < most do
    local first = redis.call('ZPOPMIN', waiters)
    if #first == 0 then break end
    if redis.call('EXISTS', '{ALIVE}' .. string.sub(first[1], 1, 16)) == 1 then
      local list = waiters .. ':' .. first[1]
      redis.call('RPUSH', list, token)
      redis.call('PEXPIRE', list, 60000)
      woken = woken + 1
    end
  end
  return woken
end
local function enter(waiters, waiter, expiry)
  local last = redis.call('ZREVRANGE', waiters, 0, 0, 'WITHSCORES')
  redis.call('ZADD', waiters, last[2] and last[2] + 1 or 1, waiter)
  redis.call('PEXPIRE', waiters, expiry)
  redis.call('SET', '{ALIVE}' .. string.sub(waiter, 1, 16), 1, 'PX', {LEASE_MS})
end
"""

# A waiter that is not in the set any more was woken: its token is there.
_LEAVE = script("return redis.call('ZREM', KEYS[1], ARGV[1])")


class Deadline:
    """When a wait is over; `None` never."""

    __slots__ = ("_at",)

    def __init__(self, timeout: float | None) -> None:
        self._at = None if timeout is None else time.monotonic() + max(0.0, timeout)

    def step_s(self) -> float:
        """Say how long to wait next: at most a step; 0 when it is over."""
        if self._at is None:
            return STEP_S
        return max(0.0, min(STEP_S, self._at - time.monotonic()))


def wait_for_token(client: Client, key: str, seconds: float) -> bytes | None:
    """Wait until somebody pushes to a list, and take one token. None if nobody did."""
    is_last = seconds < STEP_S  # then it is a time-out that somebody gave, which should be exact
    answer = client.call("BLPOP", key, f"{seconds + 0.01:.3f}", wait_s=seconds, end_s=seconds if is_last else None)
    return None if answer is None else bytes(answer[1])


def new_waiter() -> str:
    """Make the name of somebody who waits: it begins with the identity."""
    return f"{identity()}:{os.urandom(6).hex()}"


def wait_as(client: Client, waiters: str, waiter: str, deadline: Deadline) -> bytes | None:
    """Wait until this waiter, who has entered, is woken: give the token. After the deadline leave, and give None."""
    while step := deadline.step_s():
        token = wait_for_token(client, f"{waiters}:{waiter}", step)
        if token is not None:
            return token
        if client.call("ZSCORE", waiters, waiter) is None:
            break
    return leave(client, waiters, waiter)


def leave(client: Client, waiters: str, waiter: str) -> bytes | None:
    """Stop waiting. Gives the token if this waiter was woken before."""
    if _LEAVE(client, [waiters], [waiter]):
        return None
    answer = client.call("LPOP", f"{waiters}:{waiter}")
    return b"" if answer is None else bytes(answer)
