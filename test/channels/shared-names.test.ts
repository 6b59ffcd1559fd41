// Connections of one name listen beside each other, and share its read position.

import { describe, expect, onTestFinished, test } from 'vitest'
import type { Log } from '../../src/engine/log.ts'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

const KEEP = { channel: 'orders.* keep 1h', redeliver: '1000' }
const NOT_LOGGED = (): void => {}

function named({ connect }: TestEngine, protocol: 2 | 3, ...capabilities: string[]): TestClient {
  const client = connect(protocol)
  for (const capability of capabilities) client.ask('CLIENT', 'CAPA', capability)
  client.ask('CLIENT', 'SETNAME', 'billing')
  return client
}

/** Returns the texts of messages in a reply, and of those that arrived since. */
function texts(client: TestClient, reply = ''): string[] {
  const bytes = reply + client.received()
  return [...bytes.matchAll(/\$[78]\r\np?message\r\n(?:\$\d+\r\n.*\r\n){1,2}?\$\d+\r\n(\w+)\r\n/g)].map(
    ([, text]) => text!,
  )
}

function publish({ connect }: TestEngine, ...all: string[]): void {
  for (const text of all) connect().ask('PUBLISH', 'orders.eu', text)
}

const subscribe = (client: TestClient): string[] => texts(client, client.ask('SUBSCRIBE', 'orders.eu'))

describe.each([2, 3] as const)('connections of one name in RESP%i', (protocol) => {
  test('hear every message that is published, and neither is disconnected', () => {
    const engine = createEngine(KEEP)
    const [first, second] = [named(engine, protocol), named(engine, 5 - protocol === 2 ? 2 : 3)]
    first.ask('SUBSCRIBE', 'orders.eu')
    publish(engine, 'one')
    expect(subscribe(second)).toEqual([])
    publish(engine, 'two')
    expect([texts(first), texts(second)]).toEqual([['one', 'two'], ['two']])
    expect([first.closed, second.closed]).toEqual([undefined, undefined])
  })

  test('hear nothing again that they were sent, too, when one of several breaks', () => {
    const engine = createEngine(KEEP)
    const [first, second] = [named(engine, protocol), named(engine, protocol)]
    first.ask('SUBSCRIBE', 'orders.eu')
    publish(engine, 'one')
    engine.clock.advance(2000)
    subscribe(second)
    publish(engine, 'two')
    texts(second)
    first.disconnect()
    expect(texts(second)).toEqual([])
    expect(subscribe(named(engine, protocol))).toEqual([])
  })

  test.each(['SUBSCRIBE', 'PSUBSCRIBE'])(
    'hear what was sent shortly before to a connection that broke, and to no other (%s)',
    (command) => {
      const engine = createEngine(KEEP)
      const listen = (client: TestClient) =>
        texts(client, client.ask(command, command === 'SUBSCRIBE' ? 'orders.eu' : 'orders.*'))
      const [first, second, third] = [named(engine, protocol), named(engine, protocol), named(engine, protocol)]
      listen(first)
      publish(engine, 'old')
      engine.clock.advance(5000)
      // They are in flight when the network fails. The client connects anew before the broker knows.
      publish(engine, 'lost1', 'lost2')
      expect(listen(second)).toEqual([])
      publish(engine, 'new')
      expect(listen(third)).toEqual([])
      expect([texts(second), texts(third)]).toEqual([['new'], []])
      engine.clock.advance(500)
      first.disconnect()
      engine.clock.advance(2)
      expect([texts(second), texts(third)]).toEqual([['lost1', 'lost2'], []])
      publish(engine, 'next')
      expect([texts(second), texts(third)]).toEqual([['next'], ['next']])
      engine.clock.advance(5000)
      second.disconnect()
      third.disconnect()
      expect(listen(named(engine, protocol))).toEqual([])
    },
  )

  test('hear nothing again when one of several ends with QUIT', () => {
    const engine = createEngine(KEEP)
    const [first, second] = [named(engine, protocol), named(engine, protocol)]
    first.ask('SUBSCRIBE', 'orders.eu')
    publish(engine, 'one')
    subscribe(second)
    first.ask('QUIT')
    first.disconnect()
    expect(texts(second)).toEqual([])
  })

  test('hear again what was sent within `redeliver` when the last one breaks, once', () => {
    const engine = createEngine(KEEP)
    const [first, second] = [named(engine, protocol), named(engine, protocol)]
    subscribe(first)
    subscribe(second)
    publish(engine, 'old')
    engine.clock.advance(5000)
    publish(engine, 'recent')
    first.disconnect()
    second.disconnect()
    publish(engine, 'missed')
    const [third, fourth] = [named(engine, protocol), named(engine, protocol)]
    expect(subscribe(third)).toEqual(['recent', 'missed'])
    expect(subscribe(fourth)).toEqual([])
  })

  test('hear what only a broken connection was hearing', () => {
    const engine = createEngine(KEEP)
    subscribe(named(engine, protocol))
    engine.clock.advance(5000)
    const second = restarted(engine, KEEP)
    publish(second, 'a', 'b', 'c')
    const [slow, live] = [named(second, protocol), named(second, protocol)]
    slow.backlogBytes = 100_000
    slow.ask('SUBSCRIBE', 'orders.eu')
    expect(subscribe(live)).toEqual([])
    publish(second, 'd')
    expect(texts(live)).toEqual(['d'])
    slow.disconnect()
    expect(texts(live)).toEqual(['a', 'b', 'c'])
    publish(second, 'e')
    expect(texts(live)).toEqual(['e'])
  })

  test('hear only what is missing when the broker dies while one of them catches up', () => {
    const first = createEngine(KEEP)
    const gone = named(first, protocol)
    subscribe(gone)
    first.clock.advance(5000)
    gone.disconnect()
    publish(first, 'a', 'b')
    const [slow, live] = [named(first, protocol), named(first, protocol)]
    slow.backlogBytes = 100_000
    slow.ask('SUBSCRIBE', 'orders.eu')
    subscribe(live)
    publish(first, 'c', 'd')
    expect(texts(live)).toEqual(['c', 'd'])
    first.clock.advance(5000)
    const second = restarted(first, KEEP)
    publish(second, 'e')
    expect(subscribe(named(second, protocol))).toEqual(['a', 'b', 'e'])
  })

  test('leave the name one by one, and the last UNSUBSCRIBE forgets it', () => {
    const engine = createEngine(KEEP)
    const [first, second] = [named(engine, protocol), named(engine, protocol)]
    subscribe(first)
    subscribe(second)
    first.ask('UNSUBSCRIBE')
    const asked = engine.connect()
    expect(asked.ask('EXISTS', 'places:channel:{orders.eu}')).toBe(':1\r\n')
    publish(engine, 'one')
    expect([texts(first), texts(second)]).toEqual([[], ['one']])
    second.ask('UNSUBSCRIBE')
    expect(asked.ask('EXISTS', 'places:channel:{orders.eu}')).toBe(':0\r\n')
  })
})

test('an acknowledgement from another connection counts for the name', () => {
  const engine = createEngine(KEEP)
  const [first, second] = [named(engine, 3, 'message-ids'), named(engine, 3, 'message-ids')]
  subscribe(first)
  subscribe(second)
  publish(engine, 'one', 'two')
  const [id] = /\d{13}-\d+/.exec(first.received()) ?? []
  expect(named(engine, 2).ask('CHANNEL', 'ACK', 'orders.eu', id ?? '')).toBe(':1\r\n')
  first.disconnect()
  second.disconnect()
  const third = named(engine, 3, 'message-ids')
  expect(third.ask('SUBSCRIBE', 'orders.eu').match(/\r\n(one|two)\r\n/g)).toEqual(['\r\ntwo\r\n'])
})

test('CHANNEL SEEK moves all connections of a name, and CHANNEL FORGET forgets them all', () => {
  const engine = createEngine(KEEP)
  const [first, second] = [named(engine, 3), named(engine, 2)]
  subscribe(first)
  publish(engine, 'one')
  subscribe(second)
  const admin = engine.connect()
  expect([texts(first), texts(second)]).toEqual([['one'], []])
  expect(admin.ask('CHANNEL', 'SEEK', 'orders.eu', 'default', 'billing', 'FIRST')).toBe('+OK\r\n')
  expect([texts(first), texts(second)]).toEqual([['one'], ['one']])
  expect(admin.ask('CHANNEL', 'FORGET', 'orders.eu', 'default', 'billing')).toBe(':1\r\n')
  publish(engine, 'two')
  expect([texts(first), texts(second)]).toEqual([['two'], ['two']])
  first.disconnect()
  second.disconnect()
  expect(admin.ask('EXISTS', 'places:channel:{orders.eu}')).toBe(':0\r\n')
})

test('a pattern of many channels keeps what was not acknowledged when the rules change', () => {
  const engine = createEngine(KEEP)
  const publisher = engine.connect()
  named(engine, 3, 'message-ids').ask('PSUBSCRIBE', 'orders.*')
  for (let i = 0; i < 40; i++) publisher.ask('PUBLISH', `orders.${i}`, `m${i}`)
  const second = restarted(engine, KEEP)
  const client = named(second, 3, 'message-ids')
  client.ask('PSUBSCRIBE', 'orders.*')
  client.backlogBytes = 100_000
  second.connect().ask('PUBLISH', 'orders.1', 'x'.repeat(200_000))
  second.connect().ask('CONFIG', 'SET', 'channel', 'orders.* keep 2h')
  client.backlogBytes = 0
  second.clock.advance(50)
  client.received()
  client.disconnect()
  const again = named(second, 3, 'message-ids')
  expect(again.ask('PSUBSCRIBE', 'orders.*') + again.received()).toContain('\r\nm0\r\n')
})

test('the position goes back when a foreign id ahead of the clock is gone', () => {
  const engine = createEngine(KEEP)
  const admin = engine.connect()
  const [first, second] = [named(engine, 3), named(engine, 2)]
  subscribe(first)
  subscribe(second)
  admin.ask('XADD', 'channel:{orders.eu}', '99999999999999-0', 'message', 'foreign')
  publish(engine, 'one')
  engine.clock.advance(5000)
  admin.ask('DEL', 'channel:{orders.eu}')
  publish(engine, 'two', 'three')
  engine.clock.advance(5000)
  for (const client of [first, second]) client.disconnect()
  publish(engine, 'four')
  expect(subscribe(named(engine, 3))).toEqual(['four'])
})

describe('a rule with `names exclusive`', () => {
  const EXCLUSIVE = { channel: 'orders.* keep 1h names exclusive' }

  test.each([
    ['SUBSCRIBE', 'orders.eu'],
    ['PSUBSCRIBE', 'orders.*'],
    ['SSUBSCRIBE', 'orders.eu'],
  ])('refuses a second connection of a name: %s', (command, target) => {
    const engine = createEngine(EXCLUSIVE)
    const [first, second] = [named(engine, 3), named(engine, 3)]
    first.ask(command, target)
    expect(second.ask(command, 'other', target)).toBe(
      `-ERR the name 'billing' is in use: another connection of user 'default' is subscribed to '${target}', and the channel's rule says names exclusive\r\n`,
    )
    expect(
      second.client.subscriptions.channels.size +
        second.client.subscriptions.patterns.size +
        second.client.subscriptions.shardChannels.size,
    ).toBe(0)
    expect(first.closed).toBeUndefined()
    // The same connection may ask again, others may listen without the name.
    expect(first.ask(command, target)).toContain(target)
    expect(engine.connect(3).ask(command, target)).toContain(`${target}\r\n:1\r\n`)
    first.disconnect()
    expect(second.ask(command, target)).toContain(`${target}\r\n:1\r\n`)
  })

  test('is printed as it is read, and wants kept messages', () => {
    const { connect } = createEngine(EXCLUSIVE)
    const client = connect()
    expect(client.ask('CONFIG', 'GET', 'channel')).toContain('orders.* keep 1h names exclusive')
    for (const [rule, why] of [
      ['orders.* slow conflate names exclusive', 'keep or keep-last is missing'],
      ['orders.* keep 1h names none', 'names wants shared or exclusive'],
    ] as const) {
      expect(client.ask('CONFIG', 'SET', 'channel', rule)).toContain(why)
    }
  })
})

test('shared names and resumed positions are logged once and counted', () => {
  const engine = createEngine(KEEP)
  const lines: string[] = []
  const log: Log = {
    debug: NOT_LOGGED,
    warn: NOT_LOGGED,
    error: NOT_LOGGED,
    fatal: NOT_LOGGED,
    info: (details, message) => lines.push(`${message} ${JSON.stringify(details)}`),
  }
  const before = { ...engine.engine.environment.log }
  Object.assign(engine.engine.environment.log, log)
  onTestFinished(() => void Object.assign(engine.engine.environment.log, before))
  const figures = () =>
    [
      ...engine
        .connect()
        .ask('INFO', 'stats')
        .matchAll(/(shared_names|resumed_positions):(\d+)/g),
    ].map(([, , n]) => n)
  for (let i = 0; i < 3; i++) {
    const clients = [named(engine, 3), named(engine, 2), named(engine, 2)]
    for (const client of clients) client.ask('SUBSCRIBE', 'orders.eu')
    expect(figures()).toEqual(['1', String(i)])
    expect(engine.connect(3).ask('CHANNEL', 'SUBSCRIBERS', 'orders.eu')).toContain('$11\r\nconnections\r\n:3\r\n')
    for (const client of clients) client.disconnect()
  }
  expect(figures()).toEqual(['0', '2'])
  expect(lines).toEqual([
    expect.stringMatching(/^several connections listen under one name.*"billing"/),
    expect.stringMatching(/^a subscriber with a name came back.*"orders.eu"/),
  ])
})
