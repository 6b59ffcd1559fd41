// MEMORY and its subcommands, and what SCAN makes of each type.

import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, encode, type TestClient, type TestEngine } from '../../support/engine.ts'

let engine: TestEngine
let client: TestClient

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
})

/** Ways to put 2,000 elements of 20 bytes under a key, by type. */
const LARGE: Record<string, (i: number) => (string | number)[]> = {
  list: (i) => ['RPUSH', 'k', `element ${i}`.padEnd(20)],
  hash: (i) => ['HSET', 'k', `f${i}`, `value ${i}`.padEnd(20)],
  set: (i) => ['SADD', 'k', `member ${i}`.padEnd(20)],
  zset: (i) => ['ZADD', 'k', i, `member ${i}`.padEnd(20)],
}

describe('MEMORY USAGE', () => {
  test.each(Object.keys(LARGE))('of a %s follows its size, with or without SAMPLES', (type) => {
    const usage = (...options: string[]) => Number(client.ask('MEMORY', 'USAGE', 'k', ...options).slice(1))
    client.ask(...LARGE[type]!(0))
    const small = usage()
    expect(small).toBeGreaterThan(20)
    expect(small).toBeLessThan(600)
    for (let i = 1; i < 2000; i++) client.ask(...LARGE[type]!(i))
    expect(usage()).toBeGreaterThan(2000 * 20)
    expect(usage()).toBeLessThan(2000 * 200)
    expect(usage('SAMPLES', '0')).toBe(usage('samples', '5'))
    // What the arena counts is what the key is said to take, roughly: the rest is the index.
    const used = engine.engine.databases[0]!.arena.usedBytes
    expect(Math.abs(usage() - used) / used).toBeLessThan(0.2)
  })

  test('refuses what is no count of samples, and knows no missing key', () => {
    client.ask('SET', 'k', 'v')
    expect(client.ask('MEMORY', 'USAGE', 'k', 'SAMPLES', '-1')).toBe('-ERR syntax error\r\n')
    expect(client.ask('MEMORY', 'USAGE', 'k', 'SAMPLES')).toBe('-ERR syntax error\r\n')
    expect(client.ask('MEMORY', 'USAGE', 'none')).toBe('$-1\r\n')
  })
})

test('MEMORY STATS is a map of names and numbers, with one for each database in use', () => {
  client.ask('SET', 'k', 'v')
  client.ask('SELECT', '3')
  client.ask('SET', 'k', 'v')
  const resp3 = engine.connect(3).ask('MEMORY', 'STATS')
  expect(resp3).toMatch(/^%29\r\n\$14\r\npeak\.allocated\r\n:\d+\r\n/)
  expect(resp3).toContain('\r\n$4\r\ndb.0\r\n%3\r\n$23\r\noverhead.hashtable.main\r\n:')
  expect(resp3).toContain('\r\n$4\r\ndb.3\r\n%3\r\n')
  expect(resp3).toContain('\r\n$10\r\nkeys.count\r\n:2\r\n')
  expect(client.ask('MEMORY', 'STATS')).toMatch(/^\*58\r\n\$14\r\npeak\.allocated\r\n:\d+\r\n/)
})

test('MEMORY DOCTOR, MALLOC-STATS and PURGE answer', () => {
  expect(engine.connect(3).ask('MEMORY', 'DOCTOR')).toMatch(/^=\d+\r\ntxt:Hi Sam, this instance is empty/)
  client.ask('SET', 'big', 'x'.repeat(1000))
  expect(client.ask('MEMORY', 'MALLOC-STATS')).toMatch(/^\$\d+\r\narena used: \d+\n/)
  expect(client.ask('MEMORY', 'PURGE')).toBe('+OK\r\n')
})

test('the peak of used memory is what was used at most, even within a script', () => {
  const peak = () => Number(/used_memory_peak:(\d+)/.exec(client.ask('INFO', 'memory'))![1])
  client.ask('SET', 'k', 'x'.repeat(1_000_000))
  client.ask('DEL', 'k')
  expect(peak()).toBeGreaterThan(1_000_000)
  client.sendRaw(`${encode(['SETRANGE', 'k', 4_999_999, 'x'])}${encode(['DEL', 'k'])}`)
  expect(peak()).toBeGreaterThan(5_000_000)
  expect(peak()).toBeLessThan(7_000_000)
  expect(client.ask('INFO', 'memory')).toMatch(/used_memory_peak_perc:\d\.\d\d%/)
  expect(client.ask('MEMORY', 'STATS')).toContain(`peak.allocated\r\n:${peak()}\r\n`)
})

test('SCAN TYPE selects every type there is', () => {
  client.ask('SET', 'a string', 'v')
  client.ask('RPUSH', 'a list', 'v')
  client.ask('HSET', 'a hash', 'f', 'v')
  client.ask('SADD', 'a set', 'v')
  client.ask('ZADD', 'a zset', 1, 'v')
  client.ask('XADD', 'a stream', '1-1', 'f', 'v')
  for (const type of ['string', 'list', 'hash', 'set', 'zset', 'stream']) {
    const name = `a ${type}`
    expect(client.ask('TYPE', name)).toBe(`+${type}\r\n`)
    expect(client.ask('SCAN', 0, 'TYPE', type.toUpperCase())).toBe(
      `*2\r\n$1\r\n0\r\n*1\r\n$${name.length}\r\n${name}\r\n`,
    )
  }
})
