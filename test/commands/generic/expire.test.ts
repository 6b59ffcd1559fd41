import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from './listen.ts'

const START_MS = 1_700_000_000_000

let engine: TestEngine
let client: TestClient
let events: () => string[]

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
  events = listen(engine)
  client.ask('SET', 'k', 'v')
  engine.journal.take()
  events()
})

describe('setting an expiry', () => {
  test.each([
    ['EXPIRE', 100, START_MS + 100_000],
    ['PEXPIRE', 1500, START_MS + 1500],
    ['EXPIREAT', 1_700_000_123, 1_700_000_123_000],
    ['PEXPIREAT', 1_700_000_000_001, 1_700_000_000_001],
  ])('%s %d is announced and journaled as PEXPIREAT %d', (command, argument, time) => {
    expect(client.ask(command, 'k', argument)).toBe(':1\r\n')
    expect(client.ask('PEXPIRETIME', 'k')).toBe(`:${time}\r\n`)
    expect(engine.journal.take()).toEqual([`0 PEXPIREAT k ${time}`])
    expect(events()).toEqual(['0 expire k'])
  })

  test.each([
    ['EXPIRE', '0'],
    ['EXPIRE', '-1'],
    ['PEXPIRE', '-9223372036854775808'],
    ['EXPIREAT', '1700000000'],
    ['PEXPIREAT', '1'],
  ])('%s %s is in the past: the key is removed, as DEL', (command, argument) => {
    expect(client.ask(command, 'k', argument)).toBe(':1\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual(['0 DEL k'])
    expect(events()).toEqual(['0 del k'])
  })

  test('while the journal is replayed a time in the past is kept', () => {
    engine.engine.data.dataset.expiry = 'keep'
    client.ask('PEXPIREAT', 'k', 5)
    expect(client.ask('PEXPIRETIME', 'k')).toBe(':5\r\n')
    expect(client.ask('PERSIST', 'k')).toBe(':1\r\n')
    engine.engine.data.dataset.expiry = 'remove'
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('a missing key is no error, and nothing is journaled', () => {
    expect(client.ask('EXPIRE', 'none', 10)).toBe(':0\r\n')
    expect([engine.journal.take(), events()]).toEqual([[], []])
  })

  test.each([
    [['EXPIRE', 'k', 'x'], 'ERR value is not an integer or out of range'],
    [['EXPIRE', 'k', '9223372036854775808'], 'ERR value is not an integer or out of range'],
    [['EXPIRE', 'k', '9223372036854775807'], "ERR invalid expire time in 'expire' command"],
    [['EXPIRE', 'none', '-9223372036854776'], "ERR invalid expire time in 'expire' command"],
    [['EXPIRE', 'k', '9223372036854775'], "ERR invalid expire time in 'expire' command"],
    [['PEXPIRE', 'k', '9223372036854775807'], "ERR invalid expire time in 'pexpire' command"],
    [['EXPIREAT', 'k', '9223372036854776'], "ERR invalid expire time in 'expireat' command"],
    [['EXPIRE', 'k', 'x', 'foo'], 'ERR Unsupported option foo'],
    [['EXPIRE', 'k', '1', 'NX', 'XX'], 'ERR NX and XX, GT or LT options at the same time are not compatible'],
    [['EXPIRE', 'k', '1', 'gt', 'nx'], 'ERR NX and XX, GT or LT options at the same time are not compatible'],
    [['EXPIRE', 'k', '1', 'LT', 'GT'], 'ERR GT and LT options at the same time are not compatible'],
  ])('%j is refused: %s', (words, error) => {
    expect(client.ask(...words)).toBe(`-${error}\r\n`)
    expect(engine.journal.take()).toEqual([])
  })

  test('the last moment of all comes out as it went in', () => {
    expect(client.ask('PEXPIREAT', 'k', '9223372036854775807')).toBe(':1\r\n')
    expect(engine.journal.take()).toEqual(['0 PEXPIREAT k 9223372036854775807'])
    expect(client.ask('PEXPIRETIME', 'k')).toBe(':9223372036854775807\r\n')
    expect(client.ask('EXPIRETIME', 'k')).toBe(':9223372036854776\r\n')
    expect(client.ask('PTTL', 'k')).toBe(`:${9223372036854775807n - BigInt(START_MS)}\r\n`)
  })
})

describe('conditions', () => {
  // [condition, current expiry in seconds (undefined = none), new one, whether it is taken]
  test.each<[string[], number | undefined, number, boolean]>([
    [['NX'], undefined, 10, true],
    [['NX'], 5, 10, false],
    [['XX'], undefined, 10, false],
    [['xx'], 5, 10, true],
    [['GT'], 5, 10, true],
    [['GT'], 10, 10, false],
    [['GT'], 20, 10, false],
    [['GT'], undefined, 10, false],
    [['LT'], 5, 10, false],
    [['LT'], 10, 10, false],
    [['LT'], 20, 10, true],
    [['LT'], undefined, 10, true],
    [['XX', 'LT'], undefined, 10, false],
    [['XX', 'GT'], 5, 10, true],
    [['NX', 'NX'], undefined, 10, true],
  ])('%j: from %s to %d is %j', (conditions, current, next, taken) => {
    if (current !== undefined) client.ask('EXPIRE', 'k', current)
    engine.journal.take()
    expect(client.ask('EXPIRE', 'k', next, ...conditions)).toBe(taken ? ':1\r\n' : ':0\r\n')
    expect(client.ask('TTL', 'k')).toBe(`:${taken ? next : (current ?? -1)}\r\n`)
    expect(engine.journal.take()).toEqual(taken ? [`0 PEXPIREAT k ${START_MS + next * 1000}`] : [])
  })

  test('PEXPIREAT loses its conditions on the way to the journal', () => {
    client.ask('PEXPIREAT', 'k', START_MS + 5, 'NX')
    expect(engine.journal.take()).toEqual([`0 PEXPIREAT k ${START_MS + 5}`])
  })
})

describe('asking for an expiry', () => {
  test('a missing key is -2, one that stays is -1', () => {
    for (const command of ['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME']) {
      expect([client.ask(command, 'none'), client.ask(command, 'k')]).toEqual([':-2\r\n', ':-1\r\n'])
    }
  })

  test('seconds are rounded to the nearest', () => {
    client.ask('PEXPIRE', 'k', 1499)
    expect([client.ask('TTL', 'k'), client.ask('PTTL', 'k')]).toEqual([':1\r\n', ':1499\r\n'])
    client.ask('PEXPIRE', 'k', 1500)
    expect([client.ask('TTL', 'k'), client.ask('EXPIRETIME', 'k')]).toEqual([':2\r\n', ':1700000002\r\n'])
  })
})

describe('PERSIST', () => {
  test('removes the expiry and says so', () => {
    client.ask('EXPIRE', 'k', 10)
    engine.journal.take()
    events()
    expect(client.ask('PERSIST', 'k')).toBe(':1\r\n')
    expect(engine.journal.take()).toEqual(['0 PERSIST k'])
    expect(events()).toEqual(['0 persist k'])
    engine.clock.advance(20_000)
    expect(client.ask('TTL', 'k')).toBe(':-1\r\n')
  })

  test('changes nothing where nothing expires', () => {
    expect([client.ask('PERSIST', 'k'), client.ask('PERSIST', 'none')]).toEqual([':0\r\n', ':0\r\n'])
    expect([engine.journal.take(), events()]).toEqual([[], []])
  })
})

describe('the end', () => {
  test('a key lives through its last millisecond and goes in the next, without a request', () => {
    client.ask('PEXPIRE', 'k', 100)
    engine.journal.take()
    events()
    engine.clock.advance(100)
    expect(engine.engine.databases[0]!.size).toBe(1)
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    engine.clock.advance(1)
    expect(engine.engine.databases[0]!.size).toBe(0)
    expect(engine.journal.take()).toEqual(['0 DEL k'])
    expect(events()).toEqual(['0 expired k'])
    expect(engine.engine.figures.stats.expiredKeys).toBe(1)
  })

  test('without active expiry a key goes when it is looked at', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    client.ask('PEXPIRE', 'k', 100)
    engine.clock.advance(1000)
    engine.journal.take()
    expect(engine.engine.databases[0]!.size).toBe(1)
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
    expect(engine.engine.databases[0]!.size).toBe(0)
    expect(engine.journal.take()).toEqual(['0 DEL k'])
  })

  test('many keys that end together go in slices, and others are heard in between', () => {
    const sizes: number[] = []
    const { clock } = engine
    const measured = (run: () => void) => (): void => {
      const { size } = engine.engine.databases[0]!
      run()
      if (size > engine.engine.databases[0]!.size) sizes.push(size - engine.engine.databases[0]!.size)
    }
    const after = clock.after.bind(clock)
    clock.after = (delayMs, run) => after(delayMs, measured(run))
    const { later } = engine.engine.environment
    Object.assign(engine.engine.environment, { later: (run: () => void) => later(measured(run)) })
    for (let i = 0; i < 1200; i++) {
      client.ask('SET', `k${i}`, 'v')
      client.ask('PEXPIRE', `k${i}`, 50)
    }
    engine.journal.take()
    engine.clock.advance(51)
    client.received()
    expect(sizes).toEqual([500, 500, 200])
    expect(engine.engine.databases[0]!.size).toBe(1)
    expect(engine.journal.take().length).toBe(1200)
  })

  test('a later expiry replaces an earlier one in the timer too', () => {
    client.ask('PEXPIRE', 'k', 100)
    client.ask('PEXPIRE', 'k', 5000)
    engine.clock.advance(4999)
    expect(engine.engine.databases[0]!.size).toBe(1)
    engine.clock.advance(2)
    expect(engine.engine.databases[0]!.size).toBe(0)
  })

  test('keys of a swapped database expire under its new number', () => {
    client.ask('PEXPIRE', 'k', 100)
    client.ask('SWAPDB', 0, 4)
    engine.journal.take()
    engine.clock.advance(101)
    expect(engine.journal.take()).toEqual(['4 DEL k'])
    expect(events().at(-1)).toBe('4 expired k')
  })
})
