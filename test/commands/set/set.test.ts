import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from '../generic/listen.ts'

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n'
const SYNTAX = '-ERR syntax error\r\n'
const NOT_INTEGER = '-ERR value is not an integer or out of range\r\n'

let engine: TestEngine
let two: TestClient
let three: TestClient

beforeEach(() => {
  engine = createEngine()
  two = engine.connect(2)
  three = engine.connect(3)
})

/** Makes a set and forgets its journal line. */
function make(key: string, ...members: (string | number)[]): void {
  two.ask('DEL', key)
  two.ask('SADD', key, ...members)
  engine.journal.take()
}

/** The members as a reply tells them, in its order. */
function bulks(reply: string): string[] {
  return [...reply.matchAll(/\$\d+\r\n(.*?)\r\n/gs)].map((match) => match[1]!)
}

const members = (key: string): string[] => bulks(two.ask('SMEMBERS', key))
const encoding = (key: string): string => bulks(two.ask('OBJECT', 'ENCODING', key))[0] ?? 'none'
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)

describe('adding and removing', () => {
  test('SADD replies how many are new, and is journaled when any is', () => {
    expect(two.ask('SADD', 'k', 'b', 'a', 'b')).toBe(':2\r\n')
    expect(two.ask('SADD', 'k', 'a')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual(['0 SADD k b a b'])
    expect(two.ask('SCARD', 'k')).toBe(':2\r\n')
    expect(two.ask('SMEMBERS', 'k')).toBe('*2\r\n$1\r\nb\r\n$1\r\na\r\n')
    expect(three.ask('SMEMBERS', 'k')).toBe('~2\r\n$1\r\nb\r\n$1\r\na\r\n')
  })

  test('integers stand in ascending order, over all 64 bits', () => {
    make('k', 5, -1, '9223372036854775807', '-9223372036854775808', 70000, 0)
    expect(members('k')).toEqual(['-9223372036854775808', '-1', '0', '5', '70000', '9223372036854775807'])
  })

  test('SREM removes the key with its last member', () => {
    make('k', 'a', 'b', 'c')
    const events = listen(engine)
    expect(two.ask('SREM', 'k', 'a', 'x')).toBe(':1\r\n')
    expect(two.ask('SREM', 'k', 'x')).toBe(':0\r\n')
    expect(two.ask('SREM', 'k', 'c', 'b', 'b')).toBe(':2\r\n')
    expect(two.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(two.ask('SREM', 'k', 'a')).toBe(':0\r\n')
    expect(events()).toEqual(['0 srem k', '0 srem k', '0 del k'])
    expect(engine.journal.take()).toEqual(['0 SREM k a x', '0 SREM k c b b'])
  })

  test('a member may be any bytes, or too long for a block', () => {
    const long = 'x'.repeat(100_000)
    make('k', '', '\x00\xff\r\n', long)
    for (const member of ['', '\x00\xff\r\n', long]) expect(two.ask('SISMEMBER', 'k', member)).toBe(':1\r\n')
    expect(two.ask('SREM', 'k', long)).toBe(':1\r\n')
    expect(two.ask('SCARD', 'k')).toBe(':2\r\n')
  })

  test('SISMEMBER and SMISMEMBER tell what is there', () => {
    make('k', 'a', 'b')
    expect(two.ask('SISMEMBER', 'k', 'a')).toBe(':1\r\n')
    expect(two.ask('SISMEMBER', 'none', 'a')).toBe(':0\r\n')
    expect(two.ask('SMISMEMBER', 'k', 'a', 'x', 'b')).toBe('*3\r\n:1\r\n:0\r\n:1\r\n')
    expect(two.ask('SMISMEMBER', 'none', 'a', 'b')).toBe('*2\r\n:0\r\n:0\r\n')
  })

  test('a value of another type is an error, and a missing key an empty set', () => {
    two.ask('SET', 's', 'v')
    for (const command of [
      ['SADD', 's', 'a'], ['SREM', 's', 'a'], ['SCARD', 's'], ['SMEMBERS', 's'], ['SISMEMBER', 's', 'a'], ['SMISMEMBER', 's', 'a'], ['SPOP', 's'],
      ['SPOP', 's', '1'], ['SRANDMEMBER', 's'], ['SSCAN', 's', '0'], ['SINTER', 's'], ['SUNION', 'none', 's'], ['SDIFF', 'none', 's'], ['SINTER', 'none', 's'],
      ['SINTERCARD', '2', 'none', 's'], ['SUNIONSTORE', 'd', 's'],
    ]) expect(two.ask(...command), command.join(' ')).toBe(WRONG_TYPE) // biome-ignore format: a table
    expect(two.ask('SCARD', 'none')).toBe(':0\r\n')
    expect(three.ask('SMEMBERS', 'none')).toBe('~0\r\n')
  })
})

describe('encodings', () => {
  test('follow the limits at every threshold', () => {
    make('ints', ...numbers(0, 512))
    make('more', ...numbers(0, 511), 5000)
    expect([encoding('ints'), encoding('more')]).toEqual(['intset', 'intset'])
    two.ask('SADD', 'ints', 'x'.repeat(3))
    two.ask('SADD', 'more', 512)
    expect([encoding('ints'), encoding('more')]).toEqual(['hashtable', 'hashtable'])
    make('small', 'a', ...numbers(0, 127))
    expect(encoding('small')).toBe('listpack')
    two.ask('SADD', 'small', 'b')
    expect(encoding('small')).toBe('hashtable')
    make('long', 'x'.repeat(64))
    expect(encoding('long')).toBe('listpack')
    two.ask('SADD', 'long', 'x'.repeat(65))
    expect(encoding('long')).toBe('hashtable')
  })

  test('are chosen by how many members come at once', () => {
    make('ints', ...numbers(0, 513))
    make('same', ...Array.from({ length: 129 }, () => 'a'))
    expect([encoding('ints'), encoding('same')]).toEqual(['hashtable', 'hashtable'])
    make('k', 'a')
    two.ask('SADD', 'k', ...Array.from({ length: 129 }, () => 'a'))
    expect(encoding('k')).toBe('hashtable')
  })

  test('follow the settings as they are', () => {
    two.ask(
      'CONFIG',
      'SET',
      'set-max-intset-entries',
      '2',
      'set-max-listpack-entries',
      '3',
      'set-max-listpack-value',
      '5',
    )
    make('k', 1, 2)
    expect(encoding('k')).toBe('intset')
    two.ask('SADD', 'k', 'a')
    expect(encoding('k')).toBe('listpack')
    two.ask('SADD', 'k', 'b')
    expect(encoding('k')).toBe('hashtable')
    make('v', 'abcde')
    expect(encoding('v')).toBe('listpack')
    make('v', 'abcdef')
    expect(encoding('v')).toBe('hashtable')
  })
})

describe('SMOVE', () => {
  test('takes a member from one set to the other', () => {
    make('a', 'x', 'y')
    make('b', 'z')
    const events = listen(engine)
    expect(two.ask('SMOVE', 'a', 'b', 'x')).toBe(':1\r\n')
    expect([members('a'), members('b')]).toEqual([['y'], ['z', 'x']])
    expect(events()).toEqual(['0 srem a', '0 sadd b'])
    expect(engine.journal.take()).toEqual(['0 SMOVE a b x'])
  })

  test('adds nothing that is there already, and removes an empty source', () => {
    make('a', 'x')
    make('b', 'x')
    const events = listen(engine)
    expect(two.ask('SMOVE', 'a', 'b', 'x')).toBe(':1\r\n')
    expect(two.ask('EXISTS', 'a')).toBe(':0\r\n')
    expect(events()).toEqual(['0 srem a', '0 del a'])
  })

  test('creates the destination', () => {
    make('a', '1', 'x')
    expect(two.ask('SMOVE', 'a', 'b', '1')).toBe(':1\r\n')
    expect(encoding('b')).toBe('intset')
  })

  test('does nothing without the member, or onto the same set', () => {
    make('a', 'x')
    two.ask('SET', 's', 'v')
    engine.journal.take()
    expect(two.ask('SMOVE', 'a', 'b', 'no')).toBe(':0\r\n')
    expect(two.ask('SMOVE', 'a', 'a', 'x')).toBe(':1\r\n')
    expect(two.ask('SMOVE', 'a', 'a', 'no')).toBe(':0\r\n')
    expect(two.ask('SMOVE', 'none', 's', 'x')).toBe(':0\r\n')
    expect(two.ask('SMOVE', 'a', 's', 'no')).toBe(WRONG_TYPE)
    expect(two.ask('SMOVE', 's', 'a', 'x')).toBe(WRONG_TYPE)
    expect(two.ask('EXISTS', 'b')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual([])
  })
})

describe('SSCAN', () => {
  test('gives a small set at once, and looks at its options only then', () => {
    make('k', 1, 2, 3)
    expect(two.ask('SSCAN', 'k', 0, 'COUNT', 1)).toBe('*2\r\n$1\r\n0\r\n*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n')
    expect(two.ask('SSCAN', 'k', 0, 'MATCH', '[12]')).toBe('*2\r\n$1\r\n0\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n')
    expect(two.ask('SSCAN', 'none', 0, 'NONSENSE')).toBe('*2\r\n$1\r\n0\r\n*0\r\n')
    expect(two.ask('SSCAN', 'k', 0, 'NONSENSE')).toBe(SYNTAX)
    expect(two.ask('SSCAN', 'k', 0, 'COUNT', 0)).toBe(SYNTAX)
    expect(two.ask('SSCAN', 'k', 0, 'COUNT', 'x')).toBe(NOT_INTEGER)
    expect(two.ask('SSCAN', 'none', 'x')).toBe('-ERR invalid cursor\r\n')
  })

  test('walks a large set page by page, while members come and go', () => {
    make('k', ...numbers(0, 1000).map((n) => `m${n}`))
    const seen = new Set<string>()
    let cursor = '0'
    let pages = 0
    do {
      const [next, ...page] = bulks(two.ask('SSCAN', 'k', cursor, 'COUNT', 50))
      cursor = next!
      for (const member of page) seen.add(member)
      two.ask('SREM', 'k', `m${pages}`)
      two.ask('SADD', 'k', `new${pages}`)
      pages++
    } while (cursor !== '0')
    expect(pages).toBe(20)
    for (let i = pages; i < 1000; i++) expect(seen.has(`m${i}`)).toBe(true)
  })
})

describe('intersections', () => {
  test('SINTER keeps the order of the smallest set, of equal ones the first', () => {
    make('ints', 4, 1, 3, 2)
    make('texts', 'x', 3, 'a', 1)
    make('many', ...numbers(0, 600), 'a')
    expect(three.ask('SINTER', 'ints', 'texts')).toBe('~2\r\n$1\r\n1\r\n$1\r\n3\r\n')
    expect(bulks(two.ask('SINTER', 'many', 'texts'))).toEqual(['3', 'a', '1'])
    expect(bulks(two.ask('SINTER', 'many', 'texts', 'ints', 'ints'))).toEqual(['3', '1'])
    expect(two.ask('SINTER', 'ints', 'none')).toBe('*0\r\n')
    expect(two.ask('SINTER', 'ints')).toBe(two.ask('SMEMBERS', 'ints'))
  })

  test('SINTER of sets larger than a batch misses no member', () => {
    make('a', ...numbers(0, 5000).map((n) => `m${n}`))
    make('b', ...numbers(2500, 5000).map((n) => `m${n}`))
    make(
      'c',
      ...numbers(0, 7000)
        .filter((n) => n % 2 === 0)
        .map((n) => `m${n}`),
    )
    const expected = numbers(2500, 2500).filter((n) => n % 2 === 0)
    expect(new Set(bulks(two.ask('SINTER', 'a', 'b', 'c')))).toEqual(new Set(expected.map((n) => `m${n}`)))
    expect(two.ask('SINTERCARD', 3, 'a', 'b', 'c')).toBe(`:${expected.length}\r\n`)
    expect(two.ask('SINTERCARD', 3, 'a', 'b', 'c', 'LIMIT', 1100)).toBe(':1100\r\n')
  })

  test('SINTERCARD counts up to a limit', () => {
    make('a', 1, 2, 3)
    make('b', 2, 3, 4)
    expect(two.ask('SINTERCARD', 2, 'a', 'b')).toBe(':2\r\n')
    expect(two.ask('SINTERCARD', 2, 'a', 'b', 'LIMIT', 1)).toBe(':1\r\n')
    expect(two.ask('SINTERCARD', 2, 'a', 'b', 'LIMIT', 0)).toBe(':2\r\n')
    expect(two.ask('SINTERCARD', 2, 'a', 'none')).toBe(':0\r\n')
    expect(two.ask('SINTERCARD', 0, 'a')).toBe('-ERR numkeys should be greater than 0\r\n')
    expect(two.ask('SINTERCARD', 3, 'a', 'b')).toBe("-ERR Number of keys can't be greater than number of args\r\n")
    expect(two.ask('SINTERCARD', 1, 'a', 'LIMIT', -1)).toBe("-ERR LIMIT can't be negative\r\n")
    expect(two.ask('SINTERCARD', 1, 'a', 'LIMIT')).toBe(SYNTAX)
    expect(two.ask('SINTERCARD', 1, 'a', 'b')).toBe(SYNTAX)
  })

  test('SINTERSTORE makes an intset of integers, wherever they came from', () => {
    make('a', 'x', ...numbers(0, 600))
    make('b', 'y', ...numbers(300, 600))
    make('c', 'y', 1, 2)
    const events = listen(engine)
    expect(two.ask('SINTERSTORE', 'd', 'a', 'b')).toBe(':300\r\n')
    expect(encoding('d')).toBe('intset')
    expect(members('d')).toEqual(numbers(300, 300).map(String))
    expect(two.ask('SINTERSTORE', 'd', 'b', 'c')).toBe(':1\r\n')
    expect(encoding('d')).toBe('listpack')
    expect(two.ask('SINTERSTORE', 'd', 'a', 'none')).toBe(':0\r\n')
    expect(two.ask('SINTERSTORE', 'd', 'a', 'none')).toBe(':0\r\n')
    expect(events()).toEqual(['0 new d', '0 sinterstore d', '0 sinterstore d', '0 del d'])
    expect(engine.journal.take()).toEqual(['0 SINTERSTORE d a b', '0 SINTERSTORE d b c', '0 SINTERSTORE d a none'])
  })
})

describe('unions and differences', () => {
  test('SUNION of integers is in order', () => {
    make('a', 5, 1)
    make('b', 3, 1)
    expect(three.ask('SUNION', 'a', 'none', 'b')).toBe('~3\r\n$1\r\n1\r\n$1\r\n3\r\n$1\r\n5\r\n')
    make('c', 'x', 5)
    expect(bulks(two.ask('SUNION', 'a', 'b', 'c')).sort()).toEqual(['1', '3', '5', 'x'])
    expect(two.ask('SUNION', 'none')).toBe('*0\r\n')
  })

  test('SUNIONSTORE may store over one of its sets, dropping the expiry', () => {
    make('a', 1, 2)
    make('b', 'x')
    two.ask('EXPIRE', 'a', 100)
    const events = listen(engine)
    expect(two.ask('SUNIONSTORE', 'a', 'a', 'b')).toBe(':3\r\n')
    expect(members('a')).toEqual(['1', '2', 'x'])
    expect([encoding('a'), two.ask('TTL', 'a')]).toEqual(['listpack', ':-1\r\n'])
    expect(events()).toEqual(['0 sunionstore a'])
    two.ask('SET', 's', 'v')
    expect(two.ask('SUNIONSTORE', 's', 'b')).toBe(':1\r\n')
    expect(two.ask('TYPE', 's')).toBe('+set\r\n')
  })

  test('SUNIONSTORE of sets that make a table of a set of integers loses none of them', () => {
    make('a', ...numbers(0, 512))
    make('b', -2)
    expect(two.ask('SUNIONSTORE', 'd', 'a', 'b')).toBe(':513\r\n')
    expect(two.ask('SISMEMBER', 'd', -2)).toBe(':1\r\n')
    expect(two.ask('SUNION', 'd', 'b').startsWith('*513\r\n')).toBe(true)
  })

  test('SDIFF keeps the order of the first set, by either of its ways', () => {
    make('a', 9, 1, 2, 3)
    make('b', 1, 2)
    expect(three.ask('SDIFF', 'a', 'b')).toBe('~2\r\n$1\r\n3\r\n$1\r\n9\r\n')
    // Many small sets: they are removed from a copy.
    make('one', 1)
    make('two', 2)
    make('three', 3)
    expect(bulks(two.ask('SDIFF', 'a', 'one', 'two', 'three', 'one', 'two'))).toEqual(['9'])
    expect(two.ask('SDIFF', 'a', 'b', 'a')).toBe('*0\r\n')
    expect(two.ask('SDIFF', 'none', 'a')).toBe('*0\r\n')
    expect(two.ask('SDIFF', 'a', 'none')).toBe(two.ask('SMEMBERS', 'a'))
  })

  test('SDIFFSTORE encodes the rest as Redis does, which depends on the way it was found', () => {
    make('a', ...numbers(0, 600))
    make('b', ...numbers(10, 590))
    expect(two.ask('SDIFFSTORE', 'd', 'a', 'b')).toBe(':10\r\n')
    expect(encoding('d')).toBe('intset')
    for (const i of numbers(0, 5)) make(`s${i}`, i)
    expect(two.ask('SDIFFSTORE', 'd', 'a', 's0', 's1', 's2', 's3', 's4')).toBe(':595\r\n')
    expect(encoding('d')).toBe('hashtable')
    const events = listen(engine)
    expect(two.ask('SDIFFSTORE', 'd', 'a', 'a')).toBe(':0\r\n')
    expect(events()).toEqual(['0 del d'])
  })

  test('leave nothing of their own behind', () => {
    make('a', ...numbers(0, 400), 'x')
    make('b', ...numbers(200, 400), 'y')
    const { arena } = engine.engine.databases[0]!
    const used = arena.usedBytes
    for (const command of ['SUNION', 'SDIFF', 'SINTER']) two.ask(command, 'a', 'b', 'b', 'b')
    two.ask('SINTERSTORE', 'd', 'a', 'none')
    two.ask('SDIFFSTORE', 'd', 'a', 'a')
    engine.clock.advance(0)
    expect(arena.usedBytes).toBe(used)
  })
})
