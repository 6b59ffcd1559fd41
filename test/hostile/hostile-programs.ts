// Lua programs that want to end the server, to keep it to themselves, or to fill it: made by chance, each of a kind.
//
// None of them writes for ever: who has written cannot be ended but with the server. What the programs are worth shows when
// one of the bounds in src/scripting is taken away.

import type { Random } from '../../src/util/numbers/random.ts'
import { chance, pick } from '../differential/values.ts'

export interface HostileProgram {
  readonly kind: Kind
  readonly source: string
  readonly args: readonly string[]
}

export type Kind = keyof typeof KINDS

/** A number that is small, large or beyond all measure. */
function size(random: Random, most: number): number {
  return Math.max(1, Math.floor(most ** (random.below(1000) / 999)))
}

const repeat = (text: string, count: number): string => text.repeat(count)

/** Ways to call oneself again: `f(n)` goes one level down. */
const DESCENTS: readonly ((random: Random) => string)[] = [
  () => 'return 1 + f(n + 1)',
  () => 'local ok, e = pcall(f, n + 1) return ok, e',
  () => 'return select(2, xpcall(function() return f(n + 1) end, function(e) return f(n + 1) end))',
  () => 'return (setmetatable({}, {__index = function() return f(n + 1) end})).x',
  () => 'return setmetatable({}, {__call = function() return f(n + 1) end})()',
  () => "return setmetatable({}, {__concat = function() return f(n + 1) end}) .. 'x'",
  () => 'return setmetatable({}, {__add = function() return f(n + 1) end}) + 1',
  () => 'return -setmetatable({}, {__unm = function() return f(n + 1) end})',
  () => 'return tostring(setmetatable({}, {__tostring = function() return tostring(f(n + 1)) end}))',
  () => "return (('x'):gsub('x', function() return f(n + 1) end))",
  () => 'local t = {2, 1, 3} table.sort(t, function(a, b) f(n + 1) return a < b end) return t[1]',
  () => 'return coroutine.wrap(function() return f(n + 1) end)()',
  () => 'return loadstring("return ...")(f(n + 1))',
  () => 'local m = {} m.__lt = function() return f(n + 1) end return setmetatable({}, m) < setmetatable({}, m)',
  () => 'local m = {} m.__eq = function() return f(n + 1) end return setmetatable({}, m) == setmetatable({}, m)',
  () => "redis.call('SET', 'hostile:deep', n) return 1 + f(n + 1)",
  () => "pcall(redis.call, 'LPUSH', 'hostile:list', n) return f(n + 1), f",
  () => 'return f(n + 1, unpack({}, 1, 60))',
  (random) => {
    const width = pick(random, [20, 60, 100, 200])
    const calls = pick(random, [2, 4, 20])
    const values = repeat('n,', width)
    return `return ${repeat(`s(${values}`, calls)}f(n + 1)${repeat(')', calls)}`
  },
  (random) => {
    const locals = size(random, 180)
    const names = Array.from({ length: locals }, (_, i) => `v${i}`).join(', ')
    return `local ${names} = n, n f(n + 1) return ${names}`
  },
]

function deep(random: Random): string {
  if (chance(random, 60)) {
    const first = pick(random, DESCENTS)(random)
    const touch = chance(random, 50) ? 'pcall(tostring)' : ''
    return `local s = function(a) return a end local f f = function(n) ${touch} ${first} end return tostring(pcall(f, 1))`
  }
  const depth = size(random, 300_000)
  return pick(random, [
    () => `return ${repeat('(', depth)}1${repeat(')', depth)}`,
    () => `return ${repeat('{', depth)}${repeat('}', depth)}`,
    () => `return ${repeat('-', 2 * depth).replaceAll('--', '- ')}1`,
    () => `return ${repeat('not ', depth)}1`,
    () => `${repeat('do ', depth)}${repeat(' end', depth)}`,
    () => `return ${repeat('function() return ', depth)}1${repeat(' end', depth)}`,
    () => `return ${repeat("'a'..", depth)}'a'`,
    () => `return ${repeat('2^', depth)}2`,
    () => `local f = function() return f end return f${repeat('()', depth)}`,
    () => `local t = {} for i = 1, ${depth} do t = {t} end return cjson.encode(t)`,
    () => `local t = {} for i = 1, ${depth} do t = {t} end return cmsgpack.pack(t)`,
    () => `local t = {} for i = 1, ${depth} do t = {t} end return t`,
    () => `return cjson.decode(string.rep('[', ${depth}) .. string.rep(']', ${depth}))`,
    () => `return cmsgpack.unpack(string.rep('\\145', ${depth}))`,
    () => `local t = {} for i = 1, ${depth} do t = setmetatable({}, {__index = t}) end return t.x`,
    () => `return ('a'):find(string.rep('(', ${depth}))`,
    () => `return (string.rep('a', ${depth})):find(string.rep('a?', ${depth}) .. 'b')`,
    () => `return loadstring(string.rep('(', ${depth}))`,
  ])()
}

function wide(random: Random): string {
  const width = size(random, 200_000)
  const source = pick(random, [
    () => `return type(${repeat('1,', width)}1)`,
    () => `return {${repeat('1,', width)}}`,
    () => `return {${repeat('x=1,', width)}}`,
    () => `local ${Array.from({ length: width }, (_, i) => `a${i}`).join(',')}`,
    () => `local t = {} return {${Array.from({ length: width }, (_, i) => `t.a${i}`).join(',')}}`,
    () => `return ${Array.from({ length: width }, (_, i) => `'c${i}'`).join(' and ')}`,
    () => `return ${Array.from({ length: width }, (_, i) => `${i}.5`).join(' + ')}`,
    () => `if false then ${repeat('elseif false then ', width)}end`,
    () => `local function f(${Array.from({ length: width }, (_, i) => `p${i}`).join(',')}) end`,
    () => repeat('local x = 1 ', width),
    () => repeat('x = 1 ', width),
    () => repeat('do local function f() return f end end ', width),
    () => repeat('::a:: ', width),
    () => `return '${repeat('\\0', width)}'`,
    () => `return 0x${repeat('f', width)}`,
    () => `return ${repeat('9', width)}`,
    () => repeat('\n', width),
    () => `--[[${repeat(']', width)}`,
    () => `return unpack({}, 1, ${width})`,
    () => `return string.char(unpack({}, 1, ${width}))`,
    () => `return select('#', string.byte(string.rep('a', ${width}), 1, -1))`,
    () => `return ('a'):rep(${width}):gsub('a', '%0%0')`,
    () => `return redis.call('MGET', unpack({'a'}, 1, ${width}))`,
  ])()
  return chance(random, 30) ? `return type(loadstring(ARGV[1]))--${source}` : source
}

/** A text of so many bytes, by the names of what hurts. */
function text(random: Random, bytes: number): string {
  return `string.rep('${pick(random, ['a', '"', '%', '\\\\', '\\0', 'A\\255', '[', '1', '{', ' ', '%%', '\\\\u0000', '\\220'])}', ${bytes})`
}

/** What takes a text. */
const EATERS: readonly string[] = [
  'cjson.encode(s)',
  'cjson.decode(s)',
  "cjson.decode('[' .. s:rep(2, ',') .. ']')",
  "cjson.decode('\"' .. s .. '\"')",
  "cjson.decode('[' .. string.rep('1,', #s / 2) .. '1]')",
  'cmsgpack.pack(s)',
  'cmsgpack.unpack(s)',
  "cmsgpack.unpack('\\221\\127\\255\\255\\255' .. s)",
  "struct.pack('s', s)",
  "struct.unpack('s', s)",
  'struct.pack(s)',
  "string.format('%q', s)",
  'string.format(s)',
  'string.format(s, 1, 2, 3)',
  "string.format('%s %s', s, s)",
  's:upper()',
  's:lower()',
  's:reverse()',
  's:byte(1, -1)',
  's:len()',
  's:sub(2) .. s',
  "s:gsub('.', '%0%0')",
  "s:gsub('', 'x')",
  "s:gsub('(.)', {a = 'b'})",
  "s:find('^(.*)%1b')",
  "s:find('%b()')",
  "s:find('.-.-.-b')",
  "s:match('((a*)*)b')",
  's:find(s)',
  "s:find(s .. 'x', 1, true)",
  'tonumber(s)',
  'tonumber(s, 36)',
  's + 1',
  'tostring(s) == s',
  "s < s .. 'x'",
  'loadstring(s)',
  "loadstring('return ' .. s)",
  'loadstring(function() return s end)',
  'load(function() return s end)',
  'redis.sha1hex(s)',
  'redis.log(redis.LOG_WARNING, s)',
  'redis.error_reply(s)',
  'redis.status_reply(s)',
  'redis.call(s)',
  "redis.call('ECHO', s)",
  "redis.pcall('SET', 'hostile:text', s:sub(1, 20000000))",
  "redis.pcall('APPEND', 'hostile:text', s:sub(1, 20000000))",
  '({[s] = 1})[s]',
  'error(s)',
  'error({err = s})',
  'setmetatable({}, {__index = function(_, k) return k end})[s]',
]

function huge(random: Random): string {
  const bytes = size(random, 400_000_000)
  if (chance(random, 20)) {
    const count = size(random, 20_000_000)
    return pick(random, [
      `local t = {} for i = 1, ${count} do t[i] = true end local o = {} for i = 1, 1000 do o[i] = t end return #cjson.encode(o)`,
      `local t = {} for i = 1, ${count} do t[i] = true end local o = {} for i = 1, 1000 do o[i] = t end return #cmsgpack.pack(o)`,
      `local t = {} for i = 1, ${count} do t[i] = 'abc' end local o = {} for i = 1, 1000 do o[i] = t end return o`,
      `local t = {} for i = 1, ${count} do t[i] = 'abc' end return table.concat(t, string.rep(',', 100))`,
      `local t = {} for i = 1, ${count} do t[i * 1.5] = i end return #t`,
      `local t = {} for i = 1, ${count} do t['k' .. i] = {} end return #t`,
      `local s = 'x' while true do s = s .. s end`,
      `local t = {} while true do t[#t + 1] = string.rep('x', 1000) .. #t end`,
      `local f f = function() return f end for i = 1, ${count} do local g = f f = function() return g end end`,
      `local t = {} for i = 1, ${count} do t[i] = coroutine.create(pcall) end`,
      `local t = {} for i = 1, ${count} do t[i] = redis.sha1hex(i) end return t`,
    ])
  }
  const source = chance(random, 70)
    ? text(random, bytes)
    : `${text(random, size(random, 1000))} .. ${text(random, bytes)}`
  return `local s = ${source} local ok, r = pcall(function() return ${pick(random, EATERS)} end) return type(r)`
}

/** SORT_RO and not SORT: that counts as a write, and a script that has written cannot be killed, here as in Redis. */
function slow(random: Random): string {
  const n = size(random, 5_000_000)
  const body = pick(random, [
    "pcall(error, 'x')",
    'pcall(error)',
    "pcall(error, {err = 'x'})",
    "pcall(redis.call, 'NONSENSE')",
    "redis.pcall('GET')",
    'pcall(string.rep)',
    'local x = nil + 1',
    `string.format(string.rep('%%', ${n}))`,
    `table.concat({unpack({}, 1, 200)}, 'x')`,
    `tonumber(string.rep('1', ${n}))`,
    `tonumber('0x' .. string.rep('1', ${n}))`,
    `pcall(cjson.decode, '"' .. string.rep('\\\\n', ${n}))`,
    `pcall(cjson.decode, string.rep('[', ${n}))`,
    `loadstring(string.rep('if x then else', ${n}))`,
    `loadstring('if x then ' .. string.rep('elseif x then ', ${n}) .. 'end')`,
    `load(function() return 'x = 1 ' end)`,
    `load(function() return ' ' end)`,
    `local t = {} for i = 1, 100 do t[string.rep('x', 16000) .. i] = i end`,
    `(string.rep('a', ${n})):find('^(.*)%1b')`,
    `(string.rep('a', ${n})):find('.-b')`,
    `(string.rep('(', ${n})):find('%b()')`,
    `(string.rep('a', ${n})):gsub('a', 'b')`,
    `(string.rep('a', ${n})):rep(10):reverse():upper()`,
    `local t = {} for i = 1, ${n} do t[i] = -i end table.sort(t)`,
    `local t = {} for i = 1, ${n} do t[i] = i end for i = 1, ${n} do table.insert(t, 1, i) end`,
    `local t = {} for i = 1, ${n} do t[i] = i % 7 end table.sort(t, function(a, b) return true end)`,
    "redis.call('SORT_RO', 'numbers', 'BY', 'nosort', 'LIMIT', 0, 1)",
    "redis.call('SORT_RO', 'numbers', 'ALPHA')",
    "redis.call('KEYS', '*a*b*c*')",
    "redis.call('LRANGE', 'numbers', 0, -1)",
    "redis.call('SUNION', 'members', 'members')",
    "redis.call('GETRANGE', 'text', 0, -1)",
    "redis.call('BITCOUNT', 'text')",
    "redis.call('LCS', 'text', 'text')",
    `local t = {1, 2, nil, 4} local k = 5 while k < math.huge do t[k] = 1 k = k * 2 end t[k] = 1 local x = #t`,
    `for k in string.gmatch(string.rep('a', ${n}), '') do end`,
    'local a = {} a[1] = a tostring(a)',
    'coroutine.wrap(function() while true do end end)()',
    'string.dump(function() end)',
    `math.random(${n}) math.randomseed(${n})`,
    `bit.tohex(${n}, 8)`,
    `struct.pack(string.rep('i', ${Math.min(n, 200)}))`,
  ])
  const guarded = chance(random, 60) ? `pcall(function() ${body} end)` : body
  return chance(random, 70) ? `while true do ${guarded} end` : guarded
}

function selfReferring(random: Random): string {
  const tie = pick(random, [
    't[1] = t',
    't.t = t',
    't[t] = t',
    't[1] = {t} t[2] = t[1]',
    'setmetatable(t, {__index = t})',
    'setmetatable(t, t) t.__index = t',
    'setmetatable(t, t) t.__newindex = t',
    'setmetatable(t, t) t.__call = t',
    'setmetatable(t, t) t.__tostring = tostring',
    'setmetatable(t, t) t.__concat = function(a, b) return a .. b end',
    'setmetatable(t, t) t.__lt = function(a, b) return a < b end',
    'setmetatable(t, {__index = function(t, k) return t[k] end})',
    'setmetatable(t, {__newindex = function(t, k, v) t[k] = v end})',
    'for i = 1, 60 do t = {t, t} end',
    'for i = 1, 25 do t = {t, t} end',
    't.err = t t.ok = t',
    't.map = t t.double = t t.big_number = t',
  ])
  const use = pick(random, [
    'cjson.encode(t)',
    'cmsgpack.pack(t)',
    't',
    't.x',
    't[1][1][1]',
    't()',
    't(t, t)',
    't .. t',
    't < t',
    '#t',
    'tostring(t)',
    'error(t)',
    'table.concat(t)',
    'unpack(t, 1, 7000)',
    'redis.error_reply(t)',
    "redis.call('SET', t, t)",
    'redis.call(t)',
    't.__newindex',
    'rawset(t, 1, t)',
    '(function() t.new = 1 return 1 end)()',
    'next(t)',
  ])
  const caught = chance(random, 50) ? `pcall(function() return ${use} end)` : use
  return `local t = {} ${tie} return ${caught}`
}

export const KINDS = { deep, wide, huge, slow, selfReferring } as const

/** Makes a program of a kind. */
export function hostileProgram(random: Random, kind: Kind): HostileProgram {
  const args = chance(random, 10) ? ['x'.repeat(size(random, 20_000_000))] : [wide(random)]
  return { kind, source: KINDS[kind](random), args }
}
