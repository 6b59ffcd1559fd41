import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

const NEW = 'HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80'
const CORRUPT = '-INVALIDOBJ Corrupted HLL object detected\r\n'
const NONE = '-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n'

let server: TestEngine
let client: TestClient

beforeEach(() => {
  server = createEngine({ 'notify-keyspace-events': 'KEA' })
  client = server.connect()
})

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`

describe('PFADD and PFCOUNT', () => {
  test('leave the bytes that redis-server leaves', () => {
    expect(client.ask('PFADD', 'h')).toBe(':1\r\n')
    expect(client.ask('GET', 'h')).toBe(bulk(`${NEW}\x7f\xff`))
    expect(client.ask('PFADD', 'h')).toBe(':0\r\n')
    expect(client.ask('PFADD', 'h', 'a')).toBe(':1\r\n')
    expect(client.ask('GET', 'h')).toBe(bulk(`${NEW}q\xa6\x84NW`))
    expect(client.ask('PFCOUNT', 'h')).toBe(':1\r\n')
    expect(client.ask('GET', 'h')).toBe(bulk('HYLL\x01\0\0\0\x01\0\0\0\0\0\0\0q\xa6\x84NW'))
    expect(client.ask('PFADD', 'h', 'a')).toBe(':0\r\n')
    expect(client.ask('OBJECT', 'ENCODING', 'h')).toBe('$3\r\nraw\r\n')
  })

  test('count within two percent, from sparse to dense', () => {
    for (const total of [100, 1000, 10_000, 50_000]) {
      const words = Array.from({ length: total }, (_, i) => `element:${i}`)
      for (let i = 0; i < total; i += 500) client.ask('PFADD', 'h', ...words.slice(i, i + 500))
      const count = Number(client.ask('PFCOUNT', 'h').slice(1))
      expect(Math.abs(count - total)).toBeLessThan(0.02 * total)
    }
    expect(client.ask('STRLEN', 'h')).toBe(':12304\r\n')
    expect(client.ask('PFDEBUG', 'ENCODING', 'h')).toBe('+dense\r\n')
  })

  test('become dense at hll-sparse-max-bytes', () => {
    const small = createEngine({ 'hll-sparse-max-bytes': '22' }).connect()
    small.ask('PFADD', 'h', 'a')
    expect(small.ask('PFDEBUG', 'ENCODING', 'h')).toBe('+sparse\r\n')
    small.ask('PFADD', 'h', 'b')
    expect(small.ask('PFDEBUG', 'ENCODING', 'h')).toBe('+dense\r\n')
    expect(small.ask('PFCOUNT', 'h')).toBe(':2\r\n')
  })

  test('a count is stored and journaled, breaks a WATCH, and has no event', () => {
    const listener = server.connect(3)
    listener.ask('PSUBSCRIBE', '__key*')
    client.ask('PFADD', 'h', 'a', 'b')
    expect(listener.received()).toContain('__keyevent@0__:pfadd')
    server.journal.take()
    client.ask('WATCH', 'h')
    client.ask('MULTI')
    const other = server.connect()
    expect(other.ask('PFCOUNT', 'h')).toBe(':2\r\n')
    expect(client.ask('EXEC')).toBe('*-1\r\n')
    expect(other.ask('PFCOUNT', 'h')).toBe(':2\r\n')
    expect(other.ask('PFCOUNT', 'h', 'absent')).toBe(':2\r\n')
    expect(server.journal.take()).toEqual(['0 PFCOUNT h'])
    expect(listener.received()).toBe('')
  })

  test('count the union of several keys, and nothing as nothing', () => {
    client.ask('PFADD', 'a', 1, 2, 3)
    client.ask('PFADD', 'b', 3, 4)
    expect(client.ask('PFCOUNT', 'a', 'b', 'absent')).toBe(':4\r\n')
    expect(client.ask('PFCOUNT', 'absent')).toBe(':0\r\n')
    client.ask('PFDEBUG', 'TODENSE', 'b')
    expect(client.ask('PFCOUNT', 'b', 'a')).toBe(':4\r\n')
  })
})

describe('PFMERGE', () => {
  test('joins sources with what the destination has, dense if one of them is', () => {
    client.ask('PFADD', 'a', 1, 2, 3)
    client.ask('PFADD', 'b', 3, 4)
    server.journal.take()
    expect(client.ask('PFMERGE', 'a', 'b', 'absent')).toBe('+OK\r\n')
    expect(server.journal.take()).toEqual(['0 PFMERGE a b absent'])
    expect(client.ask('PFCOUNT', 'a')).toBe(':4\r\n')
    expect(client.ask('PFDEBUG', 'ENCODING', 'a')).toBe('+sparse\r\n')
    client.ask('PFDEBUG', 'TODENSE', 'b')
    client.ask('PFMERGE', 'new', 'a', 'b')
    expect(client.ask('PFDEBUG', 'ENCODING', 'new')).toBe('+dense\r\n')
    expect(client.ask('PFCOUNT', 'new')).toBe(':4\r\n')
    expect(client.ask('PFMERGE', 'empty')).toBe('+OK\r\n')
    expect(client.ask('GET', 'empty')).toBe(bulk(`${NEW}\x7f\xff`))
  })

  test('adding one by one and merging give the same string', () => {
    const words = Array.from({ length: 700 }, (_, i) => `word ${i}`)
    client.ask('PFADD', 'a', ...words)
    client.ask('PFMERGE', 'b', 'a')
    client.ask('PFDEBUG', 'TODENSE', 'a')
    client.ask('PFDEBUG', 'TODENSE', 'b')
    expect(client.ask('GET', 'b')).toBe(client.ask('GET', 'a'))
  })
})

describe('strings that are no HyperLogLogs', () => {
  test('are refused', () => {
    client.ask('SET', 's', 'foo')
    client.ask('SET', 'dense', 'HYLL\0\0\0\0\0\0\0\0\0\0\0\x80\0\0')
    client.ask('LPUSH', 'l', 'x')
    for (const key of ['s', 'dense']) {
      expect(client.ask('PFADD', key, 'a')).toBe(NONE)
      expect(client.ask('PFCOUNT', key)).toBe(NONE)
      expect(client.ask('PFCOUNT', 'absent', key)).toBe(NONE)
      expect(client.ask('PFMERGE', 'd', key)).toBe(NONE)
      expect(client.ask('PFDEBUG', 'GETREG', key)).toBe(NONE)
    }
    expect(client.ask('PFADD', 'l', 'a')).toMatch(/^-WRONGTYPE Operation against/)
    expect(client.ask('EXISTS', 'd')).toBe(':0\r\n')
  })

  test('are found to be corrupt where their runs matter', () => {
    client.ask('SET', 'c', `${NEW}\x01`)
    expect(client.ask('PFCOUNT', 'c')).toBe(CORRUPT)
    expect(client.ask('PFCOUNT', 'c', 'c')).toBe(CORRUPT)
    expect(client.ask('PFADD', 'c', 'a')).toBe(CORRUPT)
    expect(client.ask('PFMERGE', 'd', 'c')).toBe(CORRUPT)
    expect(client.ask('PFDEBUG', 'TODENSE', 'c')).toBe(CORRUPT)
    expect(client.ask('PFDEBUG', 'DECODE', 'c')).toBe('$3\r\nz:2\r\n')
    // A count that claims to be right is believed.
    client.ask('SET', 'c', 'HYLL\x01\0\0\0\x05\0\0\0\0\0\0\0\x01')
    expect(client.ask('PFCOUNT', 'c')).toBe(':5\r\n')
  })

  test('are taken with bytes behind their registers where those begin with a run that has a value, as by Redis', () => {
    client.ask('SET', 'c', `${NEW}\x7f\xff\x84`)
    expect(client.ask('PFCOUNT', 'c')).toBe(CORRUPT)
    expect(client.ask('PFCOUNT', 'c', 'none')).toBe(':0\r\n')
    expect(client.ask('PFMERGE', 'd', 'c')).toBe('+OK\r\n')
    expect(client.ask('PFADD', 'c', 'a')).toBe(':1\r\n')
    expect(client.ask('PFCOUNT', 'c', 'none')).toBe(':1\r\n')
    client.ask('SET', 'c', `${NEW}\x7f\xff\x00`)
    expect(client.ask('PFMERGE', 'd', 'c')).toBe(CORRUPT)
  })

  test('elements added before a corrupt place was met are journaled as bytes: PFADD would fail again when replayed', () => {
    // Registers up to 12799 only; `b` has a higher one.
    client.ask('SET', 'c', `${NEW}\x71\xff`, 'PXAT', 4_102_444_800_000)
    server.journal.take()
    expect(client.ask('PFADD', 'c', 'a', 'zzz', 'b', 'c', 'd', 'e')).toBe(CORRUPT)
    expect(client.ask('STRLEN', 'c')).not.toBe(':18\r\n')
    const { requests } = server.journal
    expect(requests.map(([name]) => name)).toEqual(['SET'])
    const stored = client.ask('GET', 'c')
    client.ask('SET', 'c', `${NEW}\x71\xff`, 'KEEPTTL')
    expect(client.ask(...requests[0]!)).toBe('+OK\r\n')
    expect(client.ask('GET', 'c')).toBe(stored)
    expect(client.ask('PEXPIRETIME', 'c')).toBe(':4102444800000\r\n')
  })

  test('a command that a corrupt place refuses without a change is not journaled', () => {
    client.ask('SET', 'c', `${NEW}\x01`)
    server.journal.take()
    expect(client.ask('PFADD', 'c', 'a')).toBe(CORRUPT)
    expect(server.journal.take()).toEqual([])
  })
})

describe('PFDEBUG and PFSELFTEST', () => {
  test('show the inside', () => {
    client.ask('PFADD', 'h', 'a')
    expect(client.ask('PFDEBUG', 'DECODE', 'h')).toBe('$20\r\nZ:12711 v:2,1 Z:3672\r\n')
    server.journal.take()
    expect(client.ask('PFDEBUG', 'todense', 'h')).toBe(':1\r\n')
    expect(client.ask('PFDEBUG', 'TODENSE', 'h')).toBe(':0\r\n')
    expect(server.journal.take()).toEqual(['0 PFDEBUG todense h'])
    expect(client.ask('PFDEBUG', 'DECODE', 'h')).toBe('-ERR HLL encoding is not sparse\r\n')
    const registers = client.ask('PFDEBUG', 'GETREG', 'h')
    expect(registers.startsWith('*16384\r\n:0\r\n')).toBe(true)
    expect(registers.match(/:2\r\n/g)).toHaveLength(1)
    expect(client.ask('PFDEBUG', 'NO', 'h')).toBe("-ERR Unknown PFDEBUG subcommand 'NO'\r\n")
    expect(client.ask('PFDEBUG', 'DECODE', 'absent')).toBe('-ERR The specified key does not exist\r\n')
    expect(client.ask('PFSELFTEST')).toBe('+OK\r\n')
  })
})
