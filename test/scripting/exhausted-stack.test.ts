// Scripts that use up the stack by every way of recursion get Lua’s error, and no change is left
// half done.

import { expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { createEngine, encode, type TestEngine } from '../support/engine.ts'
import { seedOf } from '../support/seed.ts'

const BIG = 'local big = {} for i = 1, 7900 do big[i] = i end '
const repeat = (text: string, count: number): string => text.repeat(count)

/** Nested calls: the arguments of all active calls lie on the stack. */
function calls(width: number, nesting: number): string {
  let inner = 'f(n + 1)'
  for (let i = 0; i < nesting; i++) inner = `s(${repeat('n,', width)}${inner})`
  return `local s = function() return 1 end local function f(n) pcall(tostring) return ${inner} end f(1)`
}

/** A way of going deeper at every level of an expression, written around `f()`. */
const AROUND: Readonly<Record<string, readonly [before: string, after: string, levels: number]>> = {
  tables: ['{', '}', 150],
  records: ['{1, a = ', '}', 90],
  concatenations: ['(x .. ', ')', 90],
  sums: ['(y + 1) + (', ')', 90],
  indexes: ['x[', ']', 90],
  methods: ['x:rep(', ')', 60],
  calls: ['s(', ')', 90],
  choices: ['(x and ', ')', 90],
  comparisons: ['(y == ', ')', 90],
}

const PROGRAMS: Readonly<Record<string, string>> = {
  'sixty arguments, four deep': calls(60, 4),
  'a hundred arguments, twice': calls(100, 2),
  'two hundred arguments': calls(200, 1),
  'ten arguments, twenty deep': calls(10, 20),
  'four arguments, forty-eight deep': calls(4, 48),
  'thousands of results as arguments': `${BIG}local function f(a) return 1 + f(unpack(big)) end f()`,
  'thousands of results as any number of arguments': `${BIG}local function f(...) return 1 + f(unpack(big)) end f()`,
  'thousands of results through pcall': `${BIG}local function f() local a, b = pcall(f, unpack(big)) if not a then error(b, 0) end end f()`,
  'thousands of results for a library': `${BIG}local function f() return (string.format('%s', f(unpack(big)), unpack(big))) end f()`,
  __call: 'local t = setmetatable({}, {__call = function(self, n) return self(n + 1) + 1 end}) t(1)',
  __index: "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] .. '' end}) local x = t[1]",
  __tostring: 'local t t = setmetatable({}, {__tostring = function() return tostring(t) end}) tostring(t)',
  __concat: "local t t = setmetatable({}, {__concat = function() return t .. 'x' end}) local x = t .. 'x'",
  __lt: 'local t, u = {}, {} local m = {__lt = function(a, b) return a < b end} setmetatable(t, m) setmetatable(u, m) local x = t < u',
  comparators: 'local function f() table.sort({1, 2, 3}, function(a, b) f() return a < b end) end f()',
  replacements: "local function f() return (('x'):gsub('x', f)) end f()",
  readers: "local function f() return load(function() f() return 'x' end) or error('C stack overflow') end f()",
  coroutines: 'local function f() coroutine.wrap(f)() end f()',
  'coroutines with many arguments': `local s = function(...) return 1 end local function f(n) return s(${repeat('n,', 100)}s(${repeat('n,', 60)}f(n + 1))) end local c = coroutine.wrap(f) c(1)`,
  'many variables': `local function f() ${Array.from({ length: 190 }, (_, i) => `local a${i} = 1`).join(' ')} return 1 + f() end f()`,
  'many blocks': `local function f() ${repeat('do local a = 1 end ', 500)} return 1 + f() end f()`,
  'loading deep down':
    "local function f(n) local g = n % 40 == 0 and loadstring('return ' .. ('('):rep(180) .. '1' .. (')'):rep(180)) return 1 + f(n + 1) end f(1)",
  'libraries deep down':
    "local function f(n) local a = tonumber('0x' .. n) local b = ('%5.2f|%s'):format(n, n) local c = ('a,b'):match('(%a),(%a)') return 1 + f(n + 1) end f(1)",
}
function within([before, after, levels]: (typeof AROUND)[string]): string {
  const variables = "local x, y = 'x', 1 local s = function() return 1 end "
  return `${variables}local function f() return ${repeat(before, levels)}f()${repeat(after, levels)} end f()`
}

test.each([
  ...Object.entries(PROGRAMS),
  ...Object.entries(AROUND).map(([name, around]) => [`within ${name}`, within(around)] as const),
])('deep recursion is an overflow that a script can catch: %s', (_, program) => {
  const client = createEngine().connect()
  const caught = client.ask('EVAL', `local ok, e = pcall(function() ${program} end) return tostring(e)`, 0)
  expect(caught).toMatch(/overflow/)
  expect(client.ask('EVAL', program, 0)).toMatch(/^-ERR .*overflow/)
  expect(client.ask('EVAL', "return 'well'", 0)).toBe('$4\r\nwell\r\n')
})

test.each([
  ['tables for cjson', 'local t = {} for i = 1, 100000 do t = {t} end return cjson.encode(t)', /^-ERR .*nest/],
  ['text for cjson', "return cjson.decode(('['):rep(100000))", /^-ERR .*nest/],
  ['tables for cmsgpack', 'local t = {} for i = 1, 100000 do t = {t} end return #cmsgpack.pack(t) > 0', /^:1|^-ERR/],
  ['bytes for cmsgpack', "return pcall(cmsgpack.unpack, ('\\145'):rep(100000)) and 1 or 2", /^:[12]/],
  ['a reply', 'local t = {} for i = 1, 100000 do t = {t} end return t', /reached lua stack limit/],
  ['a text of pieces', "local s = '' for i = 1, 300000 do s = 'x' .. s .. 'y' end return #s:upper()", /^:600000/],
])('what is nested deep is no recursion: %s', (_, script, expected) => {
  const client = createEngine().connect()
  expect(client.ask('EVAL', script, 0)).toMatch(expected)
  expect(client.ask('PING')).toBe('+PONG\r\n')
})

/** The keys and values of an engine's first database, sorted. */
function contents({ connect }: TestEngine): string[] {
  const client = connect()
  const names = client
    .ask('KEYS', '*')
    .split('\r\n')
    .filter((line) => /^[a-z]/.test(line))
    .sort()
  return names.map((name) => `${name} ${client.ask('DUMP', name)}`)
}

/** Ways of recursion, each of which runs `step(n)` at every level. */
const WAYS = [
  'local function f(n) step(n) return 1 + f(n + 1) end f(1)',
  'local function f(n) pcall(step, n) if calls < 1500 then pcall(f, n + 1) end step(n) return 1 + f(n + 1) end f(1)',
  `local s = function() return 1 end local function f(n) step(n) return s(${repeat('n,', 60)}s(${repeat('n,', 60)}f(n + 1), step(n))) end f(1)`,
  'local t = setmetatable({}, {__index = function(t, n) step(n) return t[n + 1] .. 1 end}) local x = t[1]',
  'local function f(n) step(n) coroutine.wrap(f)(n + 1) step(n) end f(1)',
  `${BIG}local function f(n) step(n) return 1 + f(n + 1, unpack(big)) end f(1)`,
  "local function f(n) step(n) return (('x'):gsub('x', function() f(n + 1) end)) end f(1)",
]

test('after scripts that exhaust the stack around redis.call, data and journal agree', () => {
  const random = new Random(seedOf('STACK_SEED'))
  for (const way of WAYS) {
    const tested = createEngine()
    const client = tested.connect()
    // Commands that change much at once, and commands that wait or publish.
    const commands = [
      "redis.call('SET', 'string' .. n % 7, n)",
      "redis.call('RPUSH', 'list', n, n)",
      "redis.call('ZADD', 'zset', n, n)",
      "redis.call('HSET', 'hash', n, n)",
      "redis.call('RENAME', 'string' .. n % 7, 'renamed')",
    ]
    const some = commands.filter(() => random.uint32() % 2 === 0)
    const step = `local calls = 0 local function step(n) calls = calls + 1 if calls > 6000 then error('stack overflow') end ${some.join(' ')} end `
    expect(client.ask('EVAL', step + way, 0), way).toMatch(/^-/)
    const lines = tested.journal.take()
    const again = createEngine()
    const replayer = again.connect()
    const effects = lines.filter((line) => line !== 'MULTI' && line !== 'EXEC')
    replayer.sendRaw(effects.map((line) => encode(line.split(' ').slice(1))).join(''))
    expect(contents(again), way).toEqual(contents(tested))
    expect(client.ask('SET', 'after', '1')).toBe('+OK\r\n')
    expect(tested.journal.take()).toEqual(['0 SET after 1'])
  }
})
