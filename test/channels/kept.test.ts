import { describe, expect, test } from 'vitest'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

/** Returns the texts of the messages that a client received since the last call. */
function heard(client: TestClient): string[] {
  return [
    ...client
      .received()
      .matchAll(
        /\$8\r\npmessage\r\n(?:\$\d+\r\n.*\r\n){2}\$\d+\r\n(.*)\r\n|\$7\r\nmessage\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g,
      ),
  ].map((match) => match[1] ?? match[2]!)
}

function named({ connect }: TestEngine, name: string, protocol: 2 | 3 = 2): TestClient {
  const client = connect(protocol)
  client.ask('CLIENT', 'SETNAME', name)
  return client
}

describe('a kept channel', () => {
  test('is a stream under a key of its own, and its messages are journaled in the unit that published them', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const client = engine.connect()
    client.ask('PUBLISH', 'orders.eu', 'one')
    client.ask('PUBLISH', 'other', 'two')
    expect(engine.journal.take()).toEqual([expect.stringMatching(/^0 XADD channel:\{orders\.eu\} \d+-0 message one$/)])
    expect(client.ask('XLEN', 'channel:{orders.eu}')).toBe(':1\r\n')
    client.ask('MULTI')
    client.ask('SET', 'a', 1)
    client.ask('PUBLISH', 'orders.eu', 'three')
    client.ask('EXEC')
    expect(engine.journal.take()).toEqual([
      'MULTI',
      '0 SET a 1',
      expect.stringMatching(/XADD .* message three$/),
      'EXEC',
    ])
  })

  test('sends a subscriber that was away its missed messages in order, and then live ones', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const publisher = engine.connect()
    const first = named(engine, 'billing')
    publisher.ask('PUBLISH', 'orders.eu', 'before')
    first.ask('SUBSCRIBE', 'orders.eu')
    publisher.ask('PUBLISH', 'orders.eu', 'one')
    expect(heard(first)).toEqual(['one'])
    engine.clock.advance(20_000)
    first.disconnect()
    for (let i = 2; i < 1000; i++) publisher.ask('PUBLISH', 'orders.eu', `${i}`)
    const again = named(engine, 'billing')
    const reply = again.ask('SUBSCRIBE', 'orders.eu')
    expect(reply.startsWith('*3\r\n$9\r\nsubscribe\r\n')).toBe(true)
    publisher.ask('PUBLISH', 'orders.eu', 'live')
    const rest = heard(again)
    const all = [...reply.matchAll(/\$7\r\nmessage\r\n\$9\r\norders\.eu\r\n\$\d+\r\n(.*)\r\n/g)].map((m) => m[1]!)
    expect([...all, ...rest]).toEqual([...Array.from({ length: 998 }, (_, i) => `${i + 2}`), 'live'])
  })

  test('has one order for a pattern of several channels, also with new ones', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const publisher = engine.connect()
    const first = named(engine, 'billing')
    first.ask('PSUBSCRIBE', 'orders.*')
    engine.clock.advance(20_000)
    first.disconnect()
    const expected = Array.from({ length: 500 }, (_, i) => `${i}`)
    for (const text of expected) publisher.ask('PUBLISH', `orders.${Number(text) % 7}`, text)
    const again = named(engine, 'billing')
    const reply = again.ask('PSUBSCRIBE', 'orders.*')
    const all = [...reply.matchAll(/pmessage\r\n\$\d+\r\n.*\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g)].map((m) => m[1]!)
    expect(all).toEqual(expected)
  })

  test('lets a slow reader read from the log, without buffering for it', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h', 'client-output-buffer-limit': 'pubsub 200kb 0 0' })
    const publisher = engine.connect()
    const slow = engine.connect()
    slow.ask('SUBSCRIBE', 'orders.eu')
    slow.backlogBytes = 100_000
    const texts = Array.from({ length: 2000 }, (_, i) => `${i}`.padStart(1000, '0'))
    for (const text of texts) publisher.ask('PUBLISH', 'orders.eu', text)
    expect(slow.closed).toBeUndefined()
    expect(heard(slow)).toEqual([])
    slow.backlogBytes = 0
    engine.clock.advance(10)
    expect(heard(slow)).toEqual(texts)
    publisher.ask('PUBLISH', 'orders.eu', 'live')
    expect(heard(slow)).toEqual(['live'])
  })

  test('reports a gap before the messages behind it, with ids that people can read', () => {
    const engine = createEngine({ channel: 'orders.* keep-last 2 first new', redeliver: '0' })
    const publisher = engine.connect()
    const first = named(engine, 'billing')
    first.ask('SUBSCRIBE', 'orders.eu')
    for (const text of ['a', 'b']) publisher.ask('PUBLISH', 'orders.eu', text)
    first.disconnect()
    for (const text of ['c', 'd', 'e', 'f']) publisher.ask('PUBLISH', 'orders.eu', text)
    const second = named(engine, 'billing')
    const reply = second.ask('SUBSCRIBE', '__gap__:orders.eu', 'orders.eu') + second.received()
    const texts = [...reply.matchAll(/\$7\r\nmessage\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g)].map(([, text]) => text)
    const ms = engine.clock.now()
    // Behind `b` and before `e`.
    expect(texts).toEqual([`2 ${ms}-1 ${ms}-4`, 'e', 'f'])
  })

  test('reports a gap once, however many slices are read before it is reached', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h orders.b keep-last 1' })
    const publisher = engine.connect()
    const watcher = engine.connect()
    watcher.ask('SUBSCRIBE', '__gap__:orders.b')
    const first = named(engine, 'billing')
    first.ask('PSUBSCRIBE', 'orders.*')
    engine.clock.advance(20_000)
    first.disconnect()
    for (let i = 0; i < 300; i++) publisher.ask('PUBLISH', 'orders.a', 'x'.repeat(1000))
    for (let i = 0; i < 3; i++) publisher.ask('PUBLISH', 'orders.b', `${i}`)
    const again = named(engine, 'billing')
    const reply = again.ask('PSUBSCRIBE', 'orders.*')
    expect(`${reply}${again.received()}`.match(/\$8\r\npmessage/g)?.length).toBe(301)
    expect(heard(watcher)).toEqual([expect.stringMatching(/^\? /)])
  })

  test('is written to by scripts only where they may write', () => {
    const { connect } = createEngine({ channel: 'orders.* keep 1h', maxmemory: '1' })
    const client = connect()
    const publish = (channel: string): string => `return redis.pcall('PUBLISH', '${channel}', 'text')`
    expect(client.ask('PUBLISH', 'orders.eu', 'text')).toMatch(/^-OOM /)
    expect(client.ask('EVAL', publish('orders.eu'), 0)).toMatch(/^-OOM /)
    expect(client.ask('EVAL', publish('other'), 0)).toBe(':0\r\n')
  })

  test('keeps the last values for later subscribers', () => {
    const { connect } = createEngine({ channel: 'rates.* keep-last 2' })
    const publisher = connect()
    for (const rate of ['1', '2', '3']) publisher.ask('PUBLISH', 'rates.eur', rate)
    const subscriber = connect()
    const reply = subscriber.ask('SUBSCRIBE', 'rates.eur')
    expect(reply.endsWith('$1\r\n2\r\n*3\r\n$7\r\nmessage\r\n$9\r\nrates.eur\r\n$1\r\n3\r\n')).toBe(true)
    expect(publisher.ask('XLEN', 'channel:{rates.eur}')).toBe(':2\r\n')
  })
})

describe('keyspace events that are kept', () => {
  const SETTINGS = {
    channel: '__keyevent@*__:expired keep 1h',
    'notify-keyspace-events': 'Ex',
  }

  test('show a subscriber that was away the expired keys, after a restart too', () => {
    const first = createEngine(SETTINGS)
    const scheduler = named(first, 'scheduler')
    scheduler.ask('SUBSCRIBE', '__keyevent@0__:expired')
    const client = first.connect()
    client.ask('SET', 'heard', '', 'PX', 10)
    first.clock.advance(11)
    expect(heard(scheduler)).toEqual(['heard'])
    first.clock.advance(20_000)
    scheduler.disconnect()
    client.ask('SET', 'missed', '', 'PX', 10)
    client.ask('SET', 'due while it was down', '', 'PX', 1000)
    first.clock.advance(11)
    const second = restarted(first, SETTINGS, 60_000)
    second.clock.advance(1)
    const again = named(second, 'scheduler')
    const reply = again.ask('SUBSCRIBE', '__keyevent@0__:expired')
    const missed = [...reply.matchAll(/__:expired\r\n\$\d+\r\n(.*)\r\n/g)].map((match) => match[1])
    expect(missed).toEqual(['missed', 'due while it was down'])
  })

  test('of the streams that keep them do not run in circles', () => {
    const engine = createEngine({ channel: '__key* keep 1h', 'notify-keyspace-events': 'KEA' })
    const client = engine.connect()
    // The key and its two events: keeping a message is no event itself.
    for (let i = 0; i < 20; i++) client.ask('SET', 'a', i)
    expect(client.ask('DBSIZE')).toBe(':3\r\n')
    expect(client.ask('XLEN', 'channel:{__keyevent@0__:set}')).toBe(':20\r\n')
  })
})
