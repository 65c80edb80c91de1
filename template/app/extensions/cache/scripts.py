"""The Lua scripts: each does in one round trip what must not be interrupted.

An entry starts with the versions of its tags. A tag that is invalidated gets another version, so
that the entry is no longer found, also one that is computed at this moment from older data. A tag
without a version gets one that never was before, so a Redis that has lost everything makes the
entries invalid that processes hold.
"""

from app.core.redis import Script

# KEYS: entry, lock, counts, tags…
# ARGV: name, token, lock in ms, refresh in ms, lifetime of a tag in seconds
# Returns the body, or false and whether the caller has the lock; the versions of the tags; and the
# milliseconds for which the body may be used.
LOOK = Script("""
local versions = {}
for at = 4, #KEYS do
    local version = redis.call('get', KEYS[at])
    if not version then
        version = ARGV[2]
        redis.call('set', KEYS[at], version, 'EX', ARGV[5])
    end
    versions[#versions + 1] = version
end
local version = table.concat(versions, ',') .. ':'
local entry = redis.call('get', KEYS[1])
if entry and string.sub(entry, 1, #version) == version then
    -- That there is nothing is not renewed early: its lifetime is another one.
    local is_result = string.sub(entry, #version + 1, #version + 1) == '+'
    local left = redis.call('pttl', KEYS[1]) - (is_result and tonumber(ARGV[4]) or 0)
    if left > 0 or not redis.call('set', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then
        redis.call('hincrby', KEYS[3], 'hits ' .. ARGV[1], 1)
        return {string.sub(entry, #version + 1), false, version, left}
    end
    redis.call('hincrby', KEYS[3], 'misses ' .. ARGV[1], 1)
    return {false, 1, version, 0}
end
local locked = redis.call('set', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
if locked then
    redis.call('hincrby', KEYS[3], 'misses ' .. ARGV[1], 1)
end
return {false, locked and 1 or 0, version, 0}
""")

# KEYS: counts, tags…   ARGV: versions, name, number of hits
# Returns whether the tags still have these versions.
CHECK = Script("""
local versions = redis.call('mget', unpack(KEYS, 2))
for at, version in ipairs(versions) do versions[at] = version or '' end
if table.concat(versions, ',') .. ':' ~= ARGV[1] then
    return 0
end
redis.call('hincrby', KEYS[1], 'hits ' .. ARGV[2], ARGV[3])
return 1
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
