import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

let engine: TestEngine
let client: TestClient

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
})

/** Reads an array of bulk strings at the end of a reply. */
function names(reply: string): string[] {
  return [...reply.matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(([, name]) => name!)
}

/** One SCAN call: the next cursor and the keys. */
function scan(cursor: string, ...options: (string | number)[]): [cursor: string, found: string[]] {
  const [next, ...found] = names(client.ask('SCAN', cursor, ...options))
  return [next!, found]
}

/** A whole iteration. */
function scanAll(...options: (string | number)[]): string[] {
  const all: string[] = []
  let cursor = '0'
  do {
    const [next, found] = scan(cursor, ...options)
    all.push(...found)
    cursor = next
  } while (cursor !== '0')
  return all
}

describe('SCAN', () => {
  test('the reply is a cursor and an array, in both protocols', () => {
    expect(client.ask('SCAN', 0)).toBe('*2\r\n$1\r\n0\r\n*0\r\n')
    client.ask('SET', 'a', '1')
    expect(engine.connect(3).ask('SCAN', 0)).toBe('*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n')
  })

  test('COUNT bounds a call, and an iteration returns every key once', () => {
    for (let i = 0; i < 100; i++) client.ask('SET', `k${i}`, 'v')
    expect(scan('0')[1].length).toBe(10)
    expect(scan('0', 'COUNT', 25)[1].length).toBe(25)
    expect(scan('0', 'COUNT', '9223372036854775807')[1].length).toBe(100)
    const all = scanAll('COUNT', 7)
    expect(new Set(all).size).toBe(100)
    expect(all.length).toBe(100)
  })

  test('MATCH and TYPE select; an unknown type is the type of nothing', () => {
    for (const name of ['apple', 'apricot', 'plum']) client.ask('SET', name, 'v')
    expect(scanAll('MATCH', 'ap*').sort()).toEqual(['apple', 'apricot'])
    expect(scanAll('match', '*', 'type', 'STRING').length).toBe(3)
    expect(scanAll('TYPE', 'list')).toEqual([])
    expect(scanAll('TYPE', 'nonsense')).toEqual([])
  })

  test('the empty key is found without a pattern, with * alone, and by no other pattern', () => {
    client.ask('SET', '', 'v')
    expect([scanAll(), scanAll('MATCH', '*'), scanAll('MATCH', '**')]).toEqual([[''], [''], []])
  })

  test('a pattern that matches little does not make a call long', () => {
    for (let i = 0; i < 1000; i++) client.ask('SET', `k${i}`, 'v')
    expect(scan('0', 'MATCH', 'x', 'COUNT', 5)).toEqual(['50', []])
  })

  test('where many keys once were a call passes many entries, but not all', () => {
    for (let i = 0; i < 20_000; i++) client.ask('SET', `k${i}`, 'v')
    for (let i = 0; i < 19_999; i++) client.ask('DEL', `k${i}`)
    const [cursor, found] = scan('0', 'COUNT', 1)
    expect([Number(cursor), found]).toEqual([4196, []])
    expect(scanAll('COUNT', 10)).toEqual(['k19999'])
  })

  test('expired keys are removed, not returned', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    client.ask('SET', 'a', 'v')
    client.ask('SET', 'b', 'v')
    client.ask('PEXPIRE', 'a', 5)
    engine.clock.advance(6)
    engine.journal.take()
    expect(scanAll()).toEqual(['b'])
    expect(engine.journal.take()).toEqual(['0 DEL a'])
    expect(engine.engine.databases[0]!.size).toBe(1)
  })

  test.each([
    [['abc'], 'ERR invalid cursor'],
    [[' 1'], 'ERR invalid cursor'],
    [['1 '], 'ERR invalid cursor'],
    [['+'], 'ERR invalid cursor'],
    [['18446744073709551616'], 'ERR invalid cursor'],
    [['0', 'COUNT'], 'ERR syntax error'],
    [['0', 'COUNT', '0'], 'ERR syntax error'],
    [['0', 'COUNT', '-5'], 'ERR syntax error'],
    [['0', 'COUNT', 'abc'], 'ERR value is not an integer or out of range'],
    [['0', 'MATCH'], 'ERR syntax error'],
    [['0', 'FOO', 'bar'], 'ERR syntax error'],
    [['abc', 'COUNT'], 'ERR invalid cursor'],
  ])('SCAN %j is refused: %s', (words, error) => {
    expect(client.ask('SCAN', ...words)).toBe(`-${error}\r\n`)
  })

  test.each(['18446744073709551615', '-1', '99999999999'])('a cursor beyond the end (%s) is the end', (cursor) => {
    client.ask('SET', 'a', 'v')
    expect(scan(cursor)).toEqual(['0', []])
  })

  test.each(['', '+0', '-0', '000'])('%j is the beginning', (cursor) => {
    client.ask('SET', 'a', 'v')
    expect(scan(cursor)).toEqual(['0', ['a']])
  })

  test('a key that stays through an iteration is returned once, whichever keys come and go', () => {
    const change = fc.record({ set: fc.boolean(), name: fc.nat(100) })
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 20 }), { maxLength: 20 }), fc.nat(20), (bursts, count) => {
        engine = createEngine()
        client = engine.connect()
        for (let i = 0; i < 60; i++) client.ask('SET', `stays:${i}`, 'v')
        const met: string[] = []
        let cursor = '0'
        let call = 0
        do {
          const [next, found] = scan(cursor, 'COUNT', count + 1)
          met.push(...found)
          cursor = next
          for (const { set, name } of bursts[call] ?? [])
            client.ask(...(set ? ['SET', `k${name}`, 'v'] : ['DEL', `k${name}`]))
          call++
        } while (cursor !== '0')
        const staying = met.filter((name) => name.startsWith('stays:'))
        expect(staying.length).toBe(60)
        expect(new Set(staying).size).toBe(60)
      }),
      { numRuns: 30 },
    )
  })
})

describe('KEYS', () => {
  test('returns what matches, byte for byte', () => {
    for (const name of ['apple', 'apricot', '', 'a\xff\0']) client.ask('SET', name, 'v')
    expect(names(client.ask('KEYS', 'ap*')).sort()).toEqual(['apple', 'apricot'])
    expect(names(client.ask('KEYS', '*')).length).toBe(4)
    expect(names(client.ask('KEYS', 'a\xff?'))).toEqual(['a\xff\0'])
    expect(client.ask('KEYS', 'x')).toBe('*0\r\n')
  })

  test('returns thousands', () => {
    for (let i = 0; i < 5000; i++) client.ask('SET', `k${i}`, 'v')
    const found = names(client.ask('KEYS', 'k*'))
    expect(new Set(found).size).toBe(5000)
  })

  test('does not show expired keys, and leaves removing them to others', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    client.ask('SET', 'a', 'v')
    client.ask('PEXPIRE', 'a', 5)
    engine.clock.advance(6)
    expect(client.ask('KEYS', '*')).toBe('*0\r\n')
    expect(engine.engine.databases[0]!.size).toBe(1)
  })
})

describe('RANDOMKEY', () => {
  test('is nil where there is none', () => {
    expect([client.ask('RANDOMKEY'), engine.connect(3).ask('RANDOMKEY')]).toEqual(['$-1\r\n', '_\r\n'])
  })

  test('returns each key sooner or later, but no expired one', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    for (let i = 0; i < 10; i++) client.ask('SET', `k${i}`, 'v')
    client.ask('PEXPIRE', 'k0', 5)
    engine.clock.advance(6)
    const met = new Set<string>()
    for (let i = 0; i < 300; i++) met.add(names(client.ask('RANDOMKEY'))[0]!)
    expect(met.size).toBe(9)
    expect(met.has('k0')).toBe(false)
  })

  test('is nil where all have expired, and they are gone then', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    for (let i = 0; i < 10; i++) {
      client.ask('SET', `k${i}`, 'v')
      client.ask('PEXPIRE', `k${i}`, 5)
    }
    engine.clock.advance(6)
    expect(client.ask('RANDOMKEY')).toBe('$-1\r\n')
    expect(engine.engine.databases[0]!.size).toBe(0)
  })
})

test.each([['KEYS', '*'], ['SCAN', '0'], ['RANDOMKEY']])(
  '%s waits for every change to be durable under appendfsync always',
  (...words) => {
    engine.journal.waits = true
    const reader = engine.connect()
    client.ask('SET', 'a', 'v')
    expect(reader.ask(...words)).toBe('')
    engine.journal.progress()
    expect(reader.received()).toContain('$1\r\na\r\n')
  },
)
