// Source that is too much for Lua, for V8, for memory, or for waiting clients.

import { beforeAll, describe, expect, test } from 'vitest'
import { LuaError } from '../../src/scripting/lua/errors.ts'
import { stringLibrary } from '../../src/scripting/lua/lib/string.ts'
import { LuaRuntime } from '../../src/scripting/lua/runtime.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { createEngine } from '../support/engine.ts'
import { redisServerIsOlder, redisServerMissing } from '../support/redis-server.ts'
import { useBoth } from './use-both.ts'

const ones = (count: number): string => Array.from({ length: count }, () => '1').join(',')

/** Programs by the number of waiting values, and the first number that is too large for Lua. */
const WAITING: Readonly<Record<string, readonly [program: (count: number) => string, tooMany: number]>> = {
  'arguments of a local': [(n) => `local s = tostring local x = s(${ones(n)})`, 248],
  'arguments of a global': [(n) => `return type(${ones(n)})`, 249],
  'arguments of a method': [(n) => `local s = '' return s:rep(${ones(n)})`, 247],
  'arguments beside variables': [
    (n) => `local ${Array.from({ length: 100 }, (_, i) => `a${i}`).join(',')} return type(${ones(n)})`,
    149,
  ],
  'arguments within arguments': [(n) => `local s = type s(${ones(100)}, s(${ones(n)}))`, 147],
  'calls as arguments': [(n) => `local f = type local x = type(${'f(1),'.repeat(n - 1)}f(1))`, 247],
  results: [(n) => `return ${ones(n)}`, 250],
  'results, the last a call': [(n) => `return ${'1,'.repeat(n - 1)}type(1)`, 249],
  'values of a local': [(n) => `local a = ${ones(n)}`, 250],
  'values of an assignment': [(n) => `local a a = ${ones(n)}`, 249],
  'items of a table among arguments': [(n) => `local t = type(${'1,'.repeat(n - 1)}{1,2,3,4,5,6,7,8,9,10})`, 239],
  operands: [(n) => `local a = {} local x = type(${'1,'.repeat(n - 1)}a.b + (a.c + a.d))`, 246],
}

describe('as many values wait as Lua has registers', () => {
  test.each(Object.entries(WAITING))('%s', (_, [program, tooMany]) => {
    const runtime = new LuaRuntime()
    expect(() => runtime.compile(program(tooMany), 'user_script')).toThrow(/function or expression too complex near/)
    expect(() => runtime.compile(program(tooMany - 1), 'user_script')).not.toThrow()
  })

  test('only items of a table are unlimited', () => {
    const runtime = new LuaRuntime()
    expect(runtime.run(runtime.compile(`return #{${ones(5000)}}`, 'user_script'))).toEqual([5000])
  })
})

describe.skipIf(redisServerMissing())('beside redis-server', () => {
  const both = useBoth()
  beforeAll(() => both.begin(2))

  test('the same programs are refused in the same words', async () => {
    for (const [name, [program, tooMany]] of Object.entries(WAITING)) {
      for (const count of [tooMany - 1, tooMany]) {
        const { ours, theirs } = await both.ask(['EVAL', program(count), '0'])
        if (count === tooMany || !theirs.includes(' script: ')) expect(ours, `${name}: ${count}`).toBe(theirs)
        else expect(ours, `${name}: ${count}`).toContain(' script: ')
      }
    }
  })

  test.each([
    `return type(${'1,'.repeat(65_534)}1)`,
    `return loadstring("return type(${'1,'.repeat(65_534)}1)")`,
    `local f, e = loadstring("return type(${'1,'.repeat(300)}1)") return e`,
    "local f, e = loadstring('x = = 1', '=a\\0b') return e",
    "local f, e = loadstring('x = = 1', '@a\\0b') return e",
    "local f, e = loadstring('x = = 1\\0yy') return e",
    "local f, e = loadstring('x = = 1', '[\\0') return e",
    "local f = loadstring('error(\"m\")', '=a\\0b') return {pcall(f)}",
    "return 'a' < coroutine.create(function() end)",
    "return coroutine.create(function() end) < 'a'",
    "return 1 < 'a'",
    'return {xpcall(error, nil)}',
    'return {xpcall(error, 5)}',
    'return {xpcall(function() return 1 end, 5)}',
    ...(redisServerIsOlder() ? [] : ['return redis.set_repl(1, 2)', 'return redis.set_repl()']),
  ])('%.60s', async (script) => {
    const { ours, theirs } = await both.ask(['EVAL', script, '0'])
    expect(ours).toBe(theirs)
  })
})

/** Sources that are monstrous in one way each. Many megabytes would show no more. */
const MONSTERS: Readonly<Record<string, () => string>> = {
  statements: () => 'x=1 '.repeat(300_000),
  'statements just too many for V8': () => 'x=1 '.repeat(30_000),
  clauses: () => `if a then ${'elseif a then '.repeat(250_000)}end`,
  'line ends': () => '\n'.repeat(4_000_000),
  'a long string of line ends': () => `local x=[[${'\r'.repeat(4_000_000)}]]`,
  'a long comment': () => `--[[${'x\n'.repeat(2_000_000)}]]`,
  'a string': () => `local x="${'x'.repeat(4_000_000)}"`,
  'a string of escapes': () => `local x="${'\\1'.repeat(300_000)}"`,
  'a table': () => `local t={${'1,'.repeat(600_000)}}`,
  'a table of names': () => `local t={${'a=1,'.repeat(300_000)}}`,
  'a table that never begins': () => `local t={x${'\n'.repeat(4_000_000)}}`,
  fields: () => `return x${'.y'.repeat(400_000)}`,
  calls: () => `f${'()'.repeat(400_000)}`,
  sums: () => `return 1${'+1'.repeat(400_000)}`,
  parentheses: () => '('.repeat(4_000_000),
  functions: () => `local f ${'f=function() end '.repeat(250_000)}`,
  loops: () => 'for k,v in pairs(x) do end '.repeat(5_000),
  digits: () => `x=${'1'.repeat(4_000_000)}`,
  'forty megabytes': () => ' '.repeat(40_000_000),
}

test.each(Object.entries(MONSTERS))('compiling %s takes bounded memory and time, and is heard', (_, source) => {
  const text = source()
  const cpuMs = (): number => process.cpuUsage().user / 1000
  let last = 0
  let longest = 0
  const tick = (): void => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
  }
  const runtime = new LuaRuntime({ interrupt: tick })
  last = cpuMs()
  const start = last
  try {
    runtime.compile(text, 'user_script')
  } catch (error) {
    expect(error).toBeInstanceOf(LuaError)
  }
  tick()
  // Half a second on a quiet machine for the whole compilation.
  expect(longest).toBeLessThan(1500)
  expect(cpuMs() - start).toBeLessThan(5000)
})

describe('clients are served during compilation', () => {
  class Kill extends Error {}

  test.each([
    ['a hundred thousand statements', 'loadstring(("x=1 "):rep(100000))'],
    ['a million clauses', 'loadstring("if a then " .. ("elseif a then "):rep(100000) .. "end")'],
    ['small chunks without end', 'while true do loadstring("local x = 1") end'],
    ['a reader without end', "load(function() return 'x ' end)"],
    ['a reader of nothing new', "local piece = ('x'):rep(100) load(function() return piece end)"],
  ])('%s', (_, program) => {
    let ticks = 0
    const runtime = new LuaRuntime({
      interrupt: () => {
        if (++ticks === 3) throw new Kill()
      },
    })
    runtime.addLibrary('string', stringLibrary)
    const main = runtime.compile(program, 'user_script')
    ticks = 0
    expect(() => runtime.run(main)).toThrow(Kill)
  })

  test("a body that takes long is killed by another client's SCRIPT KILL, and the next is compiled as ever", () => {
    const { engine, clock, connect } = createEngine({ 'busy-reply-threshold': '1' })
    const [slow, other] = [connect(), connect()]
    let readings = 0
    clock.monotonic = () => readings++
    let listened = 0
    engine.parts.host = {
      whileBusy: {
        listen(clients) {
          for (const request of ['PING\r\n', 'SCRIPT KILL\r\n']) {
            const bytes = Buffer.from(request)
            clients.receive(other.client, new Source(bytes), 0, bytes.length)
          }
          listened++
        },
        done() {},
      },
    }
    slow.ask('EVAL', "return redis.call('SET', 'k', 'v')", 0)
    const body = 'x=1 '.repeat(50_000)
    expect(slow.ask('EVAL', body, 0)).toBe('-ERR Script killed by user with SCRIPT KILL...\r\n')
    expect(listened).toBe(1)
    expect(other.received()).toMatch(/^-BUSY .*\r\n\+OK\r\n$/)
    expect(slow.ask('EVAL', "return redis.call('GET', 'k')", 0)).toBe('$1\r\nv\r\n')
    expect(engine.parts.scripts.busy).toBeUndefined()
  })
})

test.each(['SORT_RO', 'LRANGE'])('clients are served in the middle of %s when a script calls it', (name) => {
  const { engine, clock, connect } = createEngine({ 'busy-reply-threshold': '1' })
  const [slow, other] = [connect(), connect()]
  const elements = Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 100_003)
  slow.ask('RPUSH', 'list', ...elements)
  slow.ask('SET', 'gone', 'x', 'PX', 1)
  clock.advance(10)
  let readings = 0
  clock.monotonic = () => readings++
  const during: string[] = []
  let ends = false
  engine.parts.host = {
    whileBusy: {
      listen(clients) {
        during.push(engine.requests.runner.call!.command.spec.name)
        for (const request of ['WATCH gone\r\n', ends && during.length > 2 ? 'SCRIPT KILL\r\n' : 'GET list\r\n']) {
          const bytes = Buffer.from(request)
          clients.receive(other.client, new Source(bytes), 0, bytes.length)
        }
      },
      done() {},
    },
  }
  const words = name === 'SORT_RO' ? "'SORT_RO', 'list'" : "'LRANGE', 'list', 0, -1"
  const script = `local sorted = redis.call(${words}) return {#sorted, sorted[2]}`
  const second = String(name === 'SORT_RO' ? elements.toSorted((a, b) => a - b)[1] : elements[1])
  expect(slow.ask('EVAL', script, 1, 'list')).toBe(`*2\r\n:100000\r\n$${second.length}\r\n${second}\r\n`)
  expect(during.filter((command) => command === name).length).toBeGreaterThan(3)
  expect(other.received()).toMatch(/^(\+OK\r\n-BUSY [^\r]*\r\n)+$/)

  // A sorting command is left at once; a reply in progress is completed.
  during.length = 0
  ends = true
  const killed = slow.ask('EVAL', `pcall(redis.call, ${words}) while true do end`, 1, 'list')
  expect(killed).toMatch(/^-ERR Script killed by user with SCRIPT KILL/)
  if (name === 'SORT_RO') expect(during.length).toBeLessThan(6)
  expect(slow.ask('LLEN', 'list')).toBe(':100000\r\n')
  expect(engine.requests.runner.call).toBe(undefined)
})

test('resuming a coroutine deep within its calls costs steps for each of them', () => {
  let ticks = 0
  const runtime = new LuaRuntime({ interrupt: () => void ticks++ })
  const resume = (depth: number): number => {
    const main = runtime.compile(
      `local function deep(n)
         if n == 0 then while true do coroutine.yield() end end
         deep(n - 1)
         return n
       end
       local c = coroutine.wrap(deep)
       c(${depth})
       for i = 1, 10000 do c() end`,
      'user_script',
    )
    ticks = 0
    runtime.run(main)
    return ticks
  }
  expect(resume(1)).toBeLessThan(10)
  expect(resume(500)).toBeGreaterThan(100)
})

test('the five hundred scripts of EVAL used last are kept, and all loaded ones', () => {
  const { engine, connect } = createEngine()
  const client = connect()
  const shaOf = (i: number): string => client.ask('EVAL', `return redis.sha1hex('return ${i}')`, 0).slice(5, 45)
  const loaded = client.ask('SCRIPT', 'LOAD', "return 'loaded'").slice(5, 45)
  const [used, unused, late] = [shaOf(0), shaOf(1), shaOf(2)]
  for (let i = 0; i < 3; i++) client.ask('EVAL', `return ${i}`, 0)
  client.ask('SCRIPT', 'LOAD', 'return 2')
  for (let i = 3; i < 600; i++) {
    client.ask('EVAL', `return ${i}`, 0)
    if (i % 100 === 0) client.ask('EVALSHA', used, 0)
  }
  expect(engine.parts.scripts.cachedScripts).toBe(502)
  expect(client.ask('SCRIPT', 'EXISTS', loaded, used, unused, late)).toBe('*4\r\n:1\r\n:1\r\n:0\r\n:1\r\n')
  expect(client.ask('EVALSHA', unused, 0)).toBe('-NOSCRIPT No matching script. Please use EVAL.\r\n')
  expect(client.ask('EVAL', 'return 1', 0)).toBe(':1\r\n')
  expect(client.ask('EVALSHA', unused, 0)).toBe(':1\r\n')
  client.ask('SCRIPT', 'FLUSH')
  expect(engine.parts.scripts.cachedScripts).toBe(0)
})

test('large bodies of EVAL are limited by their bytes', () => {
  const { engine, connect } = createEngine()
  const client = connect()
  for (let i = 0; i < 20; i++) client.ask('EVAL', `return ${i} --${'x'.repeat(2 ** 21)}`, 0)
  expect(engine.parts.scripts.cachedScripts).toBeLessThan(9)
  expect(client.ask('EVAL', `return 19 --${'x'.repeat(2 ** 21)}`, 0)).toBe(':19\r\n')
})
