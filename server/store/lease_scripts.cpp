#include "server/store/lease_scripts.hpp"

namespace sluice::store::lease_scripts {

// A number that Lua makes a text of itself would lose digits: '%.0f' does not.

char const* const beat = R"lua(
local generation = redis.call('GET', KEYS[1])
if not generation then return {'lost'} end
if generation ~= ARGV[1] then return {'other', generation} end
local epoch, number = ARGV[2], tonumber(ARGV[3])
local seen = tonumber(redis.call('HGET', KEYS[3], epoch) or '0')
if seen < tonumber(ARGV[4]) then
    redis.call('DEL', KEYS[1])  -- what was confirmed is not there: data was lost, perhaps with a failover
    return {'lost'}
end
if seen >= number then return {'late'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local alive_until = tonumber(redis.call('ZSCORE', KEYS[2], epoch) or '0')
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[5]), epoch)
redis.call('HSET', KEYS[3], epoch, ARGV[3])
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
if redis.call('HGET', KEYS[3], epoch) ~= ARGV[3] then return {'late'} end  -- of a connection that was given up
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(redis.call('ZSCORE', KEYS[2], epoch) or '0') <= now then return {'late'} end
local window, most, used, settled = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local held, wanted, way, length = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10], tonumber(ARGV[11])
local limit = KEYS[5]
local function set(field, value) redis.call('HSET', limit, field, string.format('%.0f', value)) end

local fields = redis.call('HGETALL', limit)
if #fields == 0 then
    if held == 0 then return {'absent'} end
    redis.call('DEL', KEYS[1])
    return {'lost'}
end
local value = {}
for i = 1, #fields, 2 do value[fields[i]] = tonumber(fields[i + 1]) end
if value.began > window then return {'moved'} end
if value.began < window then
    -- What was reserved when the window ended is reserved in this one. Nobody has settled less than he said.
    for field, granted in pairs(value) do
        if string.sub(field, 1, 2) == 'r:' then
            local name = string.sub(field, 3)
            local carried = math.max(0, granted - (value['u:' .. name] or 0))
            value[field] = carried
            if carried > 0 then
                set(field, carried)
                set('u:' .. name, 0)
            else
                redis.call('HDEL', limit, field, 'u:' .. name, 'g:' .. name)
            end
        end
    end
    value.spent = 0
    set('spent', 0)
    set('began', window)
end

local mine = value['r:' .. epoch] or 0
if mine < held then
    redis.call('DEL', KEYS[1])  -- what was granted is not there
    return {'lost'}
end
local others, count = value.spent, 0
for field, amount in pairs(value) do
    local kind, name = string.sub(field, 1, 2), string.sub(field, 3)
    if kind == 's:' then
        if tonumber(name) > now then others = others + amount else redis.call('HDEL', limit, field) end
    elseif kind == 'r:' and name ~= epoch then
        others = others + amount
        count = count + 1
    end
end
if count > 64 then
    for field, amount in pairs(value) do
        local name = string.sub(field, 3)
        if string.sub(field, 1, 2) == 'g:' and value['r:' .. name] then
            value.spent = value.spent + value['r:' .. name]
            redis.call('HDEL', limit, 'r:' .. name, 'u:' .. name, field)
        end
    end
    set('spent', value.spent)
end

redis.call('PEXPIRE', limit, ARGV[13])
redis.call('ZADD', KEYS[6], string.format('%.0f', now + ARGV[13]), ARGV[12])
redis.call('PEXPIRE', KEYS[6], ARGV[13])
if way == 'leave' then
    redis.call('HDEL', limit, 'r:' .. epoch, 'u:' .. epoch)
    if length > 0 then
        local gone_at = string.format('s:%.0f', now + length)
        set(gone_at, (value[gone_at] or 0) + used)
    else
        set('spent', value.spent + used)
    end
    return {'ok', '0'}
end

local granted = used
if way == 'take' then
    local base = math.max(mine, used)
    local free = most - others
    local slack, left = 0, free - base - wanted
    local is_short = tonumber(redis.call('ZSCORE', KEYS[4], ARGV[12]) or '0') > now
    if wanted > 0 and left > 0 and not is_short then
        local replicas = math.max(1, redis.call('ZCARD', KEYS[2]))
        slack = math.min(math.max(wanted, math.floor(most / 100)), math.floor(left / (2 * replicas)))
    end
    granted = math.max(base, math.min(base + wanted + slack, free))
    if granted < base + wanted then
        redis.call('ZADD', KEYS[4], string.format('%.0f', now + 1000), ARGV[12])
        redis.call('PEXPIRE', KEYS[4], ARGV[13])
    end
end
if granted > 0 then
    set('r:' .. epoch, granted)
    set('u:' .. epoch, settled)
    redis.call('HDEL', limit, 'g:' .. epoch)
else
    redis.call('HDEL', limit, 'r:' .. epoch, 'u:' .. epoch, 'g:' .. epoch)
end
return {'ok', string.format('%.0f', granted)}
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

char const* const found = R"lua(
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {'taken'} end
redis.call('DEL', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 1 then return {'there'} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {'ok'}
)lua";

}  // namespace sluice::store::lease_scripts
