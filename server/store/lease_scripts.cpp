#include "server/store/lease_scripts.hpp"

namespace sluice::store::lease_scripts {

// A number that Lua makes a text of itself would lose digits: '%.0f' does not.

char const* const beat = R"lua(
local generation = redis.call('GET', KEYS[1])
if not generation then return {'lost'} end
if generation ~= ARGV[1] then return {'other', generation} end
local epoch, number = ARGV[2], tonumber(ARGV[3])
local seen = tonumber(redis.call('GET', KEYS[3]) or '0')
if seen < tonumber(ARGV[4]) then
    redis.call('DEL', KEYS[1])  -- what was confirmed is not there: data was lost, perhaps with a failover
    return {'lost'}
end
if seen >= number then return {'late'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local alive_until = tonumber(redis.call('ZSCORE', KEYS[2], epoch) or '0')
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[5]), epoch)
redis.call('SET', KEYS[3], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.0f', now))
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[7]) end
local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - ARGV[6]))
local late = 0
if alive_until <= now then late = 1 end
return {'ok', late, redis.call('ZCARD', KEYS[2]) - #dead, redis.call('ZRANGE', KEYS[4], 0, -1), dead}
)lua";

char const* const step = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
local epoch = ARGV[2]
if redis.call('GET', KEYS[3]) ~= ARGV[3] then return {'late'} end  -- of a connection that was given up
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(redis.call('ZSCORE', KEYS[2], epoch) or '0') <= now then return {'late'} end
local window, most, used, settled = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local held, wanted, least = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local way, length, name_of_limit, keep, is_new = ARGV[11], tonumber(ARGV[12]), ARGV[13], ARGV[14], ARGV[15] == '1'
local limit = KEYS[5]

local fields = redis.call('HGETALL', limit)
if #fields == 0 then
    if held == 0 then return {'absent'} end
    redis.call('DEL', KEYS[1])
    return {'lost'}
end
local value, names = {}, {}
for i = 1, #fields, 2 do
    value[fields[i]] = tonumber(fields[i + 1])
    if string.sub(fields[i], 1, 2) == 'r:' then table.insert(names, string.sub(fields[i], 3)) end
end
local function set(field, amount)
    value[field] = amount
    redis.call('HSET', limit, field, string.format('%.0f', amount))
end
local function forget(name)
    value['r:' .. name], value['u:' .. name], value['g:' .. name] = nil, nil, nil
    redis.call('HDEL', limit, 'r:' .. name, 'u:' .. name, 'g:' .. name)
end
local function spend(amount)
    local field = 'spent'
    if length > 0 then field = string.format('s:%.0f', now + length) end
    set(field, (value[field] or 0) + amount)
end

if value.began > window then return {'moved'} end
if value.began < window then
    -- What was reserved when the window ended is reserved in this one. Nobody has settled less than he said.
    for _, name in ipairs(names) do
        local carried = value['r:' .. name] - (value['u:' .. name] or 0)
        if carried > 0 then
            set('r:' .. name, carried)
            set('u:' .. name, 0)
        else
            forget(name)
        end
    end
    set('spent', 0)
    set('began', window)
end

local mine = value['r:' .. epoch] or 0
if mine < held then
    redis.call('DEL', KEYS[1])  -- what was granted is not there
    return {'lost'}
end
local before = (value['u:' .. epoch] or 0) - settled
if is_new and before > 0 then  -- by the ledger; the process had no such limit then, and does not count it
    mine = math.max(0, mine - before)
    spend(before)
end

local others, settled_by_others, count = value.spent or 0, value.spent or 0, 0
for field, amount in pairs(value) do
    if string.sub(field, 1, 2) == 's:' then
        if tonumber(string.sub(field, 3)) > now then
            others = others + amount
            settled_by_others = settled_by_others + amount
        else
            redis.call('HDEL', limit, field)
        end
    end
end
for _, name in ipairs(names) do
    if name ~= epoch and value['r:' .. name] then
        others = others + value['r:' .. name]
        settled_by_others = settled_by_others + (value['u:' .. name] or 0)
        count = count + 1
    end
end
if count > 64 then
    for _, name in ipairs(names) do
        if value['g:' .. name] then
            set('spent', (value.spent or 0) + value['r:' .. name])
            forget(name)
        end
    end
end

redis.call('PEXPIRE', limit, keep)
redis.call('ZADD', KEYS[6], string.format('%.0f', now + keep), name_of_limit)
redis.call('PEXPIRE', KEYS[6], keep)
if way == 'leave' then
    forget(epoch)
    spend(used)
    return {'ok', '0'}
end

local granted = used
if way == 'take' or way == 'retake' then
    local base = used
    if way == 'take' then base = math.max(mine, used) end
    local free = most - others
    local slack, left = 0, free - base - wanted
    local is_short = tonumber(redis.call('ZSCORE', KEYS[4], name_of_limit) or '0') > now
    if wanted > 0 and left > 0 and not is_short then
        local replicas = math.max(1, redis.call('ZCARD', KEYS[2]))
        slack = math.min(math.max(wanted, math.floor(most / 100)), math.floor(left / (2 * replicas)))
    end
    granted = base
    if free >= base + least then granted = math.max(base, math.min(base + wanted + slack, free)) end
    if granted < base + wanted then
        redis.call('ZADD', KEYS[4], string.format('%.0f', now + 1000), name_of_limit)
        redis.call('PEXPIRE', KEYS[4], keep)
    end
end
if granted > 0 then
    set('r:' .. epoch, granted)
    set('u:' .. epoch, settled)
    redis.call('HDEL', limit, 'g:' .. epoch)
else
    forget(epoch)
end
return {'ok', string.format('%.0f', granted), string.format('%.0f', settled_by_others)}
)lua";

char const* const begin = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'there'} end
redis.call('HSET', KEYS[2], 'began', ARGV[2], 'spent', '0')
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[3], string.format('%.0f', time[1] * 1000 + ARGV[4]), ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return {'ok'}
)lua";

char const* const shrink = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
local epoch = ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(redis.call('ZSCORE', KEYS[2], epoch) or '0') > now - ARGV[3] then return {'alive'} end
if redis.call('HGET', KEYS[3], 'began') ~= ARGV[4] then return {'moved'} end
local granted = redis.call('HGET', KEYS[3], 'r:' .. epoch)
if not granted then return {'ok'} end
local left = math.min(tonumber(granted), tonumber(ARGV[5]))
if ARGV[8] ~= '0' and ARGV[7] == '1' then
    redis.call('HDEL', KEYS[3], 'r:' .. epoch, 'u:' .. epoch, 'g:' .. epoch)
    redis.call('HINCRBY', KEYS[3], 's:' .. ARGV[8], string.format('%.0f', left))
    return {'ok'}
end
redis.call('HSET', KEYS[3], 'r:' .. epoch, string.format('%.0f', left), 'u:' .. epoch, ARGV[6])
if ARGV[7] == '1' then redis.call('HSET', KEYS[3], 'g:' .. epoch, '1') end
return {'ok'}
)lua";

char const* const forget = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0') > now - ARGV[2] then return {'alive'} end
redis.call('ZREM', KEYS[1], ARGV[1])
return {'ok'}
)lua";

char const* const found = R"lua(
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {'taken'} end
redis.call('DEL', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 1 then return {'there'} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {'ok'}
)lua";

}  // namespace sluice::store::lease_scripts
