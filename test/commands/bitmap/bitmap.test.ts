import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

let server: TestEngine
let client: TestClient

beforeEach(() => {
  server = createEngine({ 'notify-keyspace-events': 'KEA' })
  client = server.connect()
})

/** Events as `name key`, in order. */
function eventsOf(run: () => void): string[] {
  const listener = server.connect(3)
  listener.ask('PSUBSCRIBE', '__keyevent@0__:*')
  run()
  const events = [...listener.received().matchAll(/__keyevent@0__:(\w+)\r\n\$\d+\r\n(.*?)\r\n/g)]
  listener.disconnect()
  return events.map((match) => `${match[1]} ${match[2]}`)
}

describe('SETBIT and GETBIT', () => {
  test('bit 0 is the highest of the first byte, and the string grows with zeros', () => {
    expect(client.ask('SETBIT', 'k', 0, 1)).toBe(':0\r\n')
    expect(client.ask('SETBIT', 'k', 15, 1)).toBe(':0\r\n')
    expect(client.ask('GET', 'k')).toBe('$2\r\n\x80\x01\r\n')
    expect(client.ask('SETBIT', 'k', 0, 0)).toBe(':1\r\n')
    expect(client.ask('GETBIT', 'k', 15)).toBe(':1\r\n')
    expect(client.ask('GETBIT', 'k', 16)).toBe(':0\r\n')
    expect(client.ask('GETBIT', 'absent', 3)).toBe(':0\r\n')
  })

  test('make an integer raw, even where no bit changes', () => {
    client.ask('SET', 'k', 12)
    expect(client.ask('SETBIT', 'k', 1, 0)).toBe(':0\r\n')
    expect(client.ask('OBJECT', 'ENCODING', 'k')).toBe('$3\r\nraw\r\n')
  })

  test('journal and announce what changes a bit or the length, and nothing else', () => {
    const events = eventsOf(() => {
      client.ask('SETBIT', 'k', 7, 0)
      client.ask('SETBIT', 'k', 7, 0)
      client.ask('SETBIT', 'k', 7, 1)
    })
    expect(events).toEqual(['setbit k', 'setbit k'])
    expect(server.journal.take()).toEqual(['0 SETBIT k 7 0', '0 SETBIT k 7 1'])
  })

  test('refuse offsets beyond proto-max-bulk-len, and values that are no bits', () => {
    const offset = '-ERR bit offset is not an integer or out of range\r\n'
    for (const bad of ['-1', 'x', '4294967296', '#1', '']) expect(client.ask('SETBIT', 'k', bad, 2)).toBe(offset)
    for (const bad of ['-1', '4294967296']) expect(client.ask('GETBIT', 'k', bad)).toBe(offset)
    expect(client.ask('SETBIT', 'k', 1, 2)).toBe('-ERR bit is not an integer or out of range\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
  })
})

describe('BITCOUNT and BITPOS', () => {
  test('take ranges in bytes and bits, from either end', () => {
    client.ask('SET', 'k', 'foobar')
    expect(client.ask('BITCOUNT', 'k')).toBe(':26\r\n')
    expect(client.ask('BITCOUNT', 'k', 1, 1)).toBe(':6\r\n')
    expect(client.ask('BITCOUNT', 'k', 1, -2, 'BYTE')).toBe(':18\r\n')
    expect(client.ask('BITCOUNT', 'k', 5, 30, 'BIT')).toBe(':17\r\n')
    expect(client.ask('BITCOUNT', 'k', 9, 9, 'bit')).toBe(':1\r\n')
    expect(client.ask('BITCOUNT', 'k', -1, -2)).toBe(':0\r\n')
    expect(client.ask('BITCOUNT', 'k', -100, -200)).toBe(':0\r\n')
    client.ask('SET', 'k', '\x00\xff\xf0')
    expect(client.ask('BITPOS', 'k', 1)).toBe(':8\r\n')
    expect(client.ask('BITPOS', 'k', 0, 1)).toBe(':20\r\n')
    expect(client.ask('BITPOS', 'k', 1, 17, 20, 'BIT')).toBe(':17\r\n')
    expect(client.ask('BITPOS', 'k', 1, 20, 23, 'BIT')).toBe(':-1\r\n')
  })

  test('a clear bit is found behind a string of ones, unless the range has an end', () => {
    client.ask('SET', 'k', '\xff\xff')
    expect(client.ask('BITPOS', 'k', 0)).toBe(':16\r\n')
    expect(client.ask('BITPOS', 'k', 0, 1)).toBe(':16\r\n')
    expect(client.ask('BITPOS', 'k', 0, 0, -1)).toBe(':-1\r\n')
    expect(client.ask('BITPOS', 'k', 0, 5)).toBe(':-1\r\n')
    expect(client.ask('BITPOS', 'absent', 0)).toBe(':0\r\n')
    expect(client.ask('BITPOS', 'absent', 1)).toBe(':-1\r\n')
  })

  test('look at the key before they read the rest of their arguments, as 7.2.6 does', () => {
    const integer = '-ERR value is not an integer or out of range\r\n'
    const syntax = '-ERR syntax error\r\n'
    client.ask('LPUSH', 'list', 'x')
    client.ask('SET', 'string', 'x')
    const wrongType = client.ask('BITCOUNT', 'list')
    expect(wrongType).toMatch(/^-WRONGTYPE /)
    expect(client.ask('BITPOS', 'list', 2)).toBe('-ERR The bit argument must be 1 or 0.\r\n')
    for (const rest of [[1], ['x', 2], [1, 2, 'WORD'], [1, 2, 'BIT', 4]]) {
      expect(client.ask('BITCOUNT', 'absent', ...rest)).toBe(':0\r\n')
      expect(client.ask('BITCOUNT', 'list', ...rest)).toBe(wrongType)
      expect(client.ask('BITPOS', 'absent', 1, ...rest)).toBe(':-1\r\n')
      expect(client.ask('BITPOS', 'absent', 0, ...rest)).toBe(':0\r\n')
      expect(client.ask('BITPOS', 'list', 1, ...rest)).toBe(wrongType)
    }
    {
      const key = 'string'
      expect(client.ask('BITCOUNT', key, 1)).toBe(syntax)
      expect(client.ask('BITCOUNT', key, 'x', 2)).toBe(integer)
      expect(client.ask('BITCOUNT', key, 1, 2, 'WORD')).toBe(syntax)
      expect(client.ask('BITCOUNT', key, 1, 2, 'BIT', 4)).toBe(syntax)
      expect(client.ask('BITPOS', key, 2)).toBe('-ERR The bit argument must be 1 or 0.\r\n')
      expect(client.ask('BITPOS', key, 1, 'x', 2, 'WORD')).toBe(integer)
      expect(client.ask('BITPOS', key, 1, 1, 'x', 'WORD')).toBe(syntax)
    }
    expect(client.ask('BITCOUNT', 'list')).toMatch(/^-WRONGTYPE /)
    expect(client.ask('BITPOS', 'list', 1)).toMatch(/^-WRONGTYPE /)
  })
})

describe('BITOP', () => {
  test('fills shorter strings up with zeros and stores a raw string', () => {
    client.ask('MSET', 'a', '\xf0\xff\x0f', 'b', '\x3c')
    expect(client.ask('BITOP', 'AND', 'd', 'a', 'b')).toBe(':3\r\n')
    expect(client.ask('GET', 'd')).toBe('$3\r\n\x30\x00\x00\r\n')
    expect(client.ask('OBJECT', 'ENCODING', 'd')).toBe('$3\r\nraw\r\n')
    client.ask('BITOP', 'OR', 'd', 'b', 'a', 'absent')
    expect(client.ask('GET', 'd')).toBe('$3\r\n\xfc\xff\x0f\r\n')
    client.ask('BITOP', 'XOR', 'd', 'b', 'a')
    expect(client.ask('GET', 'd')).toBe('$3\r\n\xcc\xff\x0f\r\n')
    client.ask('BITOP', 'NOT', 'a', 'a')
    expect(client.ask('GET', 'a')).toBe('$3\r\n\x0f\x00\xf0\r\n')
  })

  test('an empty result deletes the destination, with its event', () => {
    client.ask('SET', 'd', 'x')
    server.journal.take()
    const events = eventsOf(() => {
      expect(client.ask('BITOP', 'OR', 'd', 'absent')).toBe(':0\r\n')
      expect(client.ask('BITOP', 'OR', 'd', 'absent')).toBe(':0\r\n')
      client.ask('SET', 'a', 'x')
      client.ask('BITOP', 'OR', 'd', 'a')
    })
    expect(events).toEqual(['del d', 'set a', 'set d'])
    expect(server.journal.take()).toEqual(['0 BITOP OR d absent', '0 SET a x', '0 BITOP OR d a'])
  })

  test('a key of another type changes nothing', () => {
    client.ask('LPUSH', 'list', 'x')
    client.ask('SET', 'a', 'x')
    expect(client.ask('BITOP', 'OR', 'd', 'a', 'list')).toMatch(/^-WRONGTYPE /)
    expect(client.ask('EXISTS', 'd')).toBe(':0\r\n')
    expect(client.ask('BITOP', 'NAND', 'd', 'a')).toBe('-ERR syntax error\r\n')
    expect(client.ask('BITOP', 'NOT', 'd', 'a', 'a')).toBe(
      '-ERR BITOP NOT must be called with a single source key.\r\n',
    )
  })

  test('a destination of the length of the result may be any of the sources, and loses its expiry', () => {
    const values: Record<string, string> = { a: 'abc', b: '\x0f\xf0\x33', c: 'xyz', short: 'q' }
    const xor = (names: string[]): string =>
      [0, 1, 2]
        .map((i) => String.fromCharCode(names.reduce((byte, name) => byte ^ (values[name]!.charCodeAt(i) || 0), 0)))
        .join('')
    for (const sources of [
      ['a'],
      ['a', 'b'],
      ['short', 'a'],
      ['a', 'b', 'c'],
      ['a', 'a', 'a'],
      ['short', 'b', 'a', 'c'],
    ]) {
      for (const destination of ['a', 'b', 'c', 'short']) {
        for (const [name, value] of Object.entries(values)) client.ask('SET', name, value, 'EX', 100)
        expect(client.ask('BITOP', 'XOR', destination, ...sources)).toBe(':3\r\n')
        expect(client.ask('GET', destination)).toBe(`$3\r\n${xor(sources)}\r\n`)
        expect(client.ask('TTL', destination)).toBe(':-1\r\n')
        expect(client.ask('OBJECT', 'ENCODING', destination)).toBe('$3\r\nraw\r\n')
      }
    }
    client.ask('RPUSH', 'list', 'abc')
    expect(client.ask('BITOP', 'OR', 'list', 'c')).toBe(':3\r\n')
    expect(client.ask('GET', 'list')).toBe(client.ask('GET', 'c'))
  })

  test('megabytes are combined and counted right', () => {
    const half = 'a'.repeat(1_000_001)
    client.ask('SET', 'a', half)
    client.ask('SET', 'b', `${half}b`)
    expect(client.ask('BITOP', 'XOR', 'd', 'a', 'b')).toBe(':1000002\r\n')
    expect(client.ask('BITCOUNT', 'd')).toBe(':3\r\n')
    expect(client.ask('BITPOS', 'd', 1)).toBe(`:${8 * 1_000_001 + 1}\r\n`)
    expect(client.ask('BITCOUNT', 'a')).toBe(':3000003\r\n')
    // Now the destination is there, and as long as the result.
    expect(client.ask('BITOP', 'OR', 'd', 'd', 'b')).toBe(':1000002\r\n')
    expect(client.ask('BITCOUNT', 'd')).toBe(client.ask('BITCOUNT', 'b'))
    expect(client.ask('BITOP', 'NOT', 'd', 'd')).toBe(':1000002\r\n')
    expect(client.ask('BITCOUNT', 'd')).toBe(`:${8 * 1_000_002 - 3_000_003 - 3}\r\n`)
  })
})

describe('BITFIELD', () => {
  test('does its operations in order, each with the overflow said last', () => {
    expect(client.ask('BITFIELD', 'k', 'SET', 'u8', '#0', 255, 'INCRBY', 'u8', 0, 10, 'GET', 'u4', 4)).toBe(
      '*3\r\n:0\r\n:9\r\n:9\r\n',
    )
    expect(
      client.ask(
        'BITFIELD',
        'k',
        'OVERFLOW',
        'SAT',
        'INCRBY',
        'u2',
        100,
        10,
        'OVERFLOW',
        'FAIL',
        'INCRBY',
        'u2',
        100,
        1,
      ),
    ).toBe('*2\r\n:3\r\n$-1\r\n')
    const client3 = server.connect(3)
    expect(client3.ask('BITFIELD', 'k', 'OVERFLOW', 'fail', 'INCRBY', 'u2', 100, 1)).toBe('*1\r\n_\r\n')
    expect(client.ask('BITFIELD', 'k', 'SET', 'i64', 0, '-9223372036854775808', 'GET', 'u63', 0)).toBe(
      '*2\r\n:648518346341351424\r\n:4611686018427387904\r\n',
    )
  })

  test('only reading makes no key, and reads zeros from none', () => {
    expect(client.ask('BITFIELD', 'k', 'GET', 'i64', 1000)).toBe('*1\r\n:0\r\n')
    expect(client.ask('BITFIELD', 'k')).toBe('*0\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(server.journal.take()).toEqual([])
  })

  test('a failure may still lengthen the string: journaled, not announced', () => {
    const events = eventsOf(() => {
      expect(client.ask('BITFIELD', 'k', 'OVERFLOW', 'FAIL', 'INCRBY', 'u2', 100, 10)).toBe('*1\r\n$-1\r\n')
    })
    expect(client.ask('STRLEN', 'k')).toBe(':13\r\n')
    expect(events).toEqual([])
    expect(server.journal.take()).toEqual(['0 BITFIELD k OVERFLOW FAIL INCRBY u2 100 10'])
    expect(eventsOf(() => client.ask('BITFIELD', 'k', 'SET', 'u8', 0, 0))).toEqual([])
    expect(eventsOf(() => client.ask('BITFIELD', 'k', 'SET', 'u8', 0, 1, 'SET', 'u8', 8, 1))).toEqual(['setbit k'])
  })

  test('a mistake in the last operation leaves all undone', () => {
    const type = '-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.\r\n'
    for (const bad of ['u64', 'i65', 'u0', 'i08', 'I8', 'x', '']) {
      expect(client.ask('BITFIELD', 'k', 'SET', 'u8', 0, 1, 'GET', bad, 0)).toBe(type)
    }
    expect(client.ask('BITFIELD', 'k', 'SET', 'u8', 0, 1, 'GET', 'u8', '#-1')).toMatch(/^-ERR bit offset/)
    expect(client.ask('BITFIELD', 'k', 'SET', 'u8', 0, 1, 'OVERFLOW', 'no')).toBe(
      '-ERR Invalid OVERFLOW type specified\r\n',
    )
    expect(client.ask('BITFIELD', 'k', 'SET', 'u8', 0, 'x')).toMatch(/^-ERR value is not an integer/)
    expect(client.ask('BITFIELD', 'k', 'SET', 'u8', 0)).toBe('-ERR syntax error\r\n')
    expect(client.ask('BITFIELD_RO', 'k', 'GET', 'u8', 0, 'SET', 'u8', 0, 1)).toBe(
      '-ERR BITFIELD_RO only supports the GET subcommand\r\n',
    )
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    // The n-th field is found in 64 bits, as Redis finds it.
    expect(client.ask('BITFIELD', 'k', 'GET', 'u8', '#4611686018427387904')).toBe('*1\r\n:0\r\n')
  })
})
