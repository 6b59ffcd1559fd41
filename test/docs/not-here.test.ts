// docs/not-here.md: every request of its tables is refused with the error that the page shows.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { splitInline } from '../../src/protocol/inline-words.ts'
import { createEngine, encode, type TestClient } from '../support/engine.ts'
import { RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/not-here.md'), 'utf8')

/** Subscribes, and returns the texts that the client hears at once. */
function heardOn(client: TestClient, ...subscribe: string[]): string[] {
  const heard = client.ask(...subscribe) + client.received()
  return [...heard.matchAll(/message\r\n(?:\$\d+\r\n[^\r]*\r\n)+?\$\d+\r\n([^\r]*)\r\n(?=\*|$)/g)].map(
    ([, text]) => text!,
  )
}

function named(client: TestClient): TestClient {
  client.ask('CLIENT', 'SETNAME', 'billing')
  return client
}

/** The requests and errors of the tables whose first column has this heading. */
function rowsOf(heading: string): { request: string; error: string }[] {
  const rows: { request: string; error: string }[] = []
  let isOwn = false
  for (const line of PAGE.split('\n')) {
    if (line.startsWith('| request')) isOwn = line.startsWith(`| ${heading} |`)
    const [, request, error] = /^\| `(.*?)` \| `(.*?)` \|/.exec(line) ?? []
    if (isOwn && request !== undefined && error !== undefined) rows.push({ request, error })
  }
  return rows
}

describe('docs/not-here.md', () => {
  test.each([
    ['request', {}, 19],
    ['request, to a node of a cluster', { 'cluster-enabled': 'yes' }, 5],
  ])('shows the errors of the server: %s', async (heading, config, count) => {
    const rows = rowsOf(heading)
    expect(rows).toHaveLength(count)
    const { port } = await startTestServer({ dir: temporaryDirectory(), appendonly: false, config })
    for (const { error, request } of rows) {
      const connection = await RawConnection.open(port)
      connection.send(encode(splitInline(request)!) + encode(['QUIT']))
      expect(await connection.rest(), request).toBe(`-${error}\r\n+OK\r\n`)
    }
  })

  test('says what clients of MQTT and of HTTP see', async () => {
    const { port } = await startTestServer()
    const mqtt = await RawConnection.open(port)
    mqtt.send('\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00')
    const http = await RawConnection.open(port)
    http.send('GET / HTTP/1.1\r\nHost: broker.example\r\n\r\n')
    expect(await http.rest()).toBe('')
    expect([mqtt.received, mqtt.closed]).toEqual(['', false])
  })
})

describe('docs/not-here.md, of users of MQTT brokers,', () => {
  const RULES = { channel: 'rates.* keep-last 1 orders.* keep 1h dedupe 1h', redeliver: '0' }

  test('tells how the last message of a channel is heard and removed', () => {
    const { connect } = createEngine(RULES)
    const publisher = connect()
    for (const text of ['1', '2']) publisher.ask('PUBLISH', 'rates.eur', text)
    expect(heardOn(connect(), 'SUBSCRIBE', 'rates.eur')).toEqual(['2'])
    expect(heardOn(connect(), 'PSUBSCRIBE', 'rates.*')).toEqual(['2'])
    const billing = named(connect())
    expect(heardOn(billing, 'SUBSCRIBE', 'rates.eur')).toEqual(['2'])
    billing.disconnect()
    expect(heardOn(named(connect()), 'SUBSCRIBE', 'rates.eur')).toEqual([])
    publisher.ask('PUBLISH', 'rates.eur', '')
    expect(heardOn(connect(), 'SUBSCRIBE', 'rates.eur')).toEqual([''])
    expect(publisher.ask('CHANNEL', 'TRIM', 'rates.eur', 'MAXLEN', '0')).toBe(':1\r\n')
    expect(heardOn(connect(), 'SUBSCRIBE', 'rates.eur')).toEqual([])
  })

  test('tells who hears what was missed, and that a repeated id is kept once', () => {
    const { connect } = createEngine(RULES)
    const publisher = connect()
    const first = named(connect())
    heardOn(first, 'SUBSCRIBE', 'orders.eu')
    first.disconnect()
    for (const id of ['a', 'a', 'b']) publisher.ask('PUBLISH', 'orders.eu', `text ${id}`, 'ID', id)
    expect(heardOn(connect(), 'SUBSCRIBE', 'orders.eu')).toEqual([])
    expect(heardOn(named(connect()), 'SUBSCRIBE', 'orders.eu')).toEqual(['text a', 'text b'])
  })

  test('tells that + and # are no wildcards, that * goes beyond slashes, and that groups have the names of MQTT 5', () => {
    const { connect } = createEngine()
    const [glob, plus, hash, member] = [connect(), connect(), connect(), connect()]
    glob.ask('PSUBSCRIBE', 'home/*')
    plus.ask('PSUBSCRIBE', 'home/+/light')
    hash.ask('PSUBSCRIBE', 'home/#')
    member.ask('SUBSCRIBE', '$share/workers/home/hall/light')
    expect(connect().ask('PUBLISH', 'home/hall/light', 'on')).toBe(':2\r\n')
    expect([glob, plus, hash, member].map((client) => client.received() !== '')).toEqual([true, false, false, true])
  })
})
