"""What the two ends of a pipe do in Redis: each direction is a list, and each end counts the copies that are open.

A copy of an end has a token, `<identity>:<id>`, in the sorted set of its end: it counts while its process lives. While a
copy travels in a pickle, a token `-:<id>` stands for it, until it arrives or an hour has passed: its score.
"""

from __future__ import annotations

from lithops.multiprocessing.identities import ALIVE, LEASE_MS
from lithops.multiprocessing.state import script
from lithops.multiprocessing.waiting import FLAG_MS

__all__ = ["CLOSE", "OPEN", "PEEK", "RECEIVE", "SEND", "TRAVEL"]

TRAVEL_S = 3600

_IS_OPEN = f"""
local function is_open(copies)
  local now = tonumber(redis.call('TIME')[1])
  for _, copy in ipairs(redis.call('ZREVRANGE', copies, 0, -1)) do
    if string.sub(copy, 1, 1) == '-' then
      if tonumber(redis.call('ZSCORE', copies, copy)) > now then return true end
    elseif redis.call('EXISTS', '{ALIVE}' .. string.sub(copy, 1, 16)) == 1 then
      return true
    end
  end
  return false
end
local function give_token(flag, tokens, most)
  if redis.call('EXISTS', flag) == 1 and redis.call('LLEN', tokens) < most then
    redis.call('RPUSH', tokens, 1)
    redis.call('PEXPIRE', tokens, {FLAG_MS})
  end
end
"""

OPEN = script(f"""
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', '{ALIVE}' .. string.sub(ARGV[1], 1, 16), 1, 'PX', {LEASE_MS})
""")
"""Keys: the copies of an end. Arguments: the token of a copy, the token that travelled, the expiry."""

TRAVEL = script(f"""
redis.call('ZADD', KEYS[1], tonumber(redis.call('TIME')[1]) + {TRAVEL_S}, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")
"""Keys: the copies of an end. Arguments: the token that travels, the expiry."""

CLOSE = script(
    _IS_OPEN
    + """
redis.call('ZREM', KEYS[1], ARGV[1])
if not is_open(KEYS[1]) then give_token(KEYS[2], KEYS[3], 1) end
"""
)
"""Keys: the copies of an end, the flag and the tokens of who reads at the other. Argument: the token of the copy."""

SEND = script(
    _IS_OPEN
    + """
if not is_open(KEYS[1]) then return 0 end
local length = redis.call('RPUSH', KEYS[2], ARGV[1])
if length == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
give_token(KEYS[3], KEYS[4], length)
return 1
"""
)
"""Keys: the copies of the other end, the messages, their readers' flag and tokens. Arguments: a message, the expiry.

Gives 0 if the other end is closed.
"""

RECEIVE = script(
    _IS_OPEN
    + f"""
local message = redis.call('LPOP', KEYS[2])
if message then return message end
if not is_open(KEYS[1]) then return 0 end
redis.call('SET', KEYS[3], 1, 'PX', {FLAG_MS})
return false
"""
)
"""Keys: the copies of the other end, the messages, the readers' flag. Gives a message; 0 if the other end is closed."""

PEEK = script(
    _IS_OPEN
    + f"""
if redis.call('EXISTS', KEYS[2]) == 1 or not is_open(KEYS[1]) then return 1 end
if ARGV[1] == '1' then redis.call('SET', KEYS[3], 1, 'PX', {FLAG_MS}) end
return 0
"""
)
"""Keys: the same. Argument: whether to wait. Gives 1 if `RECEIVE` would not wait."""
