"""The Lua scripts: each does in one round trip what must not be interrupted.

An entry starts with the versions of its tags. A tag that is invalidated gets another version, so
that the entry is no longer found, also one that is computed at this moment from older data.
"""

from app.core.redis import Script

# KEYS: entry, lock, counts, tags…   ARGV: name, token, lock in ms, refresh in ms
# Returns the body, or false and whether the caller has the lock; and the versions of the tags.
LOOK = Script("""
local versions = {}
for at = 4, #KEYS do
    versions[#versions + 1] = redis.call('get', KEYS[at]) or '-'
end
local version = table.concat(versions, ',') .. ':'
local entry = redis.call('get', KEYS[1])
if entry and string.sub(entry, 1, #version) == version then
    -- That there is nothing is not renewed early: its lifetime is another one.
    local is_fresh = string.sub(entry, #version + 1, #version + 1) ~= '+'
        or redis.call('pttl', KEYS[1]) > tonumber(ARGV[4])
    if is_fresh or not redis.call('set', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then
        redis.call('hincrby', KEYS[3], 'hits ' .. ARGV[1], 1)
        return {string.sub(entry, #version + 1), false, version}
    end
    redis.call('hincrby', KEYS[3], 'misses ' .. ARGV[1], 1)
    return {false, 1, version}
end
local locked = redis.call('set', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
if locked then
    redis.call('hincrby', KEYS[3], 'misses ' .. ARGV[1], 1)
end
return {false, locked and 1 or 0, version}
""")

# KEYS: entry, lock   ARGV: token, version and body, lifetime in ms (0: do not store)
STORE = Script("""
if tonumber(ARGV[3]) > 0 then
    redis.call('set', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
if redis.call('get', KEYS[2]) == ARGV[1] then
    redis.call('del', KEYS[2])
end
""")

# KEYS: tags…   ARGV: new version, lifetime in seconds
INVALIDATE = Script("""
for at = 1, #KEYS do
    redis.call('set', KEYS[at], ARGV[1], 'EX', ARGV[2])
end
""")
