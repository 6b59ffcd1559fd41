// The changes of a job, as scripts: each is one unit, as BullMQ's own changes are.
//
// They keep to the layout that BullMQ documents. A job's id lies in the list or sorted set of its
// state, `marker` wakes workers, `events` tells listeners, and `pc` orders jobs of one priority.
//
// Bull has neither. Its workers block on the list, so a job with a priority stands in that list: at
// the end that workers take from, behind those of the same or a smaller number. `priority` holds
// the numbers of those that wait. Listeners hear messages of channels; a user who has no right to
// publish there changes the job all the same, so these are sent with pcall.

/** The keys of a queue that scripts are given behind the job's own, in this order. */
export const SCRIPT_KEYS = [
  'wait',
  'paused',
  'active',
  'prioritized',
  'delayed',
  'completed',
  'failed',
  'waiting-children',
  'meta',
  'events',
  'marker',
  'pc',
  'repeat',
  'id',
  'meta-paused',
  'priority',
] as const

/** The replies of scripts. */
export const SCRIPT_REPLY = { done: 1, missing: 0, wrongState: -1, locked: -2, hasChildren: -3, scheduled: -4 } as const

const { done, hasChildren, locked, missing, scheduled, wrongState } = SCRIPT_REPLY

/** ARGV: the job's id, the beginning of the queue's keys, its kind; then what the change needs. */
const HEAD = `
local names = {${SCRIPT_KEYS.map((name) => `'${name}'`).join(',')}}
local key = {}
  for i, name in ipairs(names) do key[name] = KEYS[i + 1] end
local job, id, base, isBull = KEYS[1], ARGV[1], ARGV[2], ARGV[3] == 'bull'
if redis.call('EXISTS', job) == 0 then return ${missing} end

local function tell(...)
  if isBull then return end
  local most = redis.call('HGET', key.meta, 'opts.maxLenEvents') or '10000'
  redis.call('XADD', key.events, 'MAXLEN', '~', most, '*', ...)
end

local function wake(meta, active, marker)
  local state = redis.call('HMGET', meta, 'paused', 'concurrency')
  if state[1] then return end
  if state[2] and redis.call('LLEN', active) >= tonumber(state[2]) then return end
  redis.call('ZADD', marker, 0, '0')
end

local function wakeLater()
  local first = redis.call('ZRANGE', key.delayed, 0, 0, 'WITHSCORES')
  if first[2] then redis.call('ZADD', key.marker, tonumber(first[2]) / 4096, '1') end
end

local function offer(priority, isLast)
  if isBull then
    local list = redis.call('EXISTS', key['meta-paused']) == 1 and key.paused or key.wait
    local ahead = 0
    if priority > 0 then
      redis.call('ZADD', key.priority, priority, id)
      ahead = redis.call('ZCOUNT', key.priority, '-inf', priority) - 1
    end
    local behind = ahead > 0 and redis.call('LINDEX', list, -ahead)
    if behind then
      redis.call('LINSERT', list, 'BEFORE', behind, id)
    else
      redis.call((isLast or priority > 0) and 'RPUSH' or 'LPUSH', list, id)
    end
    redis.pcall('PUBLISH', key.wait .. 'ing@console', id)
    return
  end
  if priority == 0 then
    local isHeld = redis.call('HEXISTS', key.meta, 'paused') == 1 and redis.call('EXISTS', key.paused) == 1
    redis.call(isLast and 'RPUSH' or 'LPUSH', isHeld and key.paused or key.wait, id)
  else
    local turn = redis.call('INCR', key.pc) % 4294967296
    redis.call('ZADD', key.prioritized, priority * 4294967296 + turn, id)
  end
  wake(key.meta, key.active, key.marker)
end

local function priorityOf(name)
  return tonumber(redis.call('HGET', name, 'priority') or '0') or 0
end
`

/** Puts a job that has finished back to those that wait. */
const RETRY = `${HEAD}
local from, reason = 'failed', 'failedReason'
if redis.call('ZREM', key.failed, id) == 0 then
  from, reason = 'completed', 'returnvalue'
  if redis.call('ZREM', key.completed, id) == 0 then return ${wrongState} end
end
redis.call('HDEL', job, 'finishedOn', 'processedOn', reason)
local parent = redis.call('HGET', job, 'parentKey')
if parent and redis.call('EXISTS', parent) == 1 then
  local was = redis.call('HDEL', parent .. ':processed', job) + redis.call('HDEL', parent .. ':failed', job)
  was = was + redis.call('ZREM', parent .. ':unsuccessful', job)
  if was > 0 then redis.call('SADD', parent .. ':dependencies', job) end
end
offer(priorityOf(job), ARGV[4] == '1')
tell('event', 'waiting', 'jobId', id, 'prev', from)
return ${done}
`

/** Ends the delay of a job. */
const PROMOTE = `${HEAD}
if redis.call('ZREM', key.delayed, id) == 0 then return ${wrongState} end
redis.call('HSET', job, 'delay', 0)
offer(priorityOf(job), false)
tell('event', 'waiting', 'jobId', id, 'prev', 'delayed')
return ${done}
`

/** ARGV[4]: the delay from now on, ARGV[5]: now. */
const DELAY = `${HEAD}
if not redis.call('ZSCORE', key.delayed, id) then return ${wrongState} end
redis.call('ZREM', key.delayed, id)
local due = tonumber(ARGV[5]) + tonumber(ARGV[4])
local least, most = due * 4096, (due + 1) * 4096 - 1
local last = redis.call('ZREVRANGEBYSCORE', key.delayed, most, least, 'WITHSCORES', 'LIMIT', 0, 1)
local score = last[2] and math.min(tonumber(last[2]) + 1, most) or least
redis.call('HSET', job, 'delay', ARGV[4])
redis.call('ZADD', key.delayed, score, id)
tell('event', 'delayed', 'jobId', id, 'delay', due)
if isBull then
  redis.pcall('PUBLISH', key.delayed, due)
else
  wakeLater()
end
return ${done}
`

/** ARGV[4]: the priority. */
const PRIORITY = `${HEAD}
local waits = redis.call('ZREM', key.prioritized, id) + redis.call('LREM', key.wait, -1, id)
if waits == 0 then waits = redis.call('LREM', key.paused, -1, id) end
if waits == 0 and not redis.call('ZSCORE', key.delayed, id) then return ${wrongState} end
if isBull then redis.call('ZREM', key.priority, id) end
redis.call('HSET', job, 'priority', ARGV[4])
if waits > 0 then offer(tonumber(ARGV[4]), false) end
return ${done}
`

/** A parent that waited for nothing but this job can go on. ARGV[4]: now. */
const REMOVE = `${HEAD}
if redis.call('EXISTS', job .. ':lock') == 1 then return ${locked} end
if redis.call('SCARD', job .. ':dependencies') > 0 then return ${hasChildren} end
local maker = redis.call('HGET', job, 'rjk')
if maker then
  local nextMs = redis.call('ZSCORE', key['repeat'], maker)
  if nextMs and id == 'repeat:' .. maker .. ':' .. nextMs then return ${scheduled} end
end
local was = 'unknown'
  for _, state in ipairs({'completed', 'failed', 'delayed', 'prioritized', 'waiting-children'}) do
  if redis.call('ZREM', key[state], id) == 1 then was = state end
end
  for _, state in ipairs({'wait', 'paused', 'active'}) do
  if redis.call('LREM', key[state], 1, id) == 1 then was = state end
end
if isBull then
  redis.call('ZREM', key.priority, id)
  local limited = redis.call('HGET', base .. 'limiter:index', id)
  if limited then
    redis.call('SREM', limited, id)
    redis.call('HDEL', base .. 'limiter:index', id)
  end
end
local parent = redis.call('HGET', job, 'parentKey')
local only = redis.call('HGET', job, 'deid')
if only and redis.call('GET', base .. 'de:' .. only) == id then
  redis.call('DEL', base .. 'de:' .. only, base .. 'dn:' .. only)
end
redis.call('DEL', job, job .. ':logs', job .. ':dependencies', job .. ':processed', job .. ':failed', job .. ':unsuccessful')
tell('event', 'removed', 'jobId', id, 'prev', was)
if not parent or redis.call('SREM', parent .. ':dependencies', job) == 0 then return ${done} end
if redis.call('SCARD', parent .. ':dependencies') > 0 then return ${done} end
-- From here on the parent is the job, and its queue the queue.
job, id = parent, string.match(parent, '([^:]*)$')
base = string.sub(parent, 1, #parent - #id)
  for _, name in ipairs(names) do key[name] = base .. name end
if redis.call('ZREM', key['waiting-children'], id) == 0 then return ${done} end
local delay = tonumber(redis.call('HGET', job, 'delay') or '0') or 0
if delay > 0 then
  redis.call('ZADD', key.delayed, (tonumber(ARGV[4]) + delay) * 4096, id)
  wakeLater()
  tell('event', 'delayed', 'jobId', id, 'delay', tonumber(ARGV[4]) + delay)
else
  offer(priorityOf(job), true)
  tell('event', 'waiting', 'jobId', id, 'prev', 'waiting-children')
end
return ${done}
`

/** ARGV[4]: options without what belongs to the first job, ARGV[5]: now. Replies the new id. */
const DUPLICATE = `${HEAD}
local name, data = unpack(redis.call('HMGET', job, 'name', 'data'))
local priority = priorityOf(job)
id = tostring(redis.call('INCR', key.id))
local made = base .. id
if redis.call('EXISTS', made) == 1 then return redis.error_reply('ERR there is a job with the next number: try again') end
redis.call('HSET', made, 'name', name or '', 'data', data or '{}', 'opts', ARGV[4], 'timestamp', ARGV[5], 'delay', 0, 'priority', priority)
tell('event', 'added', 'jobId', id, 'name', name or '')
offer(priority, false)
tell('event', 'waiting', 'jobId', id)
return id
`

export const JOB_SCRIPTS = {
  retry: RETRY,
  promote: PROMOTE,
  delay: DELAY,
  priority: PRIORITY,
  remove: REMOVE,
  duplicate: DUPLICATE,
} as const

export type JobAction = keyof typeof JOB_SCRIPTS

/**
 * KEYS: wait, paused, meta, events, marker, prioritized, delayed, meta-paused; ARGV: kind, the
 * beginning of the keys.
 */
export const PAUSE_SCRIPT = `
if ARGV[1] == 'bull' then
  if redis.call('EXISTS', KEYS[8]) == 1 then return ${done} end
  if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end
  redis.call('SET', KEYS[8], 1)
  redis.call('PUBLISH', ARGV[2] .. 'paused', 'paused')
  return ${done}
end
redis.call('HSET', KEYS[3], 'paused', 1)
redis.call('DEL', KEYS[5])
redis.call('XADD', KEYS[4], '*', 'event', 'paused')
return ${done}
`

export const RESUME_SCRIPT = `
local held = redis.call('LRANGE', KEYS[2], 0, 4999)
  while #held > 0 do
  redis.call('RPUSH', KEYS[1], unpack(held))
  redis.call('LTRIM', KEYS[2], #held, -1)
  held = redis.call('LRANGE', KEYS[2], 0, 4999)
end
if ARGV[1] == 'bull' then
  redis.call('DEL', KEYS[8])
  redis.call('PUBLISH', ARGV[2] .. 'paused', 'resumed')
  return ${done}
end
redis.call('HDEL', KEYS[3], 'paused')
if redis.call('LLEN', KEYS[1]) + redis.call('ZCARD', KEYS[6]) > 0 then
  redis.call('ZADD', KEYS[5], 0, '0')
else
  local first = redis.call('ZRANGE', KEYS[7], 0, 0, 'WITHSCORES')
  if first[2] then redis.call('ZADD', KEYS[5], tonumber(first[2]) / 4096, '1') end
end
redis.call('XADD', KEYS[4], '*', 'event', 'resumed')
return ${done}
`
