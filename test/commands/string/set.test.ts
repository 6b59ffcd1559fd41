import { expect, test } from 'vitest'
import { createEngine, encode } from '../../support/engine.ts'

const OK = '+OK\r\n'
const NIL = '$-1\r\n'
const SYNTAX = '-ERR syntax error\r\n'

test('SET replaces whatever a key held and drops its expiry', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  client.ask('RPUSH', 'k', 'a')
  client.ask('PEXPIREAT', 'k', 1_800_000_000_000)
  journal.take()
  expect(client.ask('SET', 'k', 'v')).toBe(OK)
  expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  expect(client.ask('PTTL', 'k')).toBe(':-1\r\n')
  expect(journal.take()).toEqual(['0 SET k v'])
})

test.each([2, 3] as const)('SET NX and XX answer nil when their condition does not hold (RESP%i)', (protocol) => {
  const { connect, journal } = createEngine()
  const client = connect(protocol)
  const nil = protocol === 2 ? NIL : '_\r\n'
  expect(client.ask('SET', 'k', 'v', 'XX')).toBe(nil)
  expect(client.ask('SET', 'k', 'v', 'nx')).toBe(OK)
  expect(client.ask('SET', 'k', 'w', 'NX')).toBe(nil)
  expect(client.ask('SET', 'k', 'w', 'XX')).toBe(OK)
  expect(journal.take()).toEqual(['0 SET k v', '0 SET k w'])
})

test('SET GET returns the old value, also together with NX, and refuses other types before changing anything', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  expect(client.ask('SET', 'k', 'v', 'GET')).toBe(NIL)
  expect(client.ask('SET', 'k', 'w', 'GET', 'NX')).toBe('$1\r\nv\r\n')
  expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  client.ask('RPUSH', 'l', 'a')
  journal.take()
  expect(client.ask('SET', 'l', 'w', 'GET')).toMatch(/^-WRONGTYPE /)
  expect(client.ask('LLEN', 'l')).toBe(':1\r\n')
  expect(journal.take()).toEqual([])
})

test('SET with an expiry is journaled with its point in time', () => {
  const { connect, journal, clock } = createEngine()
  const client = connect()
  const now = clock.now()
  client.ask('SET', 'k', 'v', 'EX', 10)
  client.ask('SET', 'k', 'v', 'PX', 1500)
  client.ask('SET', 'k', 'v', 'EXAT', 1_900_000_000)
  client.ask('SET', 'k', 'v', 'PXAT', 1_900_000_000_123)
  client.ask('SET', 'k', 'w', 'KEEPTTL')
  expect(client.ask('PEXPIRETIME', 'k')).toBe(':1900000000123\r\n')
  expect(journal.take()).toEqual([
    `0 SET k v PXAT ${now + 10_000}`,
    `0 SET k v PXAT ${now + 1500}`,
    '0 SET k v PXAT 1900000000000',
    '0 SET k v PXAT 1900000000123',
    '0 SET k w KEEPTTL',
  ])
})

test('SET refuses options that exclude each other', () => {
  const { connect } = createEngine()
  const client = connect()
  for (const options of [
    ['NX', 'XX'],
    ['EX', '1', 'PX', '1'],
    ['EX', '1', 'KEEPTTL'],
    ['KEEPTTL', 'PXAT', '1'],
    ['EX'],
    ['PERSIST'],
    ['nonsense'],
  ]) {
    expect(client.ask('SET', 'k', 'v', ...options), options.join(' ')).toBe(SYNTAX)
  }
  expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
})

test('an expiry must be a positive integer that fits the clock', () => {
  const { connect } = createEngine()
  const client = connect()
  expect(client.ask('SET', 'k', 'v', 'EX', 'x')).toBe('-ERR value is not an integer or out of range\r\n')
  const invalid = "-ERR invalid expire time in 'set' command\r\n"
  for (const [unit, time] of [
    ['EX', '0'],
    ['PX', '-1'],
    ['EX', '9223372036854775807'],
    ['PX', '9223372036854775807'],
    ['EXAT', '9223372036854776'],
  ] as const) {
    expect(client.ask('SET', 'k', 'v', unit, time), `${unit} ${time}`).toBe(invalid)
  }
  expect(client.ask('SETEX', 'k', 0, 'v')).toBe("-ERR invalid expire time in 'setex' command\r\n")
  expect(client.ask('PSETEX', 'k', 0, 'v')).toBe("-ERR invalid expire time in 'psetex' command\r\n")
  expect(client.ask('GETEX', 'k', 'EX', 0)).toBe(NIL)
})

test('the latest expiry there is survives the journal', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  expect(client.ask('SET', 'k', 'v', 'PXAT', '9223372036854775807')).toBe(OK)
  expect(client.ask('PEXPIRETIME', 'k')).toBe(':9223372036854775807\r\n')
  expect(journal.take()).toEqual(['0 SET k v PXAT 9223372036854775807'])
})

test('a big value that came in pieces is kept whole, and stays when the next request reuses the buffers', () => {
  const { connect } = createEngine()
  const client = connect()
  const big = 'x'.repeat(200_000)
  const request = encode(['SET', 'k', big])
  for (let at = 0; at < request.length; at += 50_000) client.sendRaw(request.slice(at, at + 50_000))
  client.ask('SET', 'other', 'y'.repeat(100_000))
  expect(client.ask('GET', 'k')).toBe(`$200000\r\n${big}\r\n`)
  expect(client.ask('APPEND', 'k', 'z')).toBe(':200001\r\n')
  expect(client.ask('GETRANGE', 'k', -3, -1)).toBe('$3\r\nxxz\r\n')
})

test('events: SET tells set, then expire', () => {
  const { connect } = createEngine({ 'notify-keyspace-events': 'EA' })
  const client = connect()
  const subscriber = connect()
  subscriber.ask('PSUBSCRIBE', '*')
  subscriber.received()
  client.ask('SET', 'k', 'v', 'EX', 10)
  client.ask('INCRBYFLOAT', 'f', 1.5)
  client.ask('APPEND', 'k', 'x')
  client.ask('GETDEL', 'k')
  const events = [...subscriber.received().matchAll(/__:(\w+)\r\n\$\d+\r\n(\w+)/g)].map(
    (match) => `${match[1]} ${match[2]}`,
  )
  expect(events).toEqual(['set k', 'expire k', 'incrbyfloat f', 'append k', 'del k'])
})
