// Function libraries beside redis-server: every way of loading one wrongly, listing them, moving
// them between servers under each policy, and calling their functions.

import { describe, expect, test } from 'vitest'
import { writeFunctionPayload } from '../../src/persistence/rdb/function-payload.ts'
import { redisServerIsOlder, redisServerMissing } from '../support/redis-server.ts'
import { useBoth } from './use-both.ts'

/** Makes a library whose functions return their names. */
const R = (name: string, functions: string[]): string =>
  `#!lua name=${name}\n${functions.map((f) => `redis.register_function('${f}', function() return '${name}.${f}' end)`).join('\n')}`
const L = (code: string): string[] => ['FUNCTION', 'LOAD', code]
const P = (...codes: string[]): string => writeFunctionPayload(codes, true).toString()

const CODES = [
  '#!lua name=a  \nredis.register_function("f",function() end)',
  '#!lua  name=a2\nredis.register_function("f2",function() end)',
  '#!LUA name=a3\nredis.register_function("f3",function() end)',
  '#!Lua name=a4\nredis.register_function("f4",function() end)',
  '#!lua NAME=a5\nredis.register_function("f5",function() end)',
  '#!lua name="a6"\nredis.register_function("f6",function() end)',
  '#!lua "name=a7"\nredis.register_function("f7",function() end)',
  "#!lua 'name=a8'\nredis.register_function('f8',function() end)",
  '#!lua name="a\n',
  "#!lua name='a b'\nx",
  '#!lua\tname=a9\nredis.register_function("f9",function() end)',
  '#! lua name=b\nx',
  '#!lua name=b\r\nredis.register_function("fb",function() end)',
  '#!lua name=c\n',
  '#!lua name=c',
  '#!\n',
  '#!lua\n',
  '\n#!lua name=c\n',
  ' #!lua name=c\n',
  '#!lua name=c engine=x\nx',
  '#!lua name=c name\nx',
  '#!lua name\nx',
  '#!lua name=c=d\nx',
  '#!lua name=é\nx',
  `#!lua name=${'x'.repeat(300)}\nredis.register_function("long",function() end)`,
  '',
  ' ',
  '#!luaname=c\nx',
  '#!lua name=c\nreturn 1',
  '#!lua name=c\nreturn redis.register_function("ff",function() end)',
  '#!lua name=c2\nredis.register_function("FF",function() end)',
  '#!lua name=d\nerror("x")',
  '#!lua name=d\nerror({err="x y"})',
  '#!lua name=d\nredis.log(1,"x") redis.register_function("lg",function() end)',
  '#!lua name=d2\nredis.call("get","x")',
  '#!lua name=d2\nlocal x = redis.REDIS_VERSION redis.register_function("ver",function() end)',
  '#!lua name=d3\nredis.setresp(3)',
  '#!lua name=d4\nfoo()',
  '#!lua name=d5\nlocal t = string',
  '#!lua name=d6\nreturn pairs',
  '#!lua name=d7\nlocal function f() return f() + 1 end f()',
  '#!lua name=d8\n\n\n x x',
  '#!lua name=d9\nredis.register_function("f" , loadstring("return 1"))',
  '#!lua name=e\nredis.register_function(5, function() return 5 end)',
  '#!lua name=e2\nredis.register_function{[1]="x", [2]=function() end}',
  '#!lua name=e3\nredis.register_function{function_name="e3", callback=function() end, flags={}}',
  '#!lua name=e4\nredis.register_function{FUNCTION_NAME="e4", Callback=function() end, FLAGS={"no-writes","no-writes"}, Description="x"}',
  '#!lua name=e5\nredis.register_function{function_name="e5", callback=function() end, flags={"no-cluster","allow-stale","allow-cross-slot-keys","allow-oom","no-writes"}}',
  '#!lua name=e6\nredis.register_function{function_name="e6", callback=function() end, flags={"NO-WRITES"}}',
  '#!lua name=e7\nredis.register_function{function_name="e7", callback=function() end, description=5}',
  '#!lua name=e8\nredis.register_function{function_name=5, callback=function() end}',
  '#!lua name=e9\nredis.register_function{function_name="e9", callback=function() end, flags={"no-writes", nil, "bad"}}',
  '#!lua name=g1\nredis.register_function("a","b","c")',
  '#!lua name=g2\nredis.register_function(nil)',
  '#!lua name=g3\nredis.register_function(5)',
  '#!lua name=g4\nredis.register_function("x", nil)',
  '#!lua name=g5\nredis.register_function("x y", function() end)',
  '#!lua name=g6\nredis.register_function{function_name="x\\0y", callback=function() end}',
  `#!lua name=g7\nredis.register_function("${'n'.repeat(400)}", function() end)`,
  '#!lua name=g8\nlocal ok, e = redis.register_function("g8", function() end) return e',
  '#!lua name=g9\nx = 1',
  '#!lua name=h1\n_G.x = 1',
  '#!lua name=h2\nredis.x = 1',
  '#!lua name=h3\nredis = nil',
  '#!lua name=h4\nlocal r = redis redis.register_function("h4", function() return r.call("ping") end)',
  '#!lua name=h5\nredis.register_function("h5", function() return redis.REDIS_VERSION_NUM > 1 end)',
  '#!lua name=h6\nredis.register_function("h6", redis.register_function)',
  '#!lua name=h7\nredis.register_function("h7", redis.log)',
]

/** Functions that some of them register. */
const LOADED = ['f', 'f2', 'ff', 'FF', 'lg', 'ver', '5', 'e3', 'E4', 'e5', 'e7', 'g8', 'h4', 'h5', 'h6', 'h7', 'x']

const CALLED = `#!lua name=c
redis.register_function('boom', function() error('x') end)
redis.register_function('boomt', function() error({err='MY x'}) end)
redis.register_function('call', function(k, a) return redis.call(unpack(a)) end)
redis.register_function('pcall', function(k, a) return redis.pcall(unpack(a)) end)
redis.register_function('var', function(...) return select('#', ...) end)
redis.register_function('keys', function() return KEYS end)
redis.register_function('reg', function() return redis.register_function('x', function() end) end)
redis.register_function('resp', function() redis.setresp(3) return redis.call('hgetall', 'h') end)
redis.register_function('many', function() return 1, 2, 3 end)
redis.register_function('co', function() return coroutine.wrap(function() error('in co') end)() end)
redis.register_function('deep', function() local function f() return f() + 1 end return f() end)
redis.register_function{function_name='nw', flags={'no-writes'}, callback=function(k,a) return redis.call(unpack(a)) end}`

const CALLS: string[][] = [
  ['boom'],
  ['boomt'],
  ['call', 'ping'],
  ['call', 'get'],
  ['call', 'nosuch'],
  ['call', 'set', 'a', 'b'],
  ['call', 'fcall', 'boom', '0'],
  ['call', 'eval', 'return 1', '0'],
  ['pcall', 'fcall', 'boom', '0'],
  ['pcall', 'function', 'list'],
  ['pcall', 'script', 'exists', 'x'],
  ['var', 'a', 'b'],
  ['keys'],
  ['reg'],
  ['resp'],
  ['many'],
  ['co'],
  ['deep'],
  ['nw', 'get', 'a'],
  ['nw', 'set', 'a', 'b'],
  ['nw', 'publish', 'a', 'b'],
  ['call'],
]

const SCENARIOS: Record<string, string[][]> = {
  'loading, rightly and wrongly, anew and in place of another': [
    ...CODES.flatMap((code) => [L(code), ['FUNCTION', 'LOAD', 'REPLACE', code]]),
    ...LOADED.flatMap((f) => [
      ['FCALL', f, '0'],
      ['FCALL_RO', f, '0'],
      ['FCALL', f, '1', 'k', 'a'],
    ]),
  ],
  'listing, deleting, flushing': [
    L(R('lib1', ['a1'])),
    L(R('LIB2', ['a2'])),
    ...[
      ['LIBRARYNAME', 'lib1'],
      ['LIBRARYNAME', 'LIB1'],
      ['LIBRARYNAME', 'l*1'],
      ['LIBRARYNAME', '[l]ib1'],
      ['WITHCODE', 'LIBRARYNAME', 'lib2'],
      ['LIBRARYNAME', 'lib1', 'LIBRARYNAME', 'lib1'],
      ['LIBRARYNAME', 'lib1', 'x'],
      ['withcode', 'withcode'],
      ['LIBRARYNAME', ''],
      ['libraryname', 'LIB2', 'WITHCODE'],
      ['LIBRARYNAME', 'lib1', 'withcode', 'withcode'],
      ['x\r\ny'],
    ].map((a) => ['FUNCTION', 'LIST', ...a]),
    ['FUNCTION', 'DELETE', 'Lib1'],
    ['FUNCTION', 'DELETE', 'lib1'],
    ['FUNCTION', 'DELETE', 'lib1', 'x'],
    ['FUNCTION', 'DELETE'],
    ['FUNCTION', 'LIST'],
    ['FUNCTION', 'FLUSH', 'ASYNC'],
    ['FUNCTION', 'LIST'],
    ['FUNCTION', 'STATS'],
    ['FUNCTION', 'STATS', 'x'],
    ['FUNCTION', 'DUMP', 'x'],
    ['FUNCTION', 'KILL', 'x'],
    ['FUNCTION', 'FLUSH', 'sync'],
  ],
  'payloads under each policy': [
    L(R('l1', ['a'])),
    ['FUNCTION', 'RESTORE', P(R('l1', ['b']))],
    ['FUNCTION', 'RESTORE', P(R('l1', ['b'])), 'REPLACE'],
    ['FCALL', 'a', '0'],
    ['FCALL', 'b', '0'],
    ['FUNCTION', 'RESTORE', P(R('l2', ['b']))],
    ['FUNCTION', 'RESTORE', P(R('l2', ['b'])), 'REPLACE'],
    ['FUNCTION', 'RESTORE', P(R('l2', ['B'])), 'APPEND'],
    ['FUNCTION', 'RESTORE', P(R('l2', ['c']), R('l2', ['d'])), 'APPEND'],
    ['FUNCTION', 'RESTORE', P(R('l2', ['c']), R('l3', ['c'])), 'APPEND'],
    ['FUNCTION', 'RESTORE', P(R('l2', ['c']), R('l3', ['c'])), 'FLUSH'],
    ['FUNCTION', 'STATS'],
    ['FUNCTION', 'RESTORE', P(), 'APPEND'],
    ['FUNCTION', 'STATS'],
    ['FUNCTION', 'RESTORE', P(), 'REPLACE'],
    ['FUNCTION', 'STATS'],
    ['FUNCTION', 'RESTORE', P('return 1'), 'APPEND'],
    ['FUNCTION', 'RESTORE', P('#!lua name=q\nerror("x")'), 'FLUSH'],
    ['FUNCTION', 'RESTORE', P('#!lua name=q\nx x'), 'REPLACE'],
    ['FUNCTION', 'RESTORE', P('#!js name=q\nx x'), 'REPLACE'],
    ['FUNCTION', 'RESTORE', P('#!lua name=q-\nx x'), 'REPLACE'],
    ['FUNCTION', 'RESTORE', P('#!lua name=q\nreturn 1'), 'REPLACE'],
    ['FUNCTION', 'STATS'],
    ['FUNCTION', 'RESTORE', `${P(R('l2', ['b']))}x`],
    ['FUNCTION', 'RESTORE', ''],
    ['FUNCTION', 'RESTORE', '0123456789'],
    ['FUNCTION', 'RESTORE', P(R('l2', ['x'])), 'flush'],
    ['FUNCTION', 'LIST'],
    ['FUNCTION', 'RESTORE', P(), 'FLUSH'],
    ['FUNCTION', 'LIST'],
    ['FUNCTION', 'RESTORE'],
    ['FUNCTION', 'RESTORE', 'a', 'b', 'c', 'd'],
  ],
  'what functions do and return': [
    L(CALLED),
    ['HSET', 'h', 'a', '1'],
    ...CALLS.flatMap(([f, ...args]) => [
      ['FCALL', f!, '0', ...args],
      ['FCALL_RO', f!, '0', ...args],
    ]),
  ],
}

describe.skipIf(redisServerMissing()).each([2, 3] as const)('RESP%i', (protocol) => {
  const both = useBoth()

  // Redis 7.0 dumps an older version.
  const scenarios = Object.entries(SCENARIOS).filter(([name]) => !redisServerIsOlder() || !/payloads/.test(name))

  test.each(scenarios)('%s', async (_, requests) => {
    await both.begin(protocol)
    for (const words of requests) {
      const { ours, theirs } = await both.ask(words)
      expect(ours, JSON.stringify(words)).toBe(theirs)
    }
  })
})
