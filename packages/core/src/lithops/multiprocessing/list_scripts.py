"""The Lua scripts behind `ListProxy`. Each runs as one atomic step, and answers nil where the list is not there any more.

Keys: 1 the version, a counter that each change raises (it exists as long as the list does); 2 the pickled items; 3 a list of
new items that are too many for one call.
"""

from __future__ import annotations

from lithops.multiprocessing.state import script

__all__ = ["APPEND", "GET", "LENGTH", "RANGE", "SET", "SNAPSHOT", "SPLICE"]

_BEGIN = """
local version, items, staged = KEYS[1], KEYS[2], KEYS[3]
if redis.call('EXISTS', version) == 0 then return false end
local function age()
  local left = redis.call('PTTL', version)
  if left > 0 and redis.call('PTTL', items) == -1 then redis.call('PEXPIRE', items, left) end
end
"""

# No arguments -> the number of items.
LENGTH = script(_BEGIN + "return redis.call('LLEN', items)")

# index -> [item], or [] if there is none.
GET = script(_BEGIN + "local found = redis.call('LINDEX', items, ARGV[1]); return found and {found} or {}")

# first, last (included; negative from the end) -> the items.
RANGE = script(_BEGIN + "return redis.call('LRANGE', items, ARGV[1], ARGV[2])")

# No arguments -> [version, items].
SNAPSHOT = script(_BEGIN + "return {redis.call('GET', version), redis.call('LRANGE', items, 0, -1)}")

# index, item -> 1, or 0 if there is no such index.
SET = script(
    _BEGIN
    + """
local count, at = redis.call('LLEN', items), tonumber(ARGV[1])
if at >= count or at < -count then return 0 end
redis.call('LSET', items, at, ARGV[2])
redis.call('INCR', version)
return 1
"""
)

# item -> the new number of items.
APPEND = script(
    _BEGIN
    + """
local count = redis.call('RPUSH', items, ARGV[1])
redis.call('INCR', version)
if count == 1 then age() end
return count
"""
)

# Replace the items from `first` to before `last` by others.
# expected version or '', first, last (or 'item': that index alone, which must exist), then the new items (or staged).
# -> ['done', the item removed by 'item'], ['stale'] or ['missing', count].
SPLICE = script(
    _BEGIN
    + """
if ARGV[1] ~= '' and ARGV[1] ~= redis.call('GET', version) then redis.call('DEL', staged); return {'stale'} end
local count = redis.call('LLEN', items)
local function place(text)
  local at = tonumber(text)
  if at < 0 then at = math.max(at + count, 0) end
  return math.min(at, count)
end
local function push(from, list, start)
  for at = start, #list, 5000 do
    redis.call(from, items, unpack(list, at, math.min(at + 4999, #list)))
  end
end
local first, last, removed = 0, 0, ''
if ARGV[3] == 'item' then
  local at = tonumber(ARGV[2])
  if at >= count or at < -count then return {'missing', count} end
  first = place(ARGV[2])
  last = first + 1
  removed = redis.call('LINDEX', items, first)
else
  first = place(ARGV[2])
  last = math.max(first, place(ARGV[3]))
end
local tail = {}
local fresh, start = ARGV, 4
if redis.call('EXISTS', staged) == 1 then
  fresh, start = redis.call('LRANGE', staged, 0, -1), 1
  redis.call('DEL', staged)
end
if first == 0 and last < count then
  if last > 0 then redis.call('LTRIM', items, last, -1) end
  for at = #fresh, start, -1 do redis.call('LPUSH', items, fresh[at]) end
else
  if last < count then tail = redis.call('LRANGE', items, last, -1) end
  if first == 0 then redis.call('DEL', items)
  elseif first < count then redis.call('LTRIM', items, 0, first - 1) end
  push('RPUSH', fresh, start)
  push('RPUSH', tail, 1)
end
redis.call('INCR', version)
age()
return {'done', removed}
"""
)
