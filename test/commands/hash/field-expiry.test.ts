// Fields of hashes that expire: replies, journal, events, and how they disappear.

import { beforeEach, describe, expect, test } from 'vitest'
import { dump } from '../../support/dump.ts'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from '../generic/listen.ts'

const START_MS = 1_700_000_000_000

let engine: TestEngine
let client: TestClient
let resp3: TestClient
let events: () => string[]

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
  resp3 = engine.connect(3)
  events = listen(engine)
  client.ask('HSET', 'h', 'a', 1, 'b', 2, 'c', 3)
  effects()
})

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
const integers = (...values: number[]) => `*${values.length}\r\n${values.map((value) => `:${value}\r\n`).join('')}`
const say = (line: string) => client.ask(...line.split(' '))
const effects = () => [engine.journal.take(), events()]

describe('setting an expiry', () => {
  test.each([
    ['HEXPIRE h 100', START_MS + 100_000],
    ['HPEXPIRE h 1500', START_MS + 1500],
    ['HEXPIREAT h 1700000123', 1_700_000_123_000],
    ['HPEXPIREAT h 1700000000001', 1_700_000_000_001],
  ])('%s is announced and journaled as HPEXPIREAT', (command, time) => {
    expect(say(`${command} FIELDS 3 a nope b`)).toBe(integers(1, -2, 1))
    expect(effects()).toEqual([[`0 HPEXPIREAT h ${time} FIELDS 2 a b`], ['0 hexpire h']])
    expect(resp3.ask('HPEXPIRETIME', 'h', 'FIELDS', 4, 'a', 'b', 'c', 'x')).toBe(integers(time, time, -1, -2))
    expect(say('HPTTL h FIELDS 1 a')).toBe(integers(time - START_MS))
    expect(say('HTTL h FIELDS 1 a')).toBe(integers(Math.ceil((time - START_MS) / 1000)))
    expect(say('HEXPIRETIME h FIELDS 1 a')).toBe(integers(Math.ceil(time / 1000)))
  })

  test.each(['HEXPIRE h 0', 'HPEXPIRE h 0', 'HEXPIREAT h 1', 'HPEXPIREAT h 1700000000000'])(
    '%s is in the past: the fields are removed, as HDEL',
    (command) => {
      expect(say(`${command} FIELDS 2 a b`)).toBe(integers(2, 2))
      expect(effects()).toEqual([['0 HDEL h a b'], ['0 hdel h']])
      expect(say(`${command} FIELDS 1 c`)).toBe(integers(2))
      expect(effects()).toEqual([['0 HDEL h c'], ['0 hdel h', '0 del h']])
      expect(say('EXISTS h')).toBe(':0\r\n')
    },
  )

  test('conditions: a field that never expires counts as expiring after all others', () => {
    say('HEXPIRE h 100 FIELDS 1 a')
    const results = (condition: string, seconds: number) => say(`HEXPIRE h ${seconds} ${condition} FIELDS 2 a b`)
    expect(results('XX', 50)).toBe(integers(1, 0))
    expect(results('GT', 50)).toBe(integers(0, 0))
    expect(results('gt', 60)).toBe(integers(1, 0))
    expect(results('LT', 60)).toBe(integers(0, 1))
    expect(results('NX', 10)).toBe(integers(0, 0))
    say('HPERSIST h FIELDS 1 b')
    expect(results('nx', 10)).toBe(integers(0, 1))
    expect(say('HTTL h FIELDS 2 a b')).toBe(integers(60, 10))
  })

  test('a condition that no field meets changes nothing', () => {
    effects()
    say('HEXPIRE h 100 XX FIELDS 2 a b')
    expect(effects()).toEqual([[], []])
  })

  test('nothing is there to expire under a missing key', () => {
    expect(say('HEXPIRE none 10 FIELDS 2 a b')).toBe(integers(-2, -2))
    expect(say('HTTL none FIELDS 1 a')).toBe(integers(-2))
    expect(say('HPERSIST none FIELDS 1 a')).toBe(integers(-2))
    expect(say('HGETDEL none FIELDS 1 a')).toBe('*1\r\n$-1\r\n')
    expect(resp3.ask('HGETEX', 'none', 'EX', 5, 'FIELDS', 1, 'a')).toBe('*1\r\n_\r\n')
    expect(effects()).toEqual([[], []])
  })

  test.each([
    ['HEXPIRE h x FIELDS 1 a', 'value is not an integer or out of range'],
    ['HEXPIRE h -1 FIELDS 1 a', 'invalid expire time, must be >= 0'],
    ['HEXPIRE h 70368744178 FIELDS 1 a', "invalid expire time in 'hexpire' command"],
    ['HPEXPIREAT h 70368744177664 FIELDS 1 a', "invalid expire time in 'hpexpireat' command"],
    ['HEXPIRE h 10 FIELD 1 a', 'Mandatory argument FIELDS is missing or not at the right position'],
    ['HEXPIRE h 10 NX XX FIELDS 1 a', 'Mandatory argument FIELDS is missing or not at the right position'],
    ['HEXPIRE h 10 FIELDS 0 a', 'Parameter `numFields` should be greater than 0'],
    ['HEXPIRE h 10 FIELDS 2 a', 'The `numFields` parameter must match the number of arguments'],
    ['HTTL h FIELDS x a', 'Number of fields must be a positive integer'],
    ['HTTL h FIELDS 3 a', 'The `numfields` parameter must match the number of arguments'],
    ['HPERSIST h WHAT 1 a', 'Mandatory argument FIELDS is missing or not at the right position'],
    ['HGETEX h EX 1 PX 1 FIELDS 1 a', 'Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified'],
    ['HGETEX h EX 1 PERSIST FIELDS 1 a', 'Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified'],
    ['HGETEX h WHAT FIELDS 1 a', 'unknown argument: WHAT'],
    ['HGETEX h EX -5 FIELDS 1 a', 'invalid expire time, must be >= 0'],
    ['HGETEX h FIELDS 0 a', 'invalid number of fields'],
    ['HGETEX h FIELDS 2 a', 'wrong number of arguments'],
    ['HSETEX h KEEPTTL KEEPTTL FIELDS 1 a b', 'Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified'],
    ['HSETEX h FNX FXX FIELDS 1 a b', 'Only one of FXX or FNX arguments can be specified'],
    ['HSETEX h FIELDS 1 a b c', 'wrong number of arguments'],
  ])('%s is refused', (command, error) => {
    expect(say(command)).toBe(`-ERR ${error}\r\n`)
    expect(effects()).toEqual([[], []])
  })
})

describe('HPERSIST, HGETDEL, HGETEX, HSETEX', () => {
  test('HPERSIST says which fields expire no more', () => {
    say('HEXPIRE h 10 FIELDS 1 a')
    effects()
    expect(say('HPERSIST h FIELDS 3 a b x')).toBe(integers(1, -1, -2))
    expect(effects()).toEqual([['0 HPERSIST h FIELDS 1 a'], ['0 hpersist h']])
    engine.clock.advance(20_000)
    expect(say('HGET h a')).toBe(bulk('1'))
  })

  test('HGETDEL removes what it returns, and the key with the last field', () => {
    expect(say('HGETDEL h FIELDS 2 a x')).toBe(`*2\r\n${bulk('1')}$-1\r\n`)
    expect(effects()).toEqual([['0 HDEL h a'], ['0 hdel h']])
    expect(say('HGETDEL h FIELDS 3 b c b')).toBe(`*3\r\n${bulk('2')}${bulk('3')}$-1\r\n`)
    expect(effects()).toEqual([['0 HDEL h b c'], ['0 hdel h', '0 del h']])
  })

  test('HGETEX sets, drops and leaves expiries', () => {
    expect(say('HGETEX h EX 10 FIELDS 2 a x')).toBe(`*2\r\n${bulk('1')}$-1\r\n`)
    expect(effects()).toEqual([[`0 HPEXPIREAT h ${START_MS + 10_000} FIELDS 1 a`], ['0 hexpire h']])
    expect(say('HGETEX h FIELDS 1 a')).toBe(`*1\r\n${bulk('1')}`)
    expect(effects()).toEqual([[], []])
    say('HGETEX h PERSIST FIELDS 2 a b')
    expect(effects()).toEqual([['0 HPERSIST h FIELDS 1 a'], ['0 hpersist h']])
    expect(say('HGETEX h PXAT 5 FIELDS 3 a b c')).toBe(`*3\r\n${bulk('1')}${bulk('2')}${bulk('3')}`)
    expect(effects()).toEqual([['0 HDEL h a b c'], ['0 hdel h', '0 del h']])
  })

  test('HSETEX sets all or nothing, with an expiry', () => {
    expect(say('HSETEX h FNX EX 5 FIELDS 2 a 9 z 9')).toBe(':0\r\n')
    expect(say('HSETEX h FXX EX 5 FIELDS 2 a 9 z 9')).toBe(':0\r\n')
    expect(effects()).toEqual([[], []])
    expect(say('HSETEX h FXX PX 5000 FIELDS 2 a 9 b 8')).toBe(':1\r\n')
    expect(effects()).toEqual([[`0 HSETEX h PXAT ${START_MS + 5000} FIELDS 2 a 9 b 8`], ['0 hset h', '0 hexpire h']])
    expect(say('HSETEX h KEEPTTL FIELDS 1 a 7')).toBe(':1\r\n')
    expect(say('HPTTL h FIELDS 1 a')).toBe(integers(5000))
    expect(say('HSETEX h FIELDS 1 b 7')).toBe(':1\r\n')
    expect(say('HPTTL h FIELDS 1 b')).toBe(integers(-1))
    engine.clock.advance(6000)
    expect(say('HMGET h a b')).toBe(`*2\r\n$-1\r\n${bulk('7')}`)
  })

  test('HSETEX with a time in the past removes the fields', () => {
    expect(say('HSETEX h EXAT 5 FIELDS 2 a 9 z 9')).toBe(':1\r\n')
    expect(effects()).toEqual([['0 HDEL h a'], ['0 hdel h']])
    expect(say('HSETEX none EXAT 5 FIELDS 1 a 9')).toBe(':1\r\n')
    expect(effects()).toEqual([[], []])
    expect(say('EXISTS none')).toBe(':0\r\n')
  })

  test('writing a field drops its expiry, counting with it does not', () => {
    say('HEXPIRE h 10 FIELDS 3 a b c')
    engine.journal.take()
    say('HSET h a 5')
    say('HINCRBY h b 5')
    say('HINCRBYFLOAT h c 0.5')
    expect(say('HTTL h FIELDS 3 a b c')).toBe(integers(-1, 10, 10))
    expect(engine.journal.take()).toEqual([
      '0 HSET h a 5',
      '0 HINCRBY h b 5',
      'MULTI',
      '0 HSET h c 3.5',
      `0 HPEXPIREAT h ${START_MS + 10_000} FIELDS 1 c`,
      'EXEC',
    ])
  })
})

describe('a field whose time is up', () => {
  test('is seen in its last millisecond, and gone after it, for every command', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    say('HPEXPIRE h 100 FIELDS 1 a')
    engine.clock.advance(100)
    expect(say('HGET h a')).toBe(bulk('1'))
    engine.clock.advance(1)
    for (const [command, reply] of [
      ['HGET h a', '$-1\r\n'],
      ['HEXISTS h a', ':0\r\n'],
      ['HLEN h', ':2\r\n'],
      ['HKEYS h', `*2\r\n${bulk('b')}${bulk('c')}`],
      ['HTTL h FIELDS 1 a', integers(-2)],
      ['HSETNX h a 9', ':1\r\n'],
    ] as const) {
      const fresh = createEngine()
      fresh.engine.config.set('active-expire-enabled', 'no')
      const other = fresh.connect()
      other.ask('HSET', 'h', 'a', 1, 'b', 2, 'c', 3)
      other.ask('HPEXPIRE', 'h', 100, 'FIELDS', 1, 'a')
      fresh.clock.advance(101)
      expect(other.ask(...command.split(' ')), command).toBe(reply)
      expect(fresh.journal.take().slice(2), command).toEqual(
        command.startsWith('HSETNX') ? ['MULTI', '0 HDEL h a', '0 HSETNX h a 9', 'EXEC'] : ['0 HDEL h a'],
      )
    }
  })

  test('goes by itself, within a millisecond, is journaled as HDEL and announced', () => {
    say('HPEXPIRE h 100 FIELDS 2 a b')
    effects()
    engine.clock.advance(100)
    expect(effects()).toEqual([[], []])
    engine.clock.advance(1)
    expect(effects()).toEqual([['0 HDEL h a b'], ['0 hexpired h']])
    expect(say('HGETALL h')).toBe(`*2\r\n${bulk('c')}${bulk('3')}`)
  })

  test('takes the key with it when it was the last', () => {
    say('HPEXPIRE h 100 FIELDS 3 a b c')
    effects()
    engine.clock.advance(101)
    expect(effects()).toEqual([['0 DEL h'], ['0 hexpired h', '0 del h']])
    expect(say('EXISTS h')).toBe(':0\r\n')
    expect(engine.engine.databases[0]!.arena.usedBytes).toBe(0)
  })

  test('goes in its time after RENAME, COPY, MOVE and SWAPDB', () => {
    say('HPEXPIRE h 100 FIELDS 1 a')
    say('COPY h copy')
    say('RENAME h renamed')
    say('COPY copy moved')
    say('MOVE moved 1')
    say('SWAPDB 0 2')
    effects()
    engine.clock.advance(101)
    expect(engine.journal.take().sort()).toEqual(['1 HDEL moved a', '2 HDEL copy a', '2 HDEL renamed a'])
  })

  test('breaks a WATCH', () => {
    say('HPEXPIRE h 100 FIELDS 1 a')
    say('WATCH h')
    engine.clock.advance(101)
    say('MULTI')
    say('PING')
    expect(say('EXEC')).toBe('*-1\r\n')
  })

  test('is removed from a great many of them a few at a time, and no client sees the rest', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    for (let i = 0; i < 3000; i++) {
      client.ask('HSET', 'h', `f${i}`, i)
      client.ask('HPEXPIRE', 'h', 100, 'FIELDS', 1, `f${i}`)
    }
    engine.clock.advance(101)
    effects()
    expect(say('HLEN h')).toBe(':3\r\n')
    const [[line]] = effects() as [string[]]
    expect(line!.split(' ').length).toBe(3 + 512)
    expect(say('HGETALL h').startsWith('*6\r\n')).toBe(true)
    const gone = new Set(line!.split(' '))
    const hidden = Array.from({ length: 3000 }, (_, i) => `f${i}`).findLast((field) => !gone.has(field))!
    expect(say(`HGET h ${hidden}`)).toBe('$-1\r\n')
    expect(say('HRANDFIELD h 10').startsWith('*3\r\n')).toBe(true)
    // Writing one that is hidden is journaled after its end.
    engine.journal.take()
    expect(say(`HINCRBY h ${hidden} 7`)).toBe(':7\r\n')
    expect(engine.journal.take().slice(-2)).toEqual([`0 HINCRBY h ${hidden} 7`, 'EXEC'])
    expect(say('HLEN h')).toBe(':4\r\n')
    for (let i = 0; i < 8; i++) say('HLEN h')
    expect(say('HLEN h')).toBe(':4\r\n')
    expect(say('HDEL h a b c')).toBe(':3\r\n')
    say(`HDEL h ${hidden}`)
    expect(engine.engine.databases[0]!.arena.usedBytes).toBe(0)
  })

  test('does not keep a key alive that holds nothing but such fields', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    for (let i = 0; i < 2000; i++) client.ask('HSETEX', 'big', 'PX', 100, 'FIELDS', 1, `f${i}`, i)
    effects()
    engine.clock.advance(101)
    expect(say('EXISTS big')).toBe(':0\r\n')
    expect(effects()).toEqual([['0 DEL big'], ['0 hexpired big', '0 del big']])
  })
})

test('a replay of the journal, without a clock, ends with the same hashes', () => {
  say('HEXPIRE h 10 FIELDS 2 a b')
  say('HSETEX other EX 100 FIELDS 2 x 1 y 2')
  say('HINCRBYFLOAT h b 1.5')
  say('HGETEX other PERSIST FIELDS 1 y')
  for (let i = 0; i < 1000; i++) client.ask('HSETEX', 'big', 'PX', 5000 + (i % 3) * 10_000, 'FIELDS', 1, `f${i}`, i)
  engine.clock.advance(5001)
  for (let i = 0; i < 30; i++) client.ask('HINCRBY', 'big', `f${i * 7}`, 1)
  engine.clock.advance(20_000)
  const copy = createEngine()
  copy.engine.data.dataset.expiry = 'keep'
  copy.clock.advance(1_000_000)
  const replayed = copy.connect()
  // The first line of this journal was taken before each test.
  replayed.ask('HSET', 'h', 'a', 1, 'b', 2, 'c', 3)
  for (const line of engine.journal.take()) {
    if (line === 'MULTI' || line === 'EXEC') continue
    expect(replayed.ask(...line.split(' ').slice(1)), line).not.toMatch(/^-/)
  }
  expect(dump(copy.engine)).toEqual(dump(engine.engine))
})

describe('OBJECT ENCODING', () => {
  test('becomes listpackex with the first expiry, and stays it', () => {
    say('HEXPIRE h 10 FIELDS 1 a')
    expect(say('OBJECT ENCODING h')).toBe(bulk('listpackex'))
    say('HPERSIST h FIELDS 1 a')
    expect(say('OBJECT ENCODING h')).toBe(bulk('listpackex'))
    client.ask('HSET', 'h', 'long', 'x'.repeat(65))
    expect(say('OBJECT ENCODING h')).toBe(bulk('hashtable'))
  })
})
