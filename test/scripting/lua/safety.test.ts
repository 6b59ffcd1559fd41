// Things that a script must not be able to do: reach JavaScript, exhaust the process, or run for
// ever.

import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { LuaError } from '../../../src/scripting/lua/errors.ts'
import { LuaRuntime } from '../../../src/scripting/lua/runtime.ts'
import { meter, SCRIPT_MEMORY_BYTES_MAX } from '../../../src/scripting/lua/script-meter.ts'
import { runHere, runtimeWithPrint } from './lua51.ts'

const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  'call',
  'apply',
  'bind',
  'length',
  'name',
  'caller',
  'arguments',
  'resumable',
  'callee',
]

describe('nothing leads to JavaScript', () => {
  test.each(NAMES)('%s is a plain key of a table, absent until set', (name) => {
    expect(
      runHere(`local t = {} print(t.${name}, t["${name}"], rawget(t, "${name}")) t.${name} = 1 print(t.${name})`),
    ).toBe('nil\tnil\tnil\n1')
    expect(runHere(`for k, v in pairs({${name} = 5}) do print(k, v) end`)).toBe(`${name}\t5`)
  })

  test.each(NAMES)('%s is no global and no member of a string, number, function or coroutine', (name) => {
    expect(runHere(`print(${name}, ("x").${name})`)).toBe('nil\tnil')
    expect(runHere(`print(pcall(function() return (5).${name} end))`)).toMatch(
      /^false\tuser_script:1: attempt to index a number value$/,
    )
    expect(runHere(`print(pcall(function() return print.${name} end))`)).toMatch(/^false\t.*attempt to index/)
    expect(runHere(`print(pcall(function() return coroutine.create(print).${name} end))`)).toMatch(
      /^false\t.*attempt to index/,
    )
  })

  test.each([
    'await',
    'yield',
    'eval',
    'arguments',
    'this',
    'new',
    'let',
    'class',
    'var',
    'R',
    'T',
    'M',
    'G',
    'N',
    'A',
    'C',
    'c0',
    'k0',
    'undefined',
    'NaN',
  ])('a variable may be called %s', (name) => {
    expect(runHere(`local ${name} = 7 local function f(${name}) return ${name} end print(${name}, f(8))`)).toBe('7\t8')
    expect(runHere(`print(${name}) ${name} = 9 print(${name}, _G["${name}"])`)).toBe('nil\n9\t9')
  })

  test('strings hold every byte, and none of them ends a literal', () => {
    const runtime = new LuaRuntime()
    for (let byte = 0; byte < 256; byte++) {
      const escaped = `\\${String(byte).padStart(3, '0')}`
      const [value] = runtime.run(runtime.compile(`return "a${escaped}${escaped}b"`, 'bytes'))
      const c = String.fromCharCode(byte)
      expect(value).toBe(`a${c}${c}b`)
    }
    const tricky = '"; process.exit(1); "\' ` */ // <!-- --> \\u0041 \u2028'.replace('\u2028', '\xe2\x80\xa8')
    expect(runtime.run(runtime.compile(`return [==[${tricky}]==]`, 'tricky'))).toEqual([tricky])
    const key = 'k"];process.exit(1);//\\'
    const quoted = `"${key.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
    expect(runtime.run(runtime.compile(`local t = {[${quoted}] = 4} return t[${quoted}]`, 'keys'))).toEqual([4])
  })

  test('a chunk name cannot break out of the generated source', () => {
    const runtime = new LuaRuntime()
    for (const name of ['a\nthrow 1', '*/ x', '\u2028', '%', 'a b#c']) {
      expect(runtime.run(runtime.compile('return 1', name))).toEqual([1])
      expect(() => runtime.run(runtime.compile('local x = nil + 1', name))).toThrow(`${name}:1: attempt`)
    }
  })

  test('globals of JavaScript are not globals of Lua', () => {
    expect(runHere('print(process, globalThis, Function, require, console, Object, Array, eval)')).toBe(
      Array(8).fill('nil').join('\t'),
    )
    expect(
      runHere('print(dofile, loadfile, io, require, module, package, debug, getfenv, setfenv, newproxy, string.dump)'),
    ).toMatch(/^(nil\t)+/)
  })
})

describe('nothing runs for ever', () => {
  class Kill extends Error {}

  /** Kills a script at its third tick. */
  function killed(program: string): unknown {
    let ticks = 0
    const runtime = runtimeWithPrint([], {
      interrupt: () => {
        if (++ticks === 3) throw new Kill()
      },
    })
    try {
      runtime.run(runtime.compile(program, 'user_script'))
    } catch (error) {
      return error
    }
    return undefined
  }

  test.each([
    'while true do end',
    'repeat until false',
    'for i = 1, 1e18 do end',
    'for i = 1, 2, 0 do end local i = 0 while true do i = i + 1 end',
    'while true do pcall(function() while true do end end) end',
    'local function f() return f() end f()',
    'local function f() pcall(f) f() end while true do pcall(f) end',
    'local t = setmetatable({}, {__index = function(t, k) return 1 end}) while true do local x = t.a end',
    'for k in function() return 1 end do end',
    'local t = {} for i = 1, 1000 do t[i] = i end while true do for k, v in pairs(t) do end end',
    'while true do xpcall(function() while true do end end, function() end) end',
    'while true do local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end end',
    'while true do local ok, e = coroutine.resume(coroutine.create(function() while true do end end)) end',
    'while true do loadstring("while true do end")() end',
    'local s = ("x"):rep(2^20) while true do local x = s:upper() end',
    'local s = ("x"):rep(2^20) while true do local x = s:byte(5) end',
    'local s = "" while true do s = s .. ("x"):rep(1000) s = #s > 1e6 and "" or s end',
    'local t = {} for i = 1, 50 do t[i] = i % 7 end while true do table.sort(t, function(a, b) return a < b end) end',
  ])('a script that loops is killed and cannot catch it: %s', (program) => {
    expect(killed(program)).toBeInstanceOf(Kill)
  })

  test.each([
    ['a == b', 'a .. "1", b .. "1"', 200],
    ['a == b', 'a .. "1", b .. "2"', 200],
    ['a ~= b', 'a .. "1", b .. "1"', 200],
    ['a < b', 'a .. "1", b .. "2"', 200],
    ['b >= a', 'a .. "1", b .. "2"', 200],
    ['t[a] == 1', 'a, b', 200],
    ['rawget(t, b) == nil', 'a, b', 200],
    ['rawequal(a, b)', 'a .. "1", b .. "1"', 200],
    ['tonumber(a) == nil', 'a .. "y", b', 20],
    ['pcall(function() return a + 1 end)', 'a .. "y", b', 20],
  ])('%s takes steps by the length of strings', (expression, values, times) => {
    let ticks = 0
    const program = `local a, b = ("1"):rep(2^18), ("1"):rep(2^18) a, b = ${values} local t = {[a] = 1} for i = 1, ${times} do local x = ${expression} end`
    runHere(program, { interrupt: () => void ticks++ })
    expect(ticks).toBeGreaterThan(2)
  })

  test.each([
    'tonumber(s .. "y")',
    'tonumber("0x" .. s .. "y")',
    'tonumber(s, 8)',
    'tonumber(s .. "y", 36)',
    'tonumber((" "):rep(2^20) .. "y")',
    'pcall(function() return s * 2 end)',
  ])('a million digits that spell a number or none are read once: %s', (expression) => {
    const start = process.cpuUsage()
    runHere(`local s = ("1"):rep(2^20) local x = ${expression}`)
    // One pass for each of them would take hours.
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000)
  })

  test('after a kill the next script runs unaffected', () => {
    killed('coroutine.wrap(function() while true do end end)()')
    expect(runHere('print(coroutine.running(), pcall(error, "x", 0))')).toBe('nil\tfalse\tx')
  })
})

describe('nothing exhausts the process', () => {
  test.each([
    'local function f() return 1 + f() end f()',
    'local function f(...) return 1 + f(1, ...) end f()',
    'local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. "x"] .. "" end local x = t.a',
    'local ok, e local function f() local o, m = pcall(f) if not o then e = e or m end end f() error(e, 0)',
    'local function f() table.sort({1, 2, 3}, function(a, b) f() return a < b end) end f()',
    'local function f() return (("x"):gsub("x", f)) end f()',
    'local function f() coroutine.wrap(f)() end f()',
    'local s = "return " for i = 1, 150 do s = s .. "(" end loadstring(s .. "1" .. (")"):rep(150))() local function f() local a = f() return a end f()',
  ])('deep recursion is a stack overflow a script can catch: %s', (program) => {
    const output = runHere(`print((select(2, pcall(function() ${program} end))))`)
    expect(output).toMatch(/overflow|not enough memory/)
    expect(() => runHere(program)).not.toThrow()
  })

  test('tail calls of any length need no stack', () => {
    expect(runHere('local function f(n) if n == 0 then return "end" end return f(n - 1) end print(f(300000))')).toBe(
      'end',
    )
    expect(
      runHere(
        'local t = {} function t:a(n, ...) if n == 0 then return ... end return self:b(n - 1, ...) end ' +
          'function t:b(n, ...) return self:a(n, ...) end print(t:a(100000, 1, nil, 3))',
      ),
    ).toBe('1\tnil\t3')
  })

  test.each([
    'local s = ("x"):rep(1024) while true do s = s .. s end',
    // Reversed, so that it is one piece: V8 keeps a repeated or concatenated text as a few small
    // ones.
    'local t = {} local i = 0 while true do i = i + 1 t[i] = (("x"):rep(100000) .. i):reverse() end',
    'local t = {} while true do t[#t + 1] = {1, 2, 3, {}} end',
    'local t = {} local i = 0 while true do i = i + 1 t["key" .. i] = i end',
    'local s = ("x"):rep(2^30)',
    'local t = {} while true do t[#t + 1] = function() return t end end',
    'local f while true do local g = f f = function() return g end end',
    'local t = {} while true do t[#t + 1] = ("x"):gmatch("x") end',
    'local t = {} while true do t[#t + 1] = coroutine.wrap(function() end) end',
    'local t = {} for i = 1, 1000 do t[i] = ("x"):rep(10000) end while true do t[#t + 1] = table.concat(t) end',
  ])('a script that builds without end runs out of its own memory: %s', (program) => {
    const output: string[] = []
    const runtime = runtimeWithPrint(output, { memoryBytesMax: 2 * 1024 * 1024 })
    expect(() => runtime.run(runtime.compile(program, 'user_script'))).toThrow(
      /not enough memory|resulting string too large/,
    )
  })

  test('a script may build any amount of garbage', () => {
    const runtime = runtimeWithPrint([], { memoryBytesMax: 8 * 1024 * 1024 })
    const program = 'local n = 0 for i = 1, 3000 do local s = ("x"):rep(20000) .. i n = n + #s end return n'
    expect(runtime.run(runtime.compile(program, 'user_script'))).toEqual([60_010_893])
  })

  test('memory that the program around it holds in the same heap is not charged to a script', () => {
    // A script of an engine whose clock is far ahead, like one that a test controls.
    meter.begin(undefined, SCRIPT_MEMORY_BYTES_MAX, Number.MAX_SAFE_INTEGER)
    // Some 70 MB.
    const held = Array.from({ length: 2_000_000 }, (_, i) => ({ i }))
    const runtime = runtimeWithPrint([], { memoryBytesMax: 8 * 1024 * 1024 })
    // A text of pieces is charged by its length, and takes some bytes for each piece.
    const program = "local s = '' for i = 1, 20000 do s = 'x' .. s .. 'y' end return #s"
    expect(runtime.run(runtime.compile(program, 'user_script'))).toEqual([40_000])
    expect(held).toHaveLength(2_000_000)
  })

  test('malformed or monstrous source is an error, never a crash', () => {
    const runtime = new LuaRuntime()
    const sources = [
      '('.repeat(100_000),
      `return ${'1+'.repeat(20_000)}1`,
      `return ${'a..'.repeat(20_000)}a`,
      `${'if x then '.repeat(20_000)}`,
      `x=${'{'.repeat(100_000)}`,
      `return ${'-'.repeat(3)}1`,
      `return ${'not '.repeat(50_000)}1`,
      `a${'.b'.repeat(50_000)}=1`,
      `a${'()'.repeat(50_000)}`,
      '\x1bLua',
    ]
    for (const source of sources) {
      try {
        runtime.compile(source, 'big')
      } catch (error) {
        expect(error).toBeInstanceOf(LuaError)
      }
    }
  })

  test('a chunk may use more constant keys than there are variables for their places', () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `t.a${i} = ${i} s = s + t.a${i}`)
    expect(runHere(`local t, s = {}, 0\n${lines.join('\n')}\nprint(s)`)).toBe(String((2999 * 3000) / 2))
  })
})

describe('the stack', () => {
  const depthOf = 'local d = 0 local function f() d = d + 1 return 1 + f() end pcall(f) print(d)'

  test('recursion goes some thousands of levels deep, whatever the function is like', () => {
    const programs = [
      [depthOf, 4500],
      [
        'local d = 0 local t = {} function t:f(n) d = d + 1 local x = self:f(n + 1) return x end pcall(t.f, t, 1) print(d)',
        3000,
      ],
      [
        'local d = 0 local function f(a, b, c, x, y, z) d = d + 1 local p, q, r = a, b, c return f(z, y, x, c, b, a) + p end pcall(f) print(d)',
        2000,
      ],
      [
        'local d = 0 local function f(a) d = d + 1 return 1 + f(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) end pcall(f) print(d)',
        2000,
      ],
      ['local y = coroutine local d = 0 local function f() d = d + 1 return 1 + f() end pcall(f) print(d)', 2000],
    ] as const
    for (const [program, least] of programs) expect(Number(runHere(program)), program).toBeGreaterThan(least)
  })

  test('a process started with more of it lets Lua recurse deeper', () => {
    const script = `
      const { LuaRuntime } = await import(${JSON.stringify(new URL('../../../src/scripting/lua/runtime.ts', import.meta.url).href)})
      const runtime = new LuaRuntime()
      const main = runtime.compile('local d = 0 local function f() d = d + 1 return 1 + f() end pcall(f) return d', 'deep')
      console.log(runtime.run(main)[0])`
    const options = ['--stack-size=3000', '--import', 'tsx', '--input-type=module', '-e', script]
    const done = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 60_000 })
    expect(Number(done.stdout), done.stderr).toBeGreaterThan(16_000)
  })
})
