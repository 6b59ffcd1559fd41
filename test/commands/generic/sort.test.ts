import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from './listen.ts'

const SYNTAX = '-ERR syntax error\r\n'
const NOT_DOUBLE = "-ERR One or more scores can't be converted into double\r\n"

let engine: TestEngine
let two: TestClient
let three: TestClient

beforeEach(() => {
  engine = createEngine()
  two = engine.connect(2)
  three = engine.connect(3)
  two.ask('RPUSH', 'l', 3, 1, 2, 10)
  two.ask('ZADD', 'z', 3, 'a', 1, 'b', 2, 'c')
  two.ask('MSET', 'w_1', 10, 'w_2', 5, 'w_3', 7, 'w_10', 1)
  for (const [i, age] of [3, 1, 2].entries()) two.ask('HSET', `h_${i + 1}`, 'age', age)
  engine.journal.take()
})

/** The elements of a reply; nil as `nil`. */
const elements = (reply: string): string =>
  [...reply.matchAll(/\$-1\r\n|\$\d+\r\n(.*?)\r\n/gs)].map((match) => match[1] ?? 'nil').join(' ')
const sort = (...words: (string | number)[]): string => elements(two.ask('SORT', ...words))

describe('SORT', () => {
  test('sorts by number, or by bytes with ALPHA, in either direction', () => {
    expect(two.ask('SORT', 'l')).toBe('*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$2\r\n10\r\n')
    expect(sort('l', 'DESC')).toBe('10 3 2 1')
    expect(sort('l', 'ALPHA')).toBe('1 10 2 3')
    expect(sort('l', 'alpha', 'desc')).toBe('3 2 10 1')
    expect(sort('l', 'DESC', 'ASC')).toBe('1 2 3 10')
    expect(two.ask('SORT', 'none')).toBe('*0\r\n')
    expect(two.ask('SORT_RO', 'l')).toBe(two.ask('SORT', 'l'))
  })

  test('ALPHA compares bytes up to a NUL, all of them where the result is stored', () => {
    const word = fc
      .tuple(fc.constantFrom('', 'same beginning', '\0'), fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\xff') }))
      .map((parts) => parts.join(''))
    const shared = fc.tuple(fc.constantFrom('', 'member:', 'x\0y'), fc.array(word, { minLength: 1, maxLength: 60 }))
    const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
    const untilNul = (text: string): string => text.split('\0')[0]!
    fc.assert(
      fc.property(shared, fc.constantFrom(1, -1), ([beginning, ends], sign) => {
        const words = ends.map((end) => beginning + end)
        const order = sign === 1 ? 'ASC' : 'DESC'
        two.ask('DEL', 'words')
        two.ask('RPUSH', 'words', ...words)
        const reply = (expected: string[]): string =>
          `*${expected.length}\r\n${expected.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`
        const expected = [...words].sort((a, b) => sign * compare(untilNul(a), untilNul(b)))
        expect(two.ask('SORT', 'words', 'ALPHA', order)).toBe(reply(expected))
        two.ask('SORT', 'words', 'ALPHA', order, 'STORE', 'd')
        expect(two.ask('LRANGE', 'd', 0, -1)).toBe(reply([...words].sort((a, b) => sign * compare(a, b))))
      }),
    )
  })

  test('puts numbers that are equal in the order of their bytes', () => {
    two.ask('RPUSH', 'equal', '1', '01', '1.0', '+1', '0', '-0', 'inf', 'Infinity', '1e0')
    expect(sort('equal')).toBe('-0 0 +1 01 1 1.0 1e0 Infinity inf')
    expect(sort('equal', 'DESC')).toBe('inf Infinity 1e0 1.0 1 01 +1 0 -0')
  })

  test('sorts sets and sorted sets', () => {
    two.ask('SADD', 's', 5, 3, 9, 1, 'c')
    expect(two.ask('SORT', 's')).toBe(NOT_DOUBLE)
    expect(sort('s', 'ALPHA')).toBe('1 3 5 9 c')
    two.ask('SREM', 's', 'c')
    expect(sort('s')).toBe('1 3 5 9')
    expect(sort('z', 'ALPHA', 'DESC')).toBe('c b a')
    two.ask('SADD', 'many', ...Array.from({ length: 300 }, (_, i) => 299 - i))
    expect(sort('many')).toBe(Array.from({ length: 300 }, (_, i) => i).join(' '))
  })

  test('LIMIT takes a part, whatever the numbers', () => {
    expect(sort('l', 'LIMIT', 1, 2)).toBe('2 3')
    expect(sort('l', 'LIMIT', -1, 2)).toBe('1 2')
    expect(sort('l', 'LIMIT', 1, -1)).toBe('2 3 10')
    expect(sort('l', 'LIMIT', 0, 0)).toBe('')
    expect(sort('l', 'LIMIT', 100, 1)).toBe('')
    expect(sort('l', 'LIMIT', 1, '9223372036854775807')).toBe('2 3 10')
    expect(two.ask('SORT', 'l', 'LIMIT', 'x', 1)).toBe('-ERR value is not an integer or out of range\r\n')
  })

  test('reads numbers as C does', () => {
    two.ask('RPUSH', 'n', '0x10', ' 2', '', '-inf', '1e3', '5\x00x', 'inf', '-0')
    expect(sort('n')).toBe('-inf  -0  2 5\x00x 0x10 1e3 inf')
    for (const bad of ['abc', 'nan', '1x', '1e400', '1e-400', ' ', '1 ']) {
      two.ask('DEL', 'bad')
      two.ask('RPUSH', 'bad', 1, bad)
      expect(two.ask('SORT', 'bad'), bad).toBe(NOT_DOUBLE)
    }
  })

  test('puts equal numbers in the order of their bytes', () => {
    two.ask('RPUSH', 'n', '1.0', '1', '01', '1.00')
    expect(sort('n')).toBe('01 1 1.0 1.00')
    expect(sort('n', 'DESC')).toBe('1.00 1.0 1 01')
  })

  test('compares bytes up to a NUL, and all of them when it stores', () => {
    two.ask('RPUSH', 'n', 'a\x00b', 'a\x00a', 'a')
    expect(sort('n', 'ALPHA')).toBe('a\x00b a\x00a a')
    two.ask('SORT', 'n', 'ALPHA', 'STORE', 'd')
    expect(elements(two.ask('LRANGE', 'd', 0, -1))).toBe('a a\x00a a\x00b')
  })

  test('wants lists, sets and sorted sets, and its options in order', () => {
    expect(two.ask('SORT', 'w_1')).toBe('-WRONGTYPE Operation against a key holding the wrong kind of value\r\n')
    expect(two.ask('SORT', 'w_1', 'BY')).toBe(SYNTAX)
    for (const words of [['BY'], ['GET'], ['STORE'], ['LIMIT', '1'], ['UP']]) {
      expect(two.ask('SORT', 'l', ...words)).toBe(SYNTAX)
    }
    expect(two.ask('SORT_RO', 'l', 'STORE', 'd')).toBe(SYNTAX)
  })
})

describe('BY', () => {
  test('weighs elements by other keys and fields of hashes; what has none weighs 0', () => {
    expect(sort('l', 'BY', 'w_*')).toBe('10 2 3 1')
    expect(sort('l', 'BY', 'h_*->age')).toBe('10 2 3 1')
    expect(sort('l', 'BY', 'w_*', 'DESC')).toBe('1 3 2 10')
    expect(sort('l', 'BY', 'no_*')).toBe('1 10 2 3')
    expect(sort('l', 'BY', 'h_*')).toBe('1 10 2 3')
    two.ask('SET', 'w_3', 'x')
    expect(two.ask('SORT', 'l', 'BY', 'w_*')).toBe(NOT_DOUBLE)
    expect(sort('l', 'BY', 'w_*', 'ALPHA')).toBe('10 1 2 3')
    expect(sort('l', 'BY', 'no_*', 'ALPHA')).toBe('3 1 2 10')
  })

  test('without a star sorts nothing, once it was said', () => {
    expect(sort('l', 'BY', 'nosort')).toBe('3 1 2 10')
    expect(sort('l', 'BY', 'nosort', 'DESC', 'LIMIT', 1, 2)).toBe('2 1')
    expect(sort('l', 'BY', 'nosort', 'BY', 'w_*')).toBe('3 1 2 10')
    expect(sort('z', 'BY', 'nosort')).toBe('b c a')
    expect(sort('z', 'BY', 'nosort', 'DESC', 'LIMIT', 0, 2)).toBe('a c')
    expect(sort('z', 'BY', 'nosort', 'LIMIT', 5, 5)).toBe('')
  })

  test('without a star sorts a set all the same when the result is stored', () => {
    two.ask('SADD', 's', 'b', 10, 'a', 9)
    expect(sort('s', 'BY', 'nosort')).toBe('b 10 a 9')
    expect(two.ask('SORT', 's', 'BY', 'nosort', 'STORE', 'd')).toBe(':4\r\n')
    expect(elements(two.ask('LRANGE', 'd', 0, -1))).toBe('10 9 a b')
  })

  test('a key whose time is up weighs nothing', () => {
    two.ask('PEXPIRE', 'w_1', 10)
    engine.clock.advance(5)
    expect(sort('l', 'BY', 'w_*')).toBe('10 2 3 1')
    two.ask('CONFIG', 'SET', 'active-expire-enabled', 'no')
    engine.clock.advance(20)
    expect(sort('l', 'BY', 'w_*')).toBe('1 10 2 3')
  })
})

describe('GET', () => {
  test('replies what patterns name, in turn for each element', () => {
    expect(sort('l', 'GET', '#', 'GET', 'w_*', 'GET', 'h_*->age', 'LIMIT', 2, 2)).toBe('3 7 2 10 1 nil')
    expect(sort('l', 'GET', 'w_1', 'LIMIT', 0, 1)).toBe('nil')
    expect(sort('l', 'GET', 'h_*', 'GET', 'w_*->age', 'GET', 'h_*->', 'LIMIT', 0, 1)).toBe('nil nil nil')
    expect(three.ask('SORT', 'l', 'GET', 'no_*', 'LIMIT', 0, 1)).toBe('*1\r\n_\r\n')
  })

  test('reads a pattern as C text', () => {
    two.ask('SET', 'p_1\x00->age', 'v')
    expect(sort('l', 'GET', 'p_*\x00->age', 'LIMIT', 0, 1)).toBe('v')
    expect(sort('l', 'GET', 'p_\x00*', 'LIMIT', 0, 1)).toBe('nil')
  })
})

describe('STORE', () => {
  test('makes a list, in which what was not found is empty', () => {
    const events = listen(engine)
    expect(two.ask('SORT', 'l', 'GET', '#', 'GET', 'no_*', 'STORE', 'd')).toBe(':8\r\n')
    expect(elements(two.ask('LRANGE', 'd', 0, -1))).toBe('1  2  3  10 ')
    expect(two.ask('OBJECT', 'ENCODING', 'd')).toBe('$8\r\nlistpack\r\n')
    expect(two.ask('SORT', 'l', 'DESC', 'STORE', 'l')).toBe(':4\r\n')
    expect(elements(two.ask('LRANGE', 'l', 0, -1))).toBe('10 3 2 1')
    expect(events()).toEqual(['0 new d', '0 sortstore d', '0 sortstore l'])
    expect(engine.journal.take()).toEqual(['0 SORT l GET # GET no_* STORE d', '0 SORT l DESC STORE l'])
  })

  test('of nothing removes the destination', () => {
    two.ask('SET', 'd', 'v')
    const events = listen(engine)
    engine.journal.take()
    expect(two.ask('SORT', 'none', 'STORE', 'd')).toBe(':0\r\n')
    expect(two.ask('SORT', 'none', 'STORE', 'd')).toBe(':0\r\n')
    expect(events()).toEqual(['0 del d'])
    expect(engine.journal.take()).toEqual(['0 SORT none STORE d'])
  })

  test('of a long result makes a quicklist', () => {
    two.ask('RPUSH', 'long', ...Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(1000, 'x')))
    expect(two.ask('SORT', 'long', 'ALPHA', 'STORE', 'd')).toBe(':20\r\n')
    expect(two.ask('OBJECT', 'ENCODING', 'd')).toBe('$9\r\nquicklist\r\n')
  })

  test('of a set with equal weights is in the order of its members, so that a replay agrees', () => {
    two.ask('SADD', 's', 'c', 'a', 'b')
    two.ask('SORT', 's', 'BY', 'no_*', 'ALPHA', 'STORE', 'd')
    expect(elements(two.ask('LRANGE', 'd', 0, -1))).toBe('a b c')
  })

  test('names a key that COMMAND GETKEYS knows', () => {
    expect(elements(two.ask('COMMAND', 'GETKEYS', 'SORT', 'l', 'GET', 'STORE', 'STORE', 'a', 'STORE', 'b'))).toBe('l b')
    expect(elements(two.ask('COMMAND', 'GETKEYS', 'SORT', 'l', 'BY', 'STORE'))).toBe('l')
    expect(elements(two.ask('COMMAND', 'GETKEYS', 'SORT_RO', 'l', 'STORE', 'a'))).toBe('l')
  })
})

test('SORT makes a skiplist of a sorted set, as Redis does', () => {
  expect(two.ask('OBJECT', 'ENCODING', 'z')).toBe('$8\r\nlistpack\r\n')
  two.ask('SORT_RO', 'z', 'BY', 'nosort')
  expect(two.ask('OBJECT', 'ENCODING', 'z')).toBe('$8\r\nskiplist\r\n')
})
