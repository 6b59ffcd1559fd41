// XADD, XTRIM, XDEL, XRANGE, XREAD: entries, and what the journal says of them.

import { describe, expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'

describe('XADD', () => {
  test('makes ids of the clock, and journals what it made', () => {
    const { clock, connect, journal } = createEngine()
    const client = connect()
    const ms = clock.now()
    expect(client.ask('XADD', 's', '*', 'f', 'v')).toBe(`$${String(ms).length + 2}\r\n${ms}-0\r\n`)
    expect(client.ask('XADD', 's', '*', 'f', 'v')).toContain(`${ms}-1\r\n`)
    expect(client.ask('XADD', 's', `${ms + 5}-*`, 'f', 'v')).toContain(`${ms + 5}-0\r\n`)
    // The clock is behind: ids go up all the same.
    expect(client.ask('XADD', 's', '*', 'f', 'v')).toContain(`${ms + 5}-1\r\n`)
    expect(journal.take()).toEqual([
      `0 XADD s ${ms}-0 f v`,
      `0 XADD s ${ms}-1 f v`,
      `0 XADD s ${ms + 5}-0 f v`,
      `0 XADD s ${ms + 5}-1 f v`,
    ])
  })

  test('journals approximate trimming as what it left', () => {
    const { connect, journal } = createEngine({ 'stream-node-max-entries': '10' })
    const client = connect()
    for (let i = 1; i <= 25; i++) client.ask('XADD', 's', `${i}-0`, 'f', i)
    journal.take()
    client.ask('XADD', 's', 'MAXLEN', '~', 12, '26-0', 'f', 'v')
    client.ask('XADD', 's', 'MAXLEN', '~', 3, 'LIMIT', 5, '27-0', 'f', 'v')
    client.ask('XTRIM', 's', 'MINID', '~', '24-0')
    client.ask('XTRIM', 's', 'MINID', '~', '24-0')
    client.ask('XTRIM', 's', 'MINID', '24-0')
    expect(journal.take()).toEqual([
      '0 XADD s MAXLEN = 16 26-0 f v',
      '0 XADD s MAXLEN = 17 LIMIT 5 27-0 f v',
      '0 XTRIM s MINID = 21-0',
      '0 XTRIM s MINID 24-0',
    ])
    expect(client.ask('XLEN', 's')).toBe(':4\r\n')
  })

  test('goes up to the largest id, and no further', () => {
    const client = createEngine().connect()
    const max = '18446744073709551615'
    expect(client.ask('XADD', 's', `${max}-*`, 'f', 'v')).toBe(`$22\r\n${max}-0\r\n`)
    expect(client.ask('XADD', 's', `${max}-${max}`, 'f', 'v')).toBe(`$41\r\n${max}-${max}\r\n`)
    expect(client.ask('XADD', 's', '*', 'f', 'v')).toBe(
      '-ERR The stream has exhausted the last possible ID, unable to add more items\r\n',
    )
    expect(client.ask('XRANGE', 's', '(9223372036854775808', '+', 'COUNT', 1)).toBe(
      `*1\r\n*2\r\n$22\r\n${max}-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n`,
    )
  })

  test('holds entries of any length', () => {
    const { connect, engine } = createEngine()
    const client = connect()
    const long = 'x'.repeat(200_000)
    for (const value of ['', long, '5', 'y'.repeat(65_530), long]) client.ask('XADD', 's', '*', 'f', value, 'g', '-7')
    const reply = client.ask('XREVRANGE', 's', '+', '-')
    expect(reply.split(long).length).toBe(3)
    expect(reply).toContain('$2\r\n-7\r\n')
    client.ask('XTRIM', 's', 'MAXLEN', 2)
    client.ask('COPY', 's', 't')
    expect(client.ask('XRANGE', 's', '-', '+')).toBe(client.ask('XRANGE', 't', '-', '+'))
    client.ask('DEL', 's', 't')
    expect(engine.databases[0]!.arena.usedBytes).toBe(createEngine().engine.databases[0]!.arena.usedBytes)
  })

  test('creates nothing with NOMKSTREAM, and nothing when it fails', () => {
    const { connect, journal } = createEngine()
    const client = connect()
    expect(client.ask('XADD', 's', 'NOMKSTREAM', '*', 'f', 'v')).toBe('$-1\r\n')
    expect(client.ask('XADD', 's', '0-0', 'f', 'v')).toBe('-ERR The ID specified in XADD must be greater than 0-0\r\n')
    expect(client.ask('XADD', 's', '*', 'f')).toBe("-ERR wrong number of arguments for 'xadd' command\r\n")
    expect(client.ask('EXISTS', 's')).toBe(':0\r\n')
    expect(journal.take()).toEqual([])
  })
})

describe('XREAD', () => {
  test('waits behind the last id there was, whatever comes later', () => {
    const { connect } = createEngine()
    const client = connect()
    client.ask('XADD', 's', '1-0', 'f', 'old')
    const [first, second] = [connect(), connect(3)]
    expect(first.ask('XREAD', 'BLOCK', 0, 'STREAMS', 'none', 's', '$', '$')).toBe('')
    expect(second.ask('XREAD', 'COUNT', 1, 'BLOCK', 0, 'STREAMS', 's', '$')).toBe('')
    client.ask('MULTI')
    client.ask('XADD', 's', '2-0', 'f', 'v')
    client.ask('XADD', 's', '3-0', 'f', 'w')
    client.ask('EXEC')
    const entry = (id: string, value: string) => `*2\r\n$3\r\n${id}\r\n*2\r\n$1\r\nf\r\n$1\r\n${value}\r\n`
    expect(first.received()).toBe(`*1\r\n*2\r\n$1\r\ns\r\n*2\r\n${entry('2-0', 'v')}${entry('3-0', 'w')}`)
    expect(second.received()).toBe(`%1\r\n$1\r\ns\r\n*1\r\n${entry('2-0', 'v')}`)
  })

  test('is not disturbed by what else becomes of its keys', () => {
    const { clock, connect } = createEngine()
    const client = connect()
    const waiting = connect()
    expect(waiting.ask('XREAD', 'BLOCK', 50, 'STREAMS', 's', '0')).toBe('')
    client.ask('SET', 's', 'text')
    client.ask('DEL', 's')
    client.ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    expect(waiting.received()).toBe('')
    clock.advance(60)
    expect(waiting.received()).toBe('*-1\r\n')
  })

  test('follows a stream from id to id, over its nodes and what is deleted', () => {
    const client = createEngine({ 'stream-node-max-entries': '4' }).connect()
    const reader = { last: '0', seen: [] as string[] }
    const read = (count: number) => {
      const reply = client.ask('XREAD', 'COUNT', count, 'STREAMS', 's', reader.last)
      for (const [, id] of reply.matchAll(/\r\n(\d+-\d+)\r\n/g)) {
        reader.seen.push(id!)
        reader.last = id!
      }
    }
    const expected: string[] = []
    for (let i = 1; i <= 60; i++) {
      client.ask('XADD', 's', `${i}-0`, 'f', 'v')
      if (i % 7 === 0) client.ask('XDEL', 's', `${i}-0`)
      else expected.push(`${i}-0`)
      if (i % 9 === 0) client.ask('XTRIM', 's', 'MAXLEN', '~', 20)
      if (i % 2 === 0) read(1 + (i % 3))
    }
    while (reader.last !== '60-0') read(3)
    expect(reader.seen).toEqual(expected)
  })
})
