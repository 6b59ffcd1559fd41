import { expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`

test('counters count in 64 bits and stop at their ends', () => {
  const { connect } = createEngine()
  const client = connect()
  expect(client.ask('INCR', 'k')).toBe(':1\r\n')
  expect(client.ask('DECRBY', 'k', 3)).toBe(':-2\r\n')
  client.ask('SET', 'k', '9007199254740991')
  expect(client.ask('INCR', 'k')).toBe(':9007199254740992\r\n')
  expect(client.ask('INCRBY', 'k', '9214364837600034815')).toBe(':9223372036854775807\r\n')
  expect(client.ask('INCR', 'k')).toBe('-ERR increment or decrement would overflow\r\n')
  expect(client.ask('GET', 'k')).toBe(bulk('9223372036854775807'))
  expect(client.ask('DECRBY', 'k', '-9223372036854775808')).toBe('-ERR decrement would overflow\r\n')
  client.ask('SET', 'k', '-9223372036854775808')
  expect(client.ask('DECR', 'k')).toBe('-ERR increment or decrement would overflow\r\n')
})

test('a counter keeps its expiry and is written in place', () => {
  const { connect } = createEngine()
  const client = connect()
  client.ask('SET', 'k', '99', 'PXAT', 1_900_000_000_000)
  expect(client.ask('INCR', 'k')).toBe(':100\r\n')
  expect(client.ask('GET', 'k')).toBe(bulk('100'))
  expect(client.ask('PEXPIRETIME', 'k')).toBe(':1900000000000\r\n')
  expect(client.ask('OBJECT', 'ENCODING', 'k')).toBe(bulk('int'))
})

test.each(['', ' 1', '1 ', '+1', '01', '1.0', '0x10', 'abc', '9223372036854775808', '-'])(
  'INCR refuses %j, which is no canonical integer',
  (text) => {
    const { connect } = createEngine()
    const client = connect()
    client.ask('SET', 'k', text)
    expect(client.ask('INCR', 'k')).toBe('-ERR value is not an integer or out of range\r\n')
    expect(client.ask('GET', 'k')).toBe(bulk(text))
  },
)

test('INCRBYFLOAT adds in extended precision, journals the result and never encodes it as an integer', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  client.ask('SET', 'k', '0.1')
  journal.take()
  expect(client.ask('INCRBYFLOAT', 'k', '0.2')).toBe(bulk('0.3'))
  expect(client.ask('INCRBYFLOAT', 'k', '2.7')).toBe(bulk('3'))
  expect(client.ask('OBJECT', 'ENCODING', 'k')).toBe(bulk('embstr'))
  expect(journal.take()).toEqual(['0 SET k 0.3 KEEPTTL', '0 SET k 3 KEEPTTL'])
  expect(client.ask('INCRBYFLOAT', 'k', '5e3')).toBe(bulk('5003'))
  expect(client.ask('INCRBYFLOAT', 'k', 'abc')).toBe('-ERR value is not a valid float\r\n')
  expect(client.ask('INCRBYFLOAT', 'k', 'inf')).toBe('-ERR increment would produce NaN or Infinity\r\n')
})

test('GETEX journals what it does to the expiry, and nothing without options', () => {
  const { connect, journal, clock } = createEngine()
  const client = connect()
  client.ask('SET', 'k', 'v')
  journal.take()
  expect(client.ask('GETEX', 'k')).toBe(bulk('v'))
  expect(client.ask('GETEX', 'k', 'PERSIST')).toBe(bulk('v'))
  expect(journal.take()).toEqual([])
  expect(client.ask('GETEX', 'k', 'EX', 5)).toBe(bulk('v'))
  expect(client.ask('GETEX', 'k', 'PERSIST')).toBe(bulk('v'))
  expect(client.ask('GETEX', 'k', 'PXAT', 1)).toBe(bulk('v'))
  expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
  expect(journal.take()).toEqual([`0 PEXPIREAT k ${clock.now() + 5000}`, '0 PERSIST k', '0 DEL k'])
  expect(client.ask('GETEX', 'k', 'EX', 5, 'PERSIST')).toBe('-ERR syntax error\r\n')
})

test('GETDEL is journaled as DEL, GETSET as SET', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  expect(client.ask('GETSET', 'k', 'a')).toBe('$-1\r\n')
  expect(client.ask('GETSET', 'k', 'b')).toBe(bulk('a'))
  expect(client.ask('GETDEL', 'k')).toBe(bulk('b'))
  expect(client.ask('GETDEL', 'k')).toBe('$-1\r\n')
  expect(journal.take()).toEqual(['0 SET k a', '0 SET k b', '0 DEL k'])
})

test.each([
  [0, 3, 'This'],
  [-3, -1, 'ing'],
  [0, -1, 'This is a string'],
  [10, 100, 'string'],
  [5, 3, ''],
  [-1, -3, ''],
  [-100, -99, 'T'],
  [-100, 2, 'Thi'],
  [100, 200, ''],
])('GETRANGE %i %i of "This is a string" is %j', (first, last, expected) => {
  const { connect } = createEngine()
  const client = connect()
  client.ask('SET', 'k', 'This is a string')
  expect(client.ask('GETRANGE', 'k', first, last)).toBe(bulk(expected))
  expect(client.ask('SUBSTR', 'k', first, last)).toBe(bulk(expected))
})

test('SETRANGE fills the gap with zeros, creates nothing for an empty part, and minds the limit', () => {
  const { connect, engine } = createEngine({ 'proto-max-bulk-len': '1mb' })
  const client = connect()
  expect(client.ask('SETRANGE', 'k', 3, '')).toBe(':0\r\n')
  expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
  expect(client.ask('SETRANGE', 'k', 3, 'abc')).toBe(':6\r\n')
  expect(client.ask('GET', 'k')).toBe(bulk('\0\0\0abc'))
  expect(client.ask('SETRANGE', 'k', -1, 'x')).toBe('-ERR offset is out of range\r\n')
  const bytesMax = engine.config.get('proto-max-bulk-len')
  const tooLong = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n'
  expect(client.ask('SETRANGE', 'k', bytesMax, 'x')).toBe(tooLong)
  expect(client.ask('SETRANGE', 'k', bytesMax - 1, 'x')).toBe(`:${bytesMax}\r\n`)
  expect(client.ask('APPEND', 'k', 'x')).toBe(tooLong)
})

test('APPEND grows a string through every form it can take', () => {
  const { connect, engine } = createEngine()
  const client = connect()
  let expected = ''
  for (let i = 0; i < 300; i++) {
    const part = String.fromCharCode(97 + (i % 26)).repeat(1 + (i % 7) * 100)
    expected += part
    expect(client.ask('APPEND', 'k', part)).toBe(`:${expected.length}\r\n`)
  }
  expect(client.ask('GET', 'k')).toBe(bulk(expected))
  client.ask('DEL', 'k')
  expect(engine.databases[0]!.arena.usedBytes).toBe(0)
})

test('MSET sets all, MSETNX all or nothing, MGET skips what is no string', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  expect(client.ask('MSET', 'a', 1, 'b', 2)).toBe('+OK\r\n')
  expect(client.ask('MSETNX', 'c', 3, 'a', 4)).toBe(':0\r\n')
  expect(client.ask('MSETNX', 'c', 3, 'd', 4)).toBe(':1\r\n')
  client.ask('RPUSH', 'l', 'x')
  expect(client.ask('MGET', 'a', 'c', 'l', 'none')).toBe('*4\r\n$1\r\n1\r\n$1\r\n3\r\n$-1\r\n$-1\r\n')
  expect(client.ask('MSET', 'a', 1, 'b')).toBe("-ERR wrong number of arguments for 'mset' command\r\n")
  expect(journal.take()).toEqual(['0 MSET a 1 b 2', '0 MSETNX c 3 d 4', '0 RPUSH l x'])
})

test.each([2, 3] as const)('LCS gives sequence, length and matches (RESP%i)', (protocol) => {
  const { connect } = createEngine()
  const client = connect(protocol)
  client.ask('MSET', 'a', 'ohmytext', 'b', 'mynewtext')
  expect(client.ask('LCS', 'a', 'b')).toBe(bulk('mytext'))
  expect(client.ask('LCS', 'a', 'b', 'LEN')).toBe(':6\r\n')
  const map = protocol === 2 ? '*4\r\n' : '%2\r\n'
  const match = (a: number, b: number, c: number, d: number, rest = ''): string =>
    `*${rest === '' ? 2 : 3}\r\n*2\r\n:${a}\r\n:${b}\r\n*2\r\n:${c}\r\n:${d}\r\n${rest}`
  expect(client.ask('LCS', 'a', 'b', 'IDX')).toBe(
    `${map}${bulk('matches')}*2\r\n${match(4, 7, 5, 8)}${match(2, 3, 0, 1)}${bulk('len')}:6\r\n`,
  )
  expect(client.ask('LCS', 'a', 'b', 'IDX', 'MINMATCHLEN', 4, 'WITHMATCHLEN')).toBe(
    `${map}${bulk('matches')}*1\r\n${match(4, 7, 5, 8, ':4\r\n')}${bulk('len')}:6\r\n`,
  )
  expect(client.ask('LCS', 'a', 'b', 'IDX', 'LEN')).toBe(
    '-ERR If you want both the length and indexes, please just use IDX.\r\n',
  )
  client.ask('RPUSH', 'l', 'x')
  expect(client.ask('LCS', 'a', 'l')).toBe('-ERR The specified keys must contain string values\r\n')
  expect(client.ask('LCS', 'a', 'none')).toBe('$0\r\n\r\n')
})

test('STRLEN and SETNX', () => {
  const { connect } = createEngine()
  const client = connect()
  expect(client.ask('SETNX', 'k', 'abc')).toBe(':1\r\n')
  expect(client.ask('SETNX', 'k', 'x')).toBe(':0\r\n')
  expect(client.ask('STRLEN', 'k')).toBe(':3\r\n')
  expect(client.ask('STRLEN', 'none')).toBe(':0\r\n')
})
