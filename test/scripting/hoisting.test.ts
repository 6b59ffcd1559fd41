// Functions of a script that are the same in every run are made once. A run sees no difference from
// new ones.

import { expect, test } from 'vitest'
import { Rand48 } from '../../src/scripting/lua/rand48.ts'
import type { LuaRuntime } from '../../src/scripting/lua/runtime.ts'
import { LuaTable } from '../../src/scripting/lua/table.ts'
import type { LuaFunction, LuaValue } from '../../src/scripting/lua/value.ts'
import { LuaSandbox } from '../../src/scripting/lua-sandbox.ts'
import { createEngine } from '../support/engine.ts'

/** Makes a runtime whose `redis.seen(value)` collects values, and returns the list of them. */
function world(): { runtime: LuaRuntime; seen: LuaValue[] } {
  const seen: LuaValue[] = []
  const redis = new LuaTable()
  redis.set('seen', ((value: LuaValue) => {
    seen.push(value)
  }) as LuaFunction)
  return { runtime: new LuaSandbox(redis, {}, new Rand48(), () => {}).runtime, seen }
}

/** Returns the values that each of two runs of a script passes to `redis.seen`. */
function twice(script: string): [LuaValue[], LuaValue[]] {
  const { runtime, seen } = world()
  const main = runtime.compile(script, 'user_script')
  runtime.run(main)
  const first = seen.splice(0)
  runtime.run(main)
  return [first, seen]
}

test.each([
  ['a function of its own', 'local function f() end redis.seen(f)'],
  ['a function in a variable', 'local f = function() end redis.seen(f)'],
  ['one that calls itself', 'local function f(n) if n > 0 then return f(n - 1) end end redis.seen(f)'],
  ['one that uses a function of a library', 'local call = redis.seen local function f() call(f) end f()'],
  ['one that uses a constant', "local name, size = 'x', 1 local A = 'a' local function f() return A end redis.seen(f)"],
  ['one that uses another', 'local function f() end local function g() f() end redis.seen(f) redis.seen(g)'],
])('%s is made once', (_, script) => {
  const [first, second] = twice(script)
  expect(first.length).toBeGreaterThan(0)
  for (let i = 0; i < first.length; i++) expect(second[i]).toBe(first[i])
})

test.each([
  ['a variable of the run', 'local t = {} local function f() return t end redis.seen(f)'],
  ['a variable that is assigned', 'local n = 0 local function f() n = n + 1 end redis.seen(f)'],
  ['a function that is assigned', 'local function f() end f = f local function g() f() end redis.seen(g)'],
  ['the result of a call', 'local n = tonumber("1") local function f() return n end redis.seen(f)'],
  [
    'a function that uses one',
    'local t = {} local function f() return t end local g = function() f() end redis.seen(g)',
  ],
  ['it through a function within', 'local t = {} local function f() return function() return t end end redis.seen(f)'],
])('a function that uses %s is made in each run', (_, script) => {
  const [[first], [second]] = twice(script)
  expect(typeof first).toBe('function')
  expect(second).not.toBe(first)
})

test('functions made in a loop or by loaded code are distinct', () => {
  const { runtime } = world()
  const run = (script: string): readonly LuaValue[] => runtime.run(runtime.compile(script, 'user_script'))
  expect(run('local t = {} for i = 1, 2 do local function f() end t[i] = f end return t[1] == t[2]')).toEqual([false])
  expect(run("local make = loadstring('local function f() end return f') return make() == make()")).toEqual([false])
  expect(run('local function make() return function() end end return make() == make()')).toEqual([false])
})

test('each run sees its own keys and arguments, and an error its line', () => {
  const client = createEngine().connect()
  const script = `local call = redis.call
local function put(key, value)
  return call('SET', key, value)
end
local function both()
  put(KEYS[1], ARGV[1])
  return { KEYS[1], call('GET', KEYS[1]) }
end
if ARGV[1] == 'fail' then
  put(KEYS[1])
end
return both()`
  for (const value of ['one', 'two', 'three']) {
    expect(client.ask('EVAL', script, 1, `key of ${value}`, value)).toBe(
      `*2\r\n$${7 + value.length}\r\nkey of ${value}\r\n$${value.length}\r\n${value}\r\n`,
    )
    expect(client.ask('EVAL', script, 1, 'k', 'fail')).toMatch(
      /^-ERR Lua redis lib command.* script: [0-9a-f]{40}, on @user_script:3\./,
    )
  }
})

test('a hoisted function still recurses, yields and has its name in errors', () => {
  const { runtime } = world()
  const run = (script: string): readonly LuaValue[] => {
    const main = runtime.compile(script, 'user_script')
    runtime.run(main)
    return runtime.run(main)
  }
  expect(run('local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(500)')).toEqual([500])
  expect(
    run(
      'local yield = coroutine.yield local function f() yield(1) yield(2) end local c = coroutine.wrap(f) return c(), c()',
    ),
  ).toEqual([1, 2])
  expect(run("local floor = math.floor local function f() return floor('x') end return pcall(f)")).toEqual([
    false,
    "user_script:1: bad argument #1 to 'floor' (number expected, got string)",
  ])
})
