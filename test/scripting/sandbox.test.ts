// Things that a script cannot do: reach JavaScript, change the sandbox for the next script, or end
// the server.

import { expect, test } from 'vitest'
import { createEngine, withoutJournal } from '../support/engine.ts'

const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  'length',
  'call',
  'apply',
  'bind',
  'arguments',
  'caller',
  'globalThis',
  'process',
  'require',
]

test.each(NAMES)("'%s' is a name like any other", (name) => {
  const client = createEngine().connect()
  const ask = (script: string, ...args: string[]): string => client.ask('EVAL', script, 0, ...args)
  expect(ask('local t = {} return t[ARGV[1]] == nil', name)).toBe(':1\r\n')
  expect(ask("local t = {} t[ARGV[1]] = 'x' return t[ARGV[1]]", name)).toBe('$1\r\nx\r\n')
  expect(ask('return rawget(_G, ARGV[1]) == nil and string[ARGV[1]] == nil and cjson[ARGV[1]] == nil', name)).toBe(
    ':1\r\n',
  )
  expect(ask('return pcall(function() return _G[ARGV[1]] end)', name)).toBe('$-1\r\n')
  if (name !== 'call') expect(ask('return redis[ARGV[1]] == nil', name)).toBe(':1\r\n')
  expect(ask('return cjson.decode(ARGV[1])[ARGV[2]]', `{"${name}":"y"}`, name)).toBe('$1\r\ny\r\n')
  expect(ask('return cmsgpack.unpack(cmsgpack.pack({[ARGV[1]] = "z"}))[ARGV[1]]', name)).toBe('$1\r\nz\r\n')
  expect(ask('return redis.pcall(ARGV[1], "k")', name)).toBe('-ERR Unknown Redis command called from script\r\n')
  expect(ask('return redis.call("HSET", "h", ARGV[1], "v")', name)).toBe(':1\r\n')
  expect(ask('redis.setresp(3) return redis.call("HGETALL", "h").map[ARGV[1]]', name)).toBe('$1\r\nv\r\n')
})

test('loaded code sees the same globals', () => {
  const client = createEngine().connect()
  const reply = client.ask('EVAL', "return loadstring('return process')()", 0)
  expect(reply).toMatch(
    /^-ERR \[string "return process"\]:1: Script attempted to access nonexistent global variable 'process'/,
  )
})

test('everything that a script could leave to the next one is read-only', () => {
  const client = createEngine().connect()
  const readonly = /Attempt to modify a readonly table/
  for (const script of [
    'x = 1',
    '_G.x = 1',
    "rawset(_G, 'x', 1)",
    'getmetatable(_G).__index = nil',
    'setmetatable(_G, {})',
    'string.len = nil',
    "rawset(table, 'insert', nil)",
    'getmetatable("").__index = {}',
    'redis.call = nil',
    'cjson.null = 1',
    'table.insert(redis, 1)',
  ]) {
    expect(client.ask('EVAL', script, 0), script).toMatch(readonly)
  }
  expect(client.ask('EVAL', "return string.len('abc')", 0)).toBe(':3\r\n')
})

test('functions have globals of their own, which are read-only, too', () => {
  const client = createEngine().connect()
  const code = `#!lua name=l
redis.register_function('set', function() x = 1 end)
redis.register_function('raw', function() rawset(redis, 'call', 1) end)
redis.register_function('arguments', function(keys, args) keys[1] = 'changed' return keys end)`
  client.ask('FUNCTION', 'LOAD', code)
  expect(client.ask('FCALL', 'set', 0)).toMatch(/Attempt to modify a readonly table/)
  expect(client.ask('FCALL', 'raw', 0)).toMatch(/Attempt to modify a readonly table/)
  expect(client.ask('FCALL', 'arguments', 1, 'k')).toBe('*1\r\n$7\r\nchanged\r\n')
  expect(client.ask('FCALL', 'arguments', 0)).toBe('*1\r\n$7\r\nchanged\r\n')
})

test('a script that asks for too much memory gets an error', () => {
  const client = createEngine().connect()
  expect(client.ask('EVAL', "return #string.rep('x', 400 * 1024 * 1024)", 0)).toMatch(/^-ERR not enough memory/)
  expect(client.ask('PING')).toBe('+PONG\r\n')
})

test('a reply too large for a script is the script’s error and not the command’s', () => {
  const { connect, engine } = createEngine()
  const client = connect()
  client.ask('SET', 'large', 'x'.repeat(4_000_000))
  const script = "local t = {} for i = 1, 100 do t[i] = redis.call('GET', 'large') end return #t"
  expect(client.ask('EVAL', script, 0)).toMatch(/^(-ERR not enough memory|:100)/)
  expect(engine.commands.get('GET')!.failed).toBe(0)
  expect(client.ask('GET', 'none')).toBe('$-1\r\n')
})

test('without a client that could kill it, an endless script that has changed nothing ends by itself', () => {
  const { connect, clock } = createEngine()
  const client = connect()
  const { monotonic } = clock
  clock.monotonic = () => {
    clock.advance(500)
    return monotonic.call(clock)
  }
  expect(client.ask('EVAL', 'while true do pcall(function() while true do end end) end', 0)).toMatch(
    /^-ERR Script ran for longer than busy-reply-threshold\.\.\. script: \w+, on @user_script:1\.\r\n$/,
  )
  expect(client.ask('PING')).toBe('+PONG\r\n')
})

test('a script with slow steps ends by itself, too', () => {
  const { connect, engine, clock } = createEngine()
  const client = connect()
  const members = Array.from({ length: 5000 }, (_, i) => `member ${i}`)
  client.ask('SADD', 's', ...members)
  const { monotonic } = clock
  clock.monotonic = () => {
    clock.advance(500)
    return monotonic.call(clock)
  }
  const smembers = engine.commands.get('SMEMBERS')!
  for (const body of ["redis.call('SMEMBERS', 's')", "redis.sha1hex(('x'):rep(1e6))"]) {
    const before = smembers.calls
    expect(client.ask('EVAL', `while true do ${body} end`, 0)).toMatch(/^-ERR Script ran for longer/)
    expect(smembers.calls - before).toBeLessThan(5000)
  }
})

test('stored data does not count as built by the script', () => {
  const test = createEngine()
  // The test’s journal holds every word as a text of this heap.
  withoutJournal(test)
  const client = test.connect()
  const script = "for i = 1, 300 do redis.call('SET', 'k' .. i, ('x'):rep(1e6)) end return redis.call('DBSIZE')"
  expect(client.ask('EVAL', script, 0)).toBe(':300\r\n')
})

test('a script that ran out of memory leaves nothing to the next', () => {
  const client = createEngine().connect()
  expect(client.ask('EVAL', 'local t = {} while true do t = {t} end', 0)).toMatch(/^-ERR not enough memory/)
  const next = client.ask('EVAL', 'return {KEYS[1], ARGV[1]}', 1, 'key', 'argument')
  expect(next).toBe('*2\r\n$3\r\nkey\r\n$8\r\nargument\r\n')
})
