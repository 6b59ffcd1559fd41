// Hash commands through the engine: replies to the byte, journal, events, encodings.

import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from '../generic/listen.ts'

const WRONGTYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n'

let engine: TestEngine
let client: TestClient
let resp3: TestClient
let events: () => string[]

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
  resp3 = engine.connect(3)
  events = listen(engine)
})

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
const array = (...texts: string[]) => `*${texts.length}\r\n${texts.map(bulk).join('')}`

/** Journal lines and events since the last look. */
const effects = () => [engine.journal.take(), events()]

describe('setting and removing', () => {
  test('HSET counts the new fields, is journaled as it came and announced once', () => {
    expect(client.ask('HSET', 'h', 'a', 1, 'b', 2)).toBe(':2\r\n')
    expect(effects()).toEqual([['0 HSET h a 1 b 2'], ['0 new h', '0 hset h']])
    expect(client.ask('HSET', 'h', 'a', 1, 'c', 3)).toBe(':1\r\n')
    expect(effects()).toEqual([['0 HSET h a 1 c 3'], ['0 hset h']])
  })

  test('HMSET says OK, HSETNX only once 1', () => {
    expect(client.ask('HMSET', 'h', 'a', 1)).toBe('+OK\r\n')
    effects()
    expect(client.ask('HSETNX', 'h', 'a', 2)).toBe(':0\r\n')
    expect(effects()).toEqual([[], []])
    expect(client.ask('HSETNX', 'h', 'b', 2)).toBe(':1\r\n')
    expect(effects()).toEqual([['0 HSETNX h b 2'], ['0 hset h']])
    expect(client.ask('HGETALL', 'h')).toBe(array('a', '1', 'b', '2'))
  })

  test('a field without a value is refused before anything is set', () => {
    expect(client.ask('HSET', 'h', 'a', 1, 'b')).toBe("-ERR wrong number of arguments for 'hset' command\r\n")
    expect(client.ask('HMSET', 'h', 'a', 1, 'b')).toBe("-ERR wrong number of arguments for 'hmset' command\r\n")
    expect(client.ask('EXISTS', 'h')).toBe(':0\r\n')
  })

  test('HDEL removes the key with its last field', () => {
    client.ask('HSET', 'h', 'a', 1, 'b', 2)
    effects()
    expect(client.ask('HDEL', 'h', 'a', 'x')).toBe(':1\r\n')
    expect(effects()).toEqual([['0 HDEL h a x'], ['0 hdel h']])
    expect(client.ask('HDEL', 'h', 'b', 'b')).toBe(':1\r\n')
    expect(effects()).toEqual([['0 HDEL h b b'], ['0 hdel h', '0 del h']])
    expect(client.ask('TYPE', 'h')).toBe('+none\r\n')
    expect(client.ask('HDEL', 'h', 'b')).toBe(':0\r\n')
    expect(effects()).toEqual([[], []])
  })

  test('every command refuses another type', () => {
    client.ask('SET', 's', 'x')
    for (const request of [
      'HSET s a b', 'HMSET s a b', 'HSETNX s a b', 'HGET s a', 'HMGET s a', 'HEXISTS s a', 'HSTRLEN s a', 'HLEN s', 'HDEL s a', 'HGETALL s', 'HKEYS s',
      'HVALS s', 'HINCRBY s a 1', 'HINCRBYFLOAT s a 1', 'HRANDFIELD s', 'HRANDFIELD s 3', 'HSCAN s 0', 'HEXPIRE s 1 FIELDS 1 a', 'HTTL s FIELDS 1 a',
      'HPERSIST s FIELDS 1 a', 'HGETDEL s FIELDS 1 a', 'HGETEX s FIELDS 1 a', 'HSETEX s FIELDS 1 a b',
    ]) expect(client.ask(...request.split(' ')), request).toBe(WRONGTYPE) // biome-ignore format: a table
  })
})

describe('reading', () => {
  beforeEach(() => {
    client.ask('HSET', 'h', 'a', 'one', 'b', '', 'long', 'x'.repeat(200))
  })

  test('HGETALL is a map, HKEYS and HVALS are arrays, in the order of a small hash', () => {
    const all = `${bulk('a')}${bulk('one')}${bulk('b')}${bulk('')}${bulk('long')}${bulk('x'.repeat(200))}`
    expect(client.ask('HGETALL', 'h')).toBe(`*6\r\n${all}`)
    expect(resp3.ask('HGETALL', 'h')).toBe(`%3\r\n${all}`)
    expect(resp3.ask('HKEYS', 'h')).toBe(array('a', 'b', 'long'))
    expect(client.ask('HVALS', 'h')).toBe(array('one', '', 'x'.repeat(200)))
    expect(resp3.ask('HGETALL', 'none')).toBe('%0\r\n')
    expect(client.ask('HVALS', 'none')).toBe('*0\r\n')
  })

  test('single fields', () => {
    expect(client.ask('HGET', 'h', 'a')).toBe(bulk('one'))
    expect(client.ask('HGET', 'h', 'none')).toBe('$-1\r\n')
    expect(resp3.ask('HGET', 'none', 'a')).toBe('_\r\n')
    expect(client.ask('HSTRLEN', 'h', 'long')).toBe(':200\r\n')
    expect(client.ask('HSTRLEN', 'h', 'none')).toBe(':0\r\n')
    expect(client.ask('HEXISTS', 'h', 'b')).toBe(':1\r\n')
    expect(client.ask('HEXISTS', 'h', 'c')).toBe(':0\r\n')
    expect(client.ask('HLEN', 'h')).toBe(':3\r\n')
    expect(client.ask('HMGET', 'h', 'a', 'x', 'a')).toBe(`*3\r\n${bulk('one')}$-1\r\n${bulk('one')}`)
    expect(resp3.ask('HMGET', 'none', 'a')).toBe('*1\r\n_\r\n')
  })
})

describe('counting', () => {
  test('HINCRBY is exact to 64 bits and no further', () => {
    expect(client.ask('HINCRBY', 'h', 'n', '9007199254740993')).toBe(':9007199254740993\r\n')
    expect(client.ask('HINCRBY', 'h', 'n', '9214364837600034814')).toBe(':9223372036854775807\r\n')
    expect(effects()).toEqual([
      ['0 HINCRBY h n 9007199254740993', '0 HINCRBY h n 9214364837600034814'],
      ['0 new h', '0 hincrby h', '0 hincrby h'],
    ])
    expect(client.ask('HINCRBY', 'h', 'n', 1)).toBe('-ERR increment or decrement would overflow\r\n')
    client.ask('HSET', 'h', 'text', 'x')
    expect(client.ask('HINCRBY', 'h', 'text', 1)).toBe('-ERR hash value is not an integer\r\n')
    expect(client.ask('HINCRBY', 'h', 'text', 'x')).toBe('-ERR value is not an integer or out of range\r\n')
  })

  test('HINCRBYFLOAT counts in long doubles and is journaled as HSET of the result', () => {
    expect(client.ask('HINCRBYFLOAT', 'h', 'n', '0.1')).toBe(bulk('0.1'))
    expect(resp3.ask('HINCRBYFLOAT', 'h', 'n', '0.2')).toBe(bulk('0.3'))
    expect(effects()).toEqual([
      ['0 HSET h n 0.1', '0 HSET h n 0.3'],
      ['0 new h', '0 hincrbyfloat h', '0 hincrbyfloat h'],
    ])
    expect(client.ask('HINCRBYFLOAT', 'h', 'n', 'inf')).toBe('-ERR value is NaN or Infinity\r\n')
    expect(client.ask('HINCRBYFLOAT', 'h', 'n', 'nan')).toBe('-ERR value is not a valid float\r\n')
    client.ask('HSET', 'h', 'i', 'inf', 'text', 'x')
    expect(client.ask('HINCRBYFLOAT', 'h', 'i', '1')).toBe('-ERR increment would produce NaN or Infinity\r\n')
    expect(client.ask('HINCRBYFLOAT', 'h', 'text', '1')).toBe('-ERR hash value is not a float\r\n')
  })

  test('a counter that is refused creates nothing', () => {
    client.ask('HINCRBYFLOAT', 'h', 'n', 'inf')
    client.ask('HINCRBY', 'h', 'n', 'x')
    expect(client.ask('EXISTS', 'h')).toBe(':0\r\n')
  })
})

describe('HRANDFIELD', () => {
  test('answers in the shape that count and protocol ask for', () => {
    client.ask('HSET', 'h', 'a', 1)
    expect(client.ask('HRANDFIELD', 'h')).toBe(bulk('a'))
    expect(client.ask('HRANDFIELD', 'h', 5)).toBe(array('a'))
    expect(client.ask('HRANDFIELD', 'h', -2, 'WITHVALUES')).toBe(array('a', '1', 'a', '1'))
    expect(resp3.ask('HRANDFIELD', 'h', -2, 'withvalues')).toBe(`*2\r\n${array('a', '1').repeat(2)}`)
    expect(resp3.ask('HRANDFIELD', 'none')).toBe('_\r\n')
    expect(resp3.ask('HRANDFIELD', 'none', -3)).toBe('*0\r\n')
    expect(client.ask('HRANDFIELD', 'h', 0)).toBe('*0\r\n')
  })

  test.each([
    [['x'], '-ERR value is not an integer or out of range\r\n'],
    [['1', 'y'], '-ERR syntax error\r\n'],
    [['1', 'WITHVALUES', 'z'], '-ERR syntax error\r\n'],
    [
      ['-9223372036854775808'],
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n',
    ],
    [['-4611686018427387904', 'WITHVALUES'], '-ERR value is out of range\r\n'],
    [['4611686018427387904', 'WITHVALUES'], '-ERR value is out of range\r\n'],
    [['-1000000000000'], '-ERR value is out of range\r\n'],
  ])('with %j is refused', (words, error) => {
    client.ask('HSET', 'h', 'a', 1)
    expect(client.ask('HRANDFIELD', 'h', ...words)).toBe(error)
  })

  // The 99.9 % points of chi-square for 19 and 399 degrees of freedom; the source of chance is seeded, so the outcome is fixed.
  test.each([
    ['one at a time from a small hash', 20, [], 43.82],
    ['many with repetition', 20, ['-5'], 43.82],
    ['a few different ones', 20, ['3'], 43.82],
    ['most of them', 20, ['15'], 43.82],
    ['one at a time from a large hash', 400, [], 491.9],
    ['a few different ones of a large hash', 400, ['5'], 491.9],
    ['most of a large hash', 400, ['300'], 491.9],
  ] as const)('draws %s uniformly', (_, size, words, limit) => {
    for (let i = 0; i < size; i++) client.ask('HSET', 'h', `f${i}`, i)
    const counts = new Map<string, number>()
    let total = 0
    while (total < size * 60) {
      const reply = client.ask('HRANDFIELD', 'h', ...words)
      const drawn = [...reply.matchAll(/\r\n(f\d+)\r\n/g)].map(([, field]) => field!)
      if (words[0] !== undefined && !words[0].startsWith('-')) expect(new Set(drawn).size).toBe(Number(words[0]))
      for (const field of drawn) counts.set(field, (counts.get(field) ?? 0) + 1)
      total += drawn.length
    }
    let chiSquare = 0
    for (let i = 0; i < size; i++) chiSquare += ((counts.get(`f${i}`) ?? 0) - total / size) ** 2 / (total / size)
    expect(chiSquare).toBeLessThan(limit)
  })
})

describe('HSCAN', () => {
  test('gives a small hash at once, whatever the cursor', () => {
    client.ask('HSET', 'h', 'a', 1, 'b', 2)
    expect(client.ask('HSCAN', 'h', 0)).toBe(`*2\r\n${bulk('0')}${array('a', '1', 'b', '2')}`)
    expect(resp3.ask('HSCAN', 'h', 77, 'COUNT', 1)).toBe(`*2\r\n${bulk('0')}${array('a', '1', 'b', '2')}`)
    expect(client.ask('HSCAN', 'h', 0, 'MATCH', 'b*')).toBe(`*2\r\n${bulk('0')}${array('b', '2')}`)
    expect(client.ask('HSCAN', 'h', 0, 'NOVALUES', 'MATCH', '*')).toBe(`*2\r\n${bulk('0')}${array('a', 'b')}`)
    expect(client.ask('HSCAN', 'none', 5, 'WHAT')).toBe(`*2\r\n${bulk('0')}*0\r\n`)
  })

  test('walks a large hash COUNT fields at a time', () => {
    for (let i = 0; i < 1000; i++) client.ask('HSET', 'h', `f${i}`, i)
    const seen = new Set<string>()
    let cursor = '0'
    let rounds = 0
    do {
      const reply = client.ask('HSCAN', 'h', cursor, 'COUNT', 100, 'NOVALUES')
      cursor = /^\*2\r\n\$\d+\r\n(\d+)/.exec(reply)![1]!
      for (const [, field] of reply.matchAll(/\r\n(f\d+)\r\n/g)) seen.add(field!)
      rounds++
    } while (cursor !== '0')
    expect([seen.size, rounds]).toEqual([1000, 10])
  })

  test.each([
    [['x'], '-ERR invalid cursor\r\n'],
    [['0', 'COUNT', '0'], '-ERR syntax error\r\n'],
    [['0', 'COUNT', 'x'], '-ERR value is not an integer or out of range\r\n'],
    [['0', 'MATCH'], '-ERR syntax error\r\n'],
    [['0', 'TYPE', 'hash'], '-ERR syntax error\r\n'],
  ])('refuses %j', (words, error) => {
    client.ask('HSET', 'h', 'a', 1)
    expect(client.ask('HSCAN', 'h', ...words)).toBe(error)
  })
})

describe('OBJECT ENCODING', () => {
  const encoding = (key = 'h') => client.ask('OBJECT', 'ENCODING', key)
  const LISTPACK = bulk('listpack')
  const HASHTABLE = bulk('hashtable')

  test('of a hash turns into hashtable above hash-max-listpack-entries, and never back', () => {
    client.ask('CONFIG', 'SET', 'hash-max-listpack-entries', 3)
    client.ask('HSET', 'h', 'a', 1, 'b', 2)
    client.ask('HSET', 'h', 'c', 3)
    expect(encoding()).toBe(LISTPACK)
    client.ask('HSET', 'h', 'd', 4)
    expect(encoding()).toBe(HASHTABLE)
    client.ask('HDEL', 'h', 'd', 'c', 'b')
    expect(encoding()).toBe(HASHTABLE)
    client.ask('CONFIG', 'SET', 'hash-max-listpack-entries', 512)
    client.ask('HSET', 'h', 'a', 2)
    expect(encoding()).toBe(HASHTABLE)
  })

  test('counts what is asked for in one HSET, as if every field were new', () => {
    client.ask('CONFIG', 'SET', 'hash-max-ziplist-entries', 3)
    client.ask('HSET', 'h', 'a', 1, 'a', 2, 'a', 3, 'a', 4)
    expect(encoding()).toBe(HASHTABLE)
  })

  test.each(['field', 'value'])('turns into hashtable with a %s above hash-max-listpack-value', (where) => {
    const pair = (length: number) => (where === 'field' ? ['x'.repeat(length), 'v'] : ['f', 'x'.repeat(length)])
    client.ask('HSET', 'h', ...pair(64))
    expect(encoding()).toBe(LISTPACK)
    client.ask('HSET', 'h', ...pair(65))
    expect(encoding()).toBe(HASHTABLE)
    client.ask('CONFIG', 'SET', 'hash-max-listpack-value', 65)
    client.ask('HSET', 'h2', ...pair(65))
    expect(encoding('h2')).toBe(LISTPACK)
  })

  test('a lower limit concerns a hash when it is next added to', () => {
    client.ask('HSET', 'h', 'a', 1, 'b', 2, 'c', 3)
    client.ask('CONFIG', 'SET', 'hash-max-listpack-entries', 2)
    expect(encoding()).toBe(LISTPACK)
    client.ask('HSET', 'h', 'a', 5)
    expect(encoding()).toBe(LISTPACK)
    client.ask('HSET', 'h', 'd', 4)
    expect(encoding()).toBe(HASHTABLE)
  })

  test('HINCRBYFLOAT with a long result makes a hashtable', () => {
    client.ask('CONFIG', 'SET', 'hash-max-listpack-value', 4)
    client.ask('HINCRBYFLOAT', 'h', 'n', '1.25')
    expect(encoding()).toBe(LISTPACK)
    client.ask('HINCRBYFLOAT', 'h', 'n', '0.001')
    expect(encoding()).toBe(HASHTABLE)
  })

  test('says listpack as long as Redis would, whatever lies underneath', () => {
    for (let i = 0; i < 512; i++) client.ask('HSET', 'h', `field${i}`, 'v'.repeat(60))
    expect(encoding()).toBe(LISTPACK)
    client.ask('COPY', 'h', 'copy')
    expect(encoding('copy')).toBe(LISTPACK)
    client.ask('HSET', 'h', 'one more', 1)
    expect(encoding()).toBe(HASHTABLE)
  })
})

test('a hash that is gone leaves no memory behind, in either form', () => {
  const db = engine.engine.databases[0]!
  const before = db.arena.usedBytes
  client.ask('HSET', 'h', 'a', 'x'.repeat(100_000), 'b', 1)
  for (let i = 0; i < 2000; i++) client.ask('HSET', 'big', `f${i}`, i)
  client.ask('RENAME', 'big', 'bigger')
  client.ask('DEL', 'h', 'bigger')
  // What is large is given back a part at a time.
  engine.clock.advance(10)
  expect(db.arena.usedBytes).toBe(before)
})
