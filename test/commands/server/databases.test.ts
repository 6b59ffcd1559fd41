import { describe, expect, test } from 'vitest'
import { Bytes } from '../../../src/util/bytes/bytes.ts'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

/** Puts a key under WATCH, as the command does. */
function watch({ engine }: TestEngine, { client }: TestClient, database: number, key: string): void {
  engine.data.watches.add(client.watched, engine.databases[database]!, Bytes.from(key))
}

/** Has a key in the given databases. */
function fill({ engine }: TestEngine, ...keys: (readonly [number, string])[]): void {
  for (const [database, key] of keys) engine.databases[database]!.writeString(Bytes.from(key), Bytes.from('v'))
}

function sizes({ engine }: TestEngine): number[] {
  return engine.databases.slice(0, 3).map(({ size }) => size)
}

test('DBSIZE counts the keys of the selected database', () => {
  const server = createEngine()
  fill(server, [0, 'a'], [0, 'b'], [1, 'c'])
  const client = server.connect()
  expect(client.ask('DBSIZE')).toBe(':2\r\n')
  client.client.database = 1
  expect(client.ask('DBSIZE')).toBe(':1\r\n')
  expect(client.ask('DBSIZE', 'x')).toBe("-ERR wrong number of arguments for 'dbsize' command\r\n")
})

test('DBSIZE waits until every change it counts is durable', () => {
  const server = createEngine()
  const { journal, connect } = server
  const writer = connect()
  const reader = connect()
  journal.waits = true
  writer.ask('SET', 'a', 'b')
  expect(reader.ask('DBSIZE')).toBe('')
  journal.progress()
  expect(reader.received()).toBe(':1\r\n')
})

describe('FLUSHDB and FLUSHALL', () => {
  test('empty one database, or all', () => {
    const server = createEngine()
    const client = server.connect()
    fill(server, [0, 'a'], [1, 'b'], [2, 'c'])
    client.client.database = 1
    expect(client.ask('FLUSHDB')).toBe('+OK\r\n')
    expect(sizes(server)).toEqual([1, 0, 1])
    expect(client.ask('FLUSHALL', 'async')).toBe('+OK\r\n')
    expect(sizes(server)).toEqual([0, 0, 0])
  })

  test('are journaled as they came, even when there was nothing', () => {
    const { journal, connect } = createEngine()
    const client = connect()
    client.ask('FLUSHDB')
    client.ask('FLUSHALL', 'ASYNC')
    expect(journal.take()).toEqual(['0 FLUSHDB', '0 FLUSHALL ASYNC'])
  })

  test.each([[['foo']], [['SYNC', 'ASYNC']]])('refuse %j and keep the keys', (words) => {
    const server = createEngine()
    fill(server, [0, 'a'])
    const client = server.connect()
    expect(client.ask('FLUSHALL', ...words)).toBe('-ERR syntax error\r\n')
    expect(client.ask('FLUSHDB', ...words)).toBe('-ERR syntax error\r\n')
    expect(sizes(server)).toEqual([1, 0, 0])
    expect(server.journal.take()).toEqual([])
  })

  test('break a WATCH of a key that was there, and no other', () => {
    const server = createEngine()
    fill(server, [0, 'a'], [1, 'a'])
    const [here, missing, elsewhere, client] = [server.connect(), server.connect(), server.connect(), server.connect()]
    watch(server, here, 0, 'a')
    watch(server, missing, 0, 'b')
    watch(server, elsewhere, 1, 'a')
    client.ask('FLUSHDB')
    expect([here, missing, elsewhere].map(({ client }) => client.watched.broken)).toEqual([true, false, false])
    client.ask('FLUSHALL')
    expect([here, missing, elsewhere].map(({ client }) => client.watched.broken)).toEqual([true, false, true])
  })

  test('hold back who reads any key until they are durable', () => {
    const { journal, connect } = createEngine()
    const writer = connect()
    const reader = connect()
    writer.ask('SET', 'a', 'b')
    journal.progress()
    journal.waits = true
    expect(writer.ask('FLUSHALL')).toBe('')
    expect(reader.ask('GET', 'a')).toBe('')
    journal.progress()
    expect(writer.received()).toBe('+OK\r\n')
    expect(reader.received()).toBe('$-1\r\n')
  })
})

describe('SWAPDB', () => {
  test('exchanges two databases and is journaled', () => {
    const server = createEngine()
    fill(server, [0, 'a'], [0, 'b'], [1, 'c'])
    expect(server.connect().ask('SWAPDB', 0, 1)).toBe('+OK\r\n')
    expect(sizes(server)).toEqual([1, 2, 0])
    expect(server.journal.take()).toEqual(['0 SWAPDB 0 1'])
  })

  test.each([
    [['a', 'b'], '-ERR invalid first DB index\r\n'],
    [['0', 'b'], '-ERR invalid second DB index\r\n'],
    [['99999999999', '0'], '-ERR invalid first DB index\r\n'],
    [['0', '99'], '-ERR DB index is out of range\r\n'],
    [['-1', '1'], '-ERR DB index is out of range\r\n'],
  ])('refuses %j', (words, error) => {
    const server = createEngine()
    expect(server.connect().ask('SWAPDB', ...words)).toBe(error)
    expect(server.journal.take()).toEqual([])
  })

  test('breaks a WATCH of a key that is in either database', () => {
    const server = createEngine()
    fill(server, [0, 'a'], [1, 'b'])
    const clients = [server.connect(), server.connect(), server.connect(), server.connect()]
    const watched = [
      [0, 'a'],
      [0, 'b'],
      [0, 'c'],
      [2, 'a'],
    ] as const
    watched.forEach(([database, key], i) => {
      watch(server, clients[i]!, database, key)
    })
    server.connect().ask('SWAPDB', 0, 1)
    expect(clients.map(({ client }) => client.watched.broken)).toEqual([true, true, false, false])
  })

  test('of a database with itself changes nothing but is journaled', () => {
    const server = createEngine()
    fill(server, [0, 'a'])
    const client = server.connect()
    watch(server, client, 0, 'a')
    expect(client.ask('SWAPDB', 0, 0)).toBe('+OK\r\n')
    expect(sizes(server)).toEqual([1, 0, 0])
    expect(client.client.watched.broken).toBe(false)
    expect(server.journal.take()).toEqual(['0 SWAPDB 0 0'])
  })

  test('makes the keys that arrive ready for those who wait there', () => {
    const server = createEngine()
    const [here, there, client] = [server.connect(), server.connect(), server.connect()]
    there.client.database = 1
    here.ask('BLPOP', 'q', 0)
    there.ask('BLPOP', 'q', 0)
    client.client.database = 2
    client.ask('RPUSH', 'q', 'a')
    client.ask('SWAPDB', 1, 2)
    expect(there.received()).toBe('*2\r\n$1\r\nq\r\n$1\r\na\r\n')
    expect(here.received()).toBe('')
  })
})

test('TIME tells seconds and microseconds of the moment of its command', () => {
  const { clock, connect } = createEngine()
  clock.advance(1.25)
  const seconds = Math.floor(clock.now() / 1000)
  expect(connect().ask('TIME')).toBe(`*2\r\n$10\r\n${seconds}\r\n$4\r\n1250\r\n`)
})
