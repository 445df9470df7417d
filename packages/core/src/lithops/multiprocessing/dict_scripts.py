"""The Lua scripts behind `DictProxy`. Each runs as one atomic step, and answers nil where the dict is not there any more.

Keys: 1 the version, a counter that each change raises (it exists as long as the dict does); 2 a hash of field to pickled
value; 3 a hash of field to pickled key; 4 a sorted set of fields by age. 5 is a list of arguments too many for one call.
"""

from __future__ import annotations

from lithops.multiprocessing.state import script

__all__ = ["CLEAR", "CONTAINS", "GET", "LENGTH", "OTHERS", "PAGE", "POP", "POP_LAST", "SET", "SET_DEFAULT", "SNAPSHOT"]

_BEGIN = """
local version, values, keys, order, staged = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('EXISTS', version) == 0 then return false end
local function put(field, key, value, seq)
  if redis.call('HSET', values, field, value) == 1 then
    redis.call('HSET', keys, field, key)
    redis.call('ZADD', order, seq, field)
  end
end
local function drop(field)
  redis.call('HDEL', values, field)
  redis.call('HDEL', keys, field)
  redis.call('ZREM', order, field)
  redis.call('INCR', version)
end
local function age()
  local left = redis.call('PTTL', version)
  if left > 0 and redis.call('PTTL', order) == -1 then
    for _, name in ipairs({values, keys, order}) do redis.call('PEXPIRE', name, left) end
  end
end
local function is_stale(expected) return expected ~= '' and expected ~= redis.call('GET', version) end
local function all(hash, fields)
  local found = {}
  for at = 1, #fields, 5000 do
    local part = redis.call('HMGET', hash, unpack(fields, at, math.min(at + 4999, #fields)))
    for i = 1, #part do found[at + i - 1] = part[i] end
  end
  return found
end
"""

# No arguments -> the number of items.
LENGTH = script(_BEGIN + "return redis.call('HLEN', values)")

# field -> [value], or [] if there is none.
GET = script(_BEGIN + "local found = redis.call('HGET', values, ARGV[1]); return found and {found} or {}")

# field -> 1 or 0.
CONTAINS = script(_BEGIN + "return redis.call('HEXISTS', values, ARGV[1])")

# expected version or '', then field, key, value for each item (or all of them in the staged list) -> 1, or 0 if stale.
SET = script(
    _BEGIN
    + """
if is_stale(ARGV[1]) then redis.call('DEL', staged); return 0 end
local number = redis.call('INCR', version)
local count, read = (#ARGV - 1) / 3, 0
if count == 0 then
  count = redis.call('LLEN', staged) / 3
  while read < count do
    local part = redis.call('LRANGE', staged, read * 3, read * 3 + 2999)
    for i = 1, #part, 3 do read = read + 1; put(part[i], part[i + 1], part[i + 2], number + read) end
  end
  redis.call('DEL', staged)
else
  for i = 1, count do put(ARGV[i * 3 - 1], ARGV[i * 3], ARGV[i * 3 + 1], number + i) end
end
redis.call('INCRBY', version, count)
age()
return 1
"""
)

# expected version or '', field, key, value -> [value that is there now], or 0 if stale.
SET_DEFAULT = script(
    _BEGIN
    + """
if is_stale(ARGV[1]) then return 0 end
local found = redis.call('HGET', values, ARGV[2])
if found then return {found} end
put(ARGV[2], ARGV[3], ARGV[4], redis.call('INCR', version))
age()
return {ARGV[4]}
"""
)

# field -> [value], removed; or [].
POP = script(
    _BEGIN
    + """
local found = redis.call('HGET', values, ARGV[1])
if not found then return {} end
drop(ARGV[1])
return {found}
"""
)

# No arguments -> [key, value] of the newest item, removed; or [].
POP_LAST = script(
    _BEGIN
    + """
local field = redis.call('ZREVRANGE', order, 0, 0)[1]
if not field then return {} end
local found = {redis.call('HGET', keys, field), redis.call('HGET', values, field)}
drop(field)
return found
"""
)

# No arguments -> 1.
CLEAR = script(_BEGIN + "redis.call('DEL', values, keys, order); redis.call('INCR', version); return 1")

# which parts, 'k', 'v' or 'kv' -> [pickled keys or empty, pickled values or empty], from the oldest item to the newest.
SNAPSHOT = script(
    _BEGIN
    + """
local fields = redis.call('ZRANGE', order, 0, -1)
return {ARGV[1] ~= 'v' and all(keys, fields) or {}, ARGV[1] ~= 'k' and all(values, fields) or {}}
"""
)

# expected number of items, '-inf' or '(' and the age of the last key that is known, how many
# -> [age of the last of them, pickled keys] of the next keys by age; or 0 if the number of items is another.
PAGE = script(
    _BEGIN
    + """
if redis.call('HLEN', values) ~= tonumber(ARGV[1]) then return 0 end
local found = redis.call('ZRANGEBYSCORE', order, ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local fields = {}
for at = 1, #found, 2 do fields[#fields + 1] = found[at] end
return {found[#found] or '', all(keys, fields)}
"""
)

# No arguments -> [version, fields, pickled keys] of the keys that have no encoding.
OTHERS = script(
    _BEGIN
    + """
local fields = {}
for _, field in ipairs(redis.call('ZRANGE', order, 0, -1)) do
  if string.sub(field, 1, 1) == 'o' then fields[#fields + 1] = field end
end
return {redis.call('GET', version), fields, all(keys, fields)}
"""
)
