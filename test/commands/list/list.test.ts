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

/** Makes a list of single characters. */
function make(key: string, elements: string): void {
  two.ask('LTRIM', key, 1, 0)
  two.ask('RPUSH', key, ...elements)
  engine.journal.take()
}

/** The elements of a list of single characters. */
function content(key: string): string {
  return [...two.ask('LRANGE', key, 0, -1).matchAll(/\$1\r\n(.)\r\n/g)].map((match) => match[1]).join('')
}

describe('pushing', () => {
  test('LPUSH leaves the last element at the head, RPUSH at the tail; both reply with the length', () => {
    expect(two.ask('LPUSH', 'k', 'a', 'b', 'c')).toBe(':3\r\n')
    expect(two.ask('RPUSH', 'k', 'x', 'y')).toBe(':5\r\n')
    expect(content('k')).toBe('cbaxy')
    expect(engine.journal.take()).toEqual(['0 LPUSH k a b c', '0 RPUSH k x y'])
  })

  test('LPUSHX and RPUSHX do nothing without a list', () => {
    expect(two.ask('LPUSHX', 'k', 'a')).toBe(':0\r\n')
    expect(two.ask('RPUSHX', 'k', 'a')).toBe(':0\r\n')
    expect(two.ask('LLEN', 'k')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual([])
    make('k', 'm')
    expect(two.ask('LPUSHX', 'k', 'a')).toBe(':2\r\n')
    expect(two.ask('RPUSHX', 'k', 'z')).toBe(':3\r\n')
    expect(content('k')).toBe('amz')
  })

  test('elements hold any bytes', () => {
    const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))
    two.ask('RPUSH', 'k', bytes, '')
    expect(two.ask('LRANGE', 'k', 0, -1)).toBe(`*2\r\n$256\r\n${bytes}\r\n$0\r\n\r\n`)
  })
})

describe('popping', () => {
  test('LPOP and RPOP answer one element without a count and an array with one', () => {
    make('k', 'abcdef')
    expect(two.ask('LPOP', 'k')).toBe('$1\r\na\r\n')
    expect(two.ask('RPOP', 'k')).toBe('$1\r\nf\r\n')
    expect(two.ask('LPOP', 'k', 1)).toBe('*1\r\n$1\r\nb\r\n')
    expect(two.ask('RPOP', 'k', 9)).toBe('*3\r\n$1\r\ne\r\n$1\r\nd\r\n$1\r\nc\r\n')
    expect(engine.journal.take()).toEqual(['0 LPOP k', '0 RPOP k', '0 LPOP k 1', '0 RPOP k 9'])
  })

  test('the absent key is answered in the shape that was asked for', () => {
    expect(two.ask('LPOP', 'none')).toBe('$-1\r\n')
    expect(two.ask('LPOP', 'none', 2)).toBe('*-1\r\n')
    expect(two.ask('LPOP', 'none', 0)).toBe('*-1\r\n')
    expect(three.ask('RPOP', 'none')).toBe('_\r\n')
    expect(three.ask('RPOP', 'none', 2)).toBe('_\r\n')
  })

  test('a count of 0 changes nothing', () => {
    make('k', 'a')
    const events = listen(engine)
    expect(two.ask('LPOP', 'k', 0)).toBe('*0\r\n')
    expect(events()).toEqual([])
    expect(engine.journal.take()).toEqual([])
  })

  test('bad counts are refused before the key is looked at', () => {
    two.ask('SET', 's', 'x')
    const error = '-ERR value is out of range, must be positive\r\n'
    for (const count of ['-1', 'x', '', '99999999999999999999']) expect(two.ask('LPOP', 's', count)).toBe(error)
    expect(two.ask('RPOP', 'k', 1, 2)).toBe("-ERR wrong number of arguments for 'rpop' command\r\n")
  })
})

describe('LMPOP', () => {
  test('takes from the first list that has elements, and is journaled as a pop of what went', () => {
    make('k', 'abc')
    expect(two.ask('LMPOP', 2, 'none', 'k', 'LEFT')).toBe('*2\r\n$1\r\nk\r\n*1\r\n$1\r\na\r\n')
    expect(three.ask('lmpop', 1, 'k', 'right', 'count', 10)).toBe('*2\r\n$1\r\nk\r\n*2\r\n$1\r\nc\r\n$1\r\nb\r\n')
    expect(engine.journal.take()).toEqual(['0 LPOP k 1', '0 RPOP k 2'])
    expect(two.ask('LMPOP', 1, 'k', 'LEFT')).toBe('*-1\r\n')
    expect(three.ask('LMPOP', 1, 'k', 'LEFT')).toBe('_\r\n')
    expect(engine.journal.take()).toEqual([])
  })

  test.each([
    [['0', 'k', 'LEFT'], '-ERR numkeys should be greater than 0\r\n'],
    [['x', 'k', 'LEFT'], '-ERR numkeys should be greater than 0\r\n'],
    [['2', 'k', 'LEFT'], SYNTAX],
    [['9999999999', 'k', 'LEFT'], SYNTAX],
    [['1', 'k', 'foo'], SYNTAX],
    [['1', 'k', 'LEFT', 'COUNT', '0'], '-ERR count should be greater than 0\r\n'],
    [['1', 'k', 'LEFT', 'COUNT', 'x'], '-ERR count should be greater than 0\r\n'],
    [['1', 'k', 'LEFT', 'COUNT'], SYNTAX],
    [['1', 'k', 'LEFT', 'COUNT', '1', 'COUNT', '2'], SYNTAX],
    [['1', 's', 'LEFT'], WRONG_TYPE],
  ])('%j is refused', (words, error) => {
    two.ask('SET', 's', 'x')
    expect(two.ask('LMPOP', ...words)).toBe(error)
  })
})

describe('moving', () => {
  test.each([
    ['LEFT', 'LEFT', 'bc', 'axy'],
    ['LEFT', 'RIGHT', 'bc', 'xya'],
    ['RIGHT', 'LEFT', 'ab', 'cxy'],
    ['RIGHT', 'RIGHT', 'ab', 'xyc'],
  ])('LMOVE from the %s to the %s', (from, to, source, destination) => {
    make('s', 'abc')
    make('d', 'xy')
    const moved = from === 'LEFT' ? 'a' : 'c'
    expect(two.ask('LMOVE', 's', 'd', from.toLowerCase(), to)).toBe(`$1\r\n${moved}\r\n`)
    expect([content('s'), content('d')]).toEqual([source, destination])
    expect(engine.journal.take()).toEqual([`0 LMOVE s d ${from.toLowerCase()} ${to}`])
  })

  test('within one list an element changes ends', () => {
    make('k', 'abc')
    expect(two.ask('RPOPLPUSH', 'k', 'k')).toBe('$1\r\nc\r\n')
    expect(content('k')).toBe('cab')
    expect(two.ask('LMOVE', 'k', 'k', 'LEFT', 'LEFT')).toBe('$1\r\nc\r\n')
    expect(content('k')).toBe('cab')
    make('one', 'x')
    const events = listen(engine)
    expect(two.ask('LMOVE', 'one', 'one', 'LEFT', 'RIGHT')).toBe('$1\r\nx\r\n')
    expect(events()).toEqual(['0 rpush one', '0 lpop one'])
  })

  test('nothing is looked at in the destination when there is no source, and nothing moves to another type', () => {
    two.ask('SET', 's', 'x')
    expect(two.ask('LMOVE', 'none', 's', 'LEFT', 'LEFT')).toBe('$-1\r\n')
    expect(three.ask('RPOPLPUSH', 'none', 's')).toBe('_\r\n')
    make('k', 'a')
    expect(two.ask('LMOVE', 'k', 's', 'LEFT', 'LEFT')).toBe(WRONG_TYPE)
    expect(two.ask('RPOPLPUSH', 's', 'k')).toBe(WRONG_TYPE)
    expect(content('k')).toBe('a')
    expect(two.ask('LMOVE', 'k', 'd', 'foo', 'LEFT')).toBe(SYNTAX)
    expect(two.ask('LMOVE', 'k', 'd', 'LEFT', 'foo')).toBe(SYNTAX)
    expect(engine.journal.take()).toEqual([])
  })

  test('elements too large for a page move whole', () => {
    const big = 'x'.repeat(200_000)
    two.ask('RPUSH', 'k', big, 'small')
    expect(two.ask('LMOVE', 'k', 'k', 'LEFT', 'RIGHT')).toBe(`$200000\r\n${big}\r\n`)
    expect(two.ask('RPOPLPUSH', 'k', 'd')).toBe(`$200000\r\n${big}\r\n`)
    expect(two.ask('LRANGE', 'd', 0, -1)).toBe(`*1\r\n$200000\r\n${big}\r\n`)
    expect(content('k')).toBe('')
    expect(two.ask('LRANGE', 'k', 0, -1)).toBe('*1\r\n$5\r\nsmall\r\n')
  })
})

describe('reading', () => {
  test('LRANGE clips its bounds', () => {
    make('k', 'abcd')
    const cases: [string | number, string | number, string][] = [
      [0, -1, 'abcd'],
      [1, 2, 'bc'],
      [-2, -1, 'cd'],
      [-100, 1, 'ab'],
      [2, 100, 'cd'],
      [3, 2, ''],
      [4, 9, ''],
      [0, -5, ''],
      ['-9223372036854775808', '9223372036854775807', 'abcd'],
    ]
    for (const [start, stop, expected] of cases) {
      const elements = [...expected].map((element) => `$1\r\n${element}\r\n`).join('')
      expect(two.ask('LRANGE', 'k', start, stop)).toBe(`*${expected.length}\r\n${elements}`)
    }
    expect(two.ask('LRANGE', 'none', 0, -1)).toBe('*0\r\n')
    expect(two.ask('LRANGE', 'none', 'x', -1)).toBe(NOT_INTEGER)
  })

  test('LRANGE writes long ranges across pages', () => {
    const elements = Array.from({ length: 3000 }, (_, i) => `element number ${i}`)
    two.ask('RPUSH', 'k', ...elements)
    const expected = elements.slice(100, 2901).map((element) => `$${element.length}\r\n${element}\r\n`)
    expect(two.ask('LRANGE', 'k', 100, 2900)).toBe(`*2801\r\n${expected.join('')}`)
  })

  test('LINDEX counts from either end', () => {
    make('k', 'abc')
    expect(two.ask('LINDEX', 'k', 0)).toBe('$1\r\na\r\n')
    expect(two.ask('LINDEX', 'k', -1)).toBe('$1\r\nc\r\n')
    expect(two.ask('LINDEX', 'k', 3)).toBe('$-1\r\n')
    expect(three.ask('LINDEX', 'k', -4)).toBe('_\r\n')
    expect(two.ask('LINDEX', 'k', 'x')).toBe(NOT_INTEGER)
    expect(two.ask('LINDEX', 'none', 'x')).toBe('$-1\r\n')
  })

  test('LLEN of no list is 0', () => {
    expect(two.ask('LLEN', 'none')).toBe(':0\r\n')
    make('k', 'abc')
    expect(two.ask('LLEN', 'k')).toBe(':3\r\n')
  })

  test.each([
    'LLEN s',
    'LINDEX s x',
    'LRANGE s 0 1',
    'LPOS s x',
    'LPUSH s a',
    'RPUSHX s a',
    'LPOP s',
    'LPOP s 0',
    'LSET s x y',
    'LREM s 0 x',
    'LTRIM s 0 1',
    'LINSERT s BEFORE a b',
  ])('%s on a string is refused', (line) => {
    two.ask('SET', 's', 'x')
    engine.journal.take()
    expect(two.ask(...line.split(' '))).toBe(WRONG_TYPE)
    expect(engine.journal.take()).toEqual([])
  })
})

describe('editing', () => {
  test('LSET replaces by an index from either end', () => {
    make('k', 'abc')
    expect(two.ask('LSET', 'k', 1, 'X')).toBe('+OK\r\n')
    expect(two.ask('LSET', 'k', -1, 'Y')).toBe('+OK\r\n')
    expect(content('k')).toBe('aXY')
    expect(engine.journal.take()).toEqual(['0 LSET k 1 X', '0 LSET k -1 Y'])
    expect(two.ask('LSET', 'k', 3, 'Z')).toBe('-ERR index out of range\r\n')
    expect(two.ask('LSET', 'k', -4, 'Z')).toBe('-ERR index out of range\r\n')
    expect(engine.journal.take()).toEqual([])
    // 32 bits of the index count: -1, 0, 2^31 - 1 and -2^31 are meant.
    expect(two.ask('LSET', 'k', '9007199254740991', 'last')).toBe('+OK\r\n')
    expect(two.ask('LSET', 'k', '-9223372036854775808', 'first')).toBe('+OK\r\n')
    expect(two.ask('LSET', 'k', 2147483647, 'Z')).toBe('-ERR index out of range\r\n')
    expect(two.ask('LSET', 'k', 2147483648, 'Z')).toBe('-ERR index out of range\r\n')
    expect(two.ask('LINDEX', 'k', 0)).toBe('$5\r\nfirst\r\n')
    expect(two.ask('LINDEX', 'k', -1)).toBe('$4\r\nlast\r\n')
    engine.journal.take()
    expect(two.ask('LSET', 'none', 'x', 'Z')).toBe('-ERR no such key\r\n')
    expect(two.ask('LSET', 'k', 'x', 'Z')).toBe(NOT_INTEGER)
    expect(engine.journal.take()).toEqual([])
  })

  test('LINSERT puts an element beside the first one equal to the pivot', () => {
    make('k', 'aba')
    expect(two.ask('LINSERT', 'k', 'before', 'a', '1')).toBe(':4\r\n')
    expect(two.ask('LINSERT', 'k', 'AFTER', 'b', '2')).toBe(':5\r\n')
    expect(content('k')).toBe('1ab2a')
    expect(engine.journal.take()).toEqual(['0 LINSERT k before a 1', '0 LINSERT k AFTER b 2'])
    expect(two.ask('LINSERT', 'k', 'AFTER', 'z', '3')).toBe(':-1\r\n')
    expect(two.ask('LINSERT', 'none', 'AFTER', 'z', '3')).toBe(':0\r\n')
    expect(two.ask('LINSERT', 'none', 'foo', 'z', '3')).toBe(SYNTAX)
    expect(engine.journal.take()).toEqual([])
  })

  test('LREM removes from the head, from the tail or all', () => {
    make('k', 'axaxaxa')
    expect(two.ask('LREM', 'k', 1, 'a')).toBe(':1\r\n')
    expect(content('k')).toBe('xaxaxa')
    expect(two.ask('LREM', 'k', -2, 'x')).toBe(':2\r\n')
    expect(content('k')).toBe('xaaa')
    expect(two.ask('LREM', 'k', 0, 'a')).toBe(':3\r\n')
    expect(two.ask('LREM', 'k', 0, 'none')).toBe(':0\r\n')
    expect(two.ask('LREM', 'none', 0, 'a')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual(['0 LREM k 1 a', '0 LREM k -2 x', '0 LREM k 0 a'])
  })

  test('LTRIM keeps a range, and is journaled only when it removed something', () => {
    make('k', 'abcdef')
    expect(two.ask('LTRIM', 'k', 1, -2)).toBe('+OK\r\n')
    expect(content('k')).toBe('bcde')
    expect(engine.journal.take()).toEqual(['0 LTRIM k 1 -2'])
    const events = listen(engine)
    expect(two.ask('LTRIM', 'k', 0, 100)).toBe('+OK\r\n')
    expect(events()).toEqual(['0 ltrim k'])
    expect(engine.journal.take()).toEqual([])
    expect(two.ask('LTRIM', 'k', 3, 1)).toBe('+OK\r\n')
    expect(events()).toEqual(['0 ltrim k', '0 del k'])
    expect(two.ask('LTRIM', 'none', 0, 1)).toBe('+OK\r\n')
    expect(two.ask('LTRIM', 'none', 'x', 1)).toBe(NOT_INTEGER)
  })

  test('a list that loses its last element is gone, from memory too', () => {
    const before = engine.engine.databases[0]!.arena.usedBytes
    for (const line of ['LPOP k', 'RPOP k 5', 'LREM k 0 a', 'LTRIM k 1 0', 'LMPOP 1 k LEFT']) {
      two.ask('RPUSH', 'k', 'a')
      two.ask(...line.split(' '))
      expect(engine.engine.databases[0]!.size).toBe(0)
      expect(engine.engine.databases[0]!.arena.usedBytes).toBe(before)
    }
  })
})

describe('LPOS', () => {
  beforeEach(() => make('k', 'abcabca'))

  test.each([
    ['a', ':0\r\n'],
    ['c', ':2\r\n'],
    ['z', '$-1\r\n'],
    ['a RANK 2', ':3\r\n'],
    ['a RANK 4', '$-1\r\n'],
    ['a RANK -1', ':6\r\n'],
    ['a rank -2', ':3\r\n'],
    ['a COUNT 0', '*3\r\n:0\r\n:3\r\n:6\r\n'],
    ['a COUNT 2', '*2\r\n:0\r\n:3\r\n'],
    ['a COUNT 2 RANK 2', '*2\r\n:3\r\n:6\r\n'],
    ['a COUNT 0 RANK -2', '*2\r\n:3\r\n:0\r\n'],
    ['z COUNT 1', '*0\r\n'],
    ['c MAXLEN 2', '$-1\r\n'],
    ['c MAXLEN 3', ':2\r\n'],
    ['a COUNT 0 MAXLEN 4', '*2\r\n:0\r\n:3\r\n'],
    ['c RANK -1 MAXLEN 1', '$-1\r\n'],
    ['c RANK -1 MAXLEN 2', ':5\r\n'],
    ['a RANK 1 RANK 2', ':3\r\n'],
    ['a RANK 9223372036854775807', '$-1\r\n'],
    [
      'a RANK 0',
      "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list\r\n",
    ],
    [
      'a RANK -9223372036854775808',
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n',
    ],
    ['a RANK x', NOT_INTEGER],
    ['a COUNT -1', "-ERR COUNT can't be negative\r\n"],
    ['a MAXLEN -1', "-ERR MAXLEN can't be negative\r\n"],
    ['a COUNT', SYNTAX],
    ['a FOO 1', SYNTAX],
  ])('LPOS k %s', (rest, reply) => {
    expect(two.ask('LPOS', 'k', ...rest.split(' '))).toBe(reply)
  })

  test('of no list is nil, or an empty array with COUNT', () => {
    expect(two.ask('LPOS', 'none', 'a')).toBe('$-1\r\n')
    expect(three.ask('LPOS', 'none', 'a')).toBe('_\r\n')
    expect(three.ask('LPOS', 'none', 'a', 'COUNT', 0)).toBe('*0\r\n')
  })
})

describe('events', () => {
  test('come in the order in which Redis sends them', () => {
    const events = listen(engine)
    const said = (...words: (string | number)[]) => {
      two.ask(...words)
      return events()
    }
    expect(said('RPUSH', 'a', 1, 2, 3)).toEqual(['0 new a', '0 rpush a'])
    expect(said('LPUSHX', 'a', 0)).toEqual(['0 lpush a'])
    expect(said('LMOVE', 'a', 'b', 'LEFT', 'RIGHT')).toEqual(['0 new b', '0 rpush b', '0 lpop a'])
    expect(said('RPOPLPUSH', 'b', 'c')).toEqual(['0 new c', '0 lpush c', '0 rpop b', '0 del b'])
    expect(said('LMPOP', 1, 'c', 'RIGHT')).toEqual(['0 rpop c', '0 del c'])
    expect(said('LSET', 'a', 0, 'x')).toEqual(['0 lset a'])
    expect(said('LINSERT', 'a', 'BEFORE', 'x', 'y')).toEqual(['0 linsert a'])
    expect(said('LREM', 'a', 0, 'none')).toEqual([])
    expect(said('LREM', 'a', 0, 'x')).toEqual(['0 lrem a'])
    expect(said('LPOP', 'a', 2)).toEqual(['0 lpop a'])
    expect(said('LREM', 'a', 0, '3')).toEqual(['0 lrem a', '0 del a'])
  })
})

describe('OBJECT ENCODING', () => {
  const encoding = () => two.ask('OBJECT', 'ENCODING', 'k').split('\r\n')[1]

  test('follows list-max-listpack-size up, and down at half of it', () => {
    engine.engine.config.set('list-max-listpack-size', '4')
    make('k', 'abcd')
    expect(encoding()).toBe('listpack')
    two.ask('LPUSH', 'k', 'e')
    expect(encoding()).toBe('quicklist')
    // The last to come has a node of its own, so two elements are two nodes.
    two.ask('LTRIM', 'k', 0, 1)
    expect(encoding()).toBe('quicklist')
    two.ask('RPOP', 'k')
    expect(encoding()).toBe('listpack')
    for (let i = 0; i < 3; i++) two.ask('LINSERT', 'k', 'AFTER', 'e', 'f')
    expect(encoding()).toBe('listpack')
    // Room is made before the pivot is looked for.
    two.ask('LINSERT', 'k', 'AFTER', 'none', 'f')
    expect(encoding()).toBe('quicklist')
  })

  test('a large element makes a quicklist, replacing it a listpack again', () => {
    make('k', 'ab')
    two.ask('LSET', 'k', 0, 'x'.repeat(9000))
    expect(encoding()).toBe('quicklist')
    two.ask('LSET', 'k', 0, 'x')
    expect(encoding()).toBe('listpack')
  })

  test('is kept by COPY and judged anew by a list that elements move to', () => {
    engine.engine.config.set('list-max-listpack-size', '2')
    two.ask('RPUSH', 'from', 'a', 'b', 'c')
    two.ask('COPY', 'from', 'k')
    expect(encoding()).toBe('quicklist')
    two.ask('DEL', 'k')
    for (const expected of ['listpack', 'listpack', 'quicklist']) {
      two.ask('LMOVE', 'from', 'k', 'LEFT', 'LEFT')
      expect(encoding()).toBe(expected)
    }
  })
})
