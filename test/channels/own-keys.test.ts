// The keys of kept channels beside keyspace events that are kept themselves: neither feeds the
// other.

import { describe, expect, test } from 'vitest'
import { createEngine, restarted, TestClient, type TestEngine } from '../support/engine.ts'

function named({ connect }: TestEngine, name: string): TestClient {
  const client = connect(3)
  client.ask('CLIENT', 'SETNAME', name)
  return client
}

/** Returns the channels of the messages that a pattern’s subscriber was sent. */
function channels(reply: string): string[] {
  return [...reply.matchAll(/\$8\r\npmessage\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g)].map(([, channel]) => channel!)
}

/** Bytes of the data. */
function size({ engine }: TestEngine): number {
  return engine.data.dataset.usedBytes
}

describe('a rule for every channel, beside keyspace events', () => {
  test.each(['KEn', 'KEAnm'])('of the classes %s, keeps a few messages for each change and no more', (classes) => {
    const engine = createEngine({ channel: '* keep 1h dedupe 1h', 'notify-keyspace-events': classes })
    const client = engine.connect()
    client.ask('SET', 'a', '1')
    const keys = Number(client.ask('DBSIZE').slice(1))
    expect(keys).toBeLessThan(8)
    client.ask('PUBLISH', 'news', 'one', 'ID', 'x')
    client.ask('PUBLISH', 'news', 'two', 'IN', '5')
    engine.clock.advance(1000)
    // The stream of the channel, and the ids of its messages.
    expect(Number(client.ask('DBSIZE').slice(1))).toBe(keys + 2)
  })

  test('leaves an idle server unchanged: expiry makes no message', () => {
    const engine = createEngine({ channel: '* keep 1s dedupe 1s', 'notify-keyspace-events': 'KEAn', redeliver: '0' })
    const client = engine.connect()
    const listener = named(engine, 'billing')
    listener.ask('SUBSCRIBE', 'news')
    client.ask('PUBLISH', 'news', 'one', 'ID', 'x')
    listener.disconnect()
    engine.clock.advance(60_000)
    const bytes = size(engine)
    engine.clock.advance(60_000)
    expect(size(engine)).toBe(bytes)
    expect(client.ask('KEYS', '*channel:*')).toBe('*1\r\n$21\r\nplaces:channel:{news}\r\n')
  })

  test('publishes no event about keys of channels, even when a client changes them', () => {
    const engine = createEngine({ channel: 'news.* keep 1h dedupe 1h', 'notify-keyspace-events': 'KEAnm' })
    const watcher = engine.connect(3)
    watcher.ask('PSUBSCRIBE', '__key*')
    const client = engine.connect()
    const listener = named(engine, 'billing')
    for (const command of ['SUBSCRIBE', 'SSUBSCRIBE']) listener.ask(command, 'news.a')
    listener.ask('PSUBSCRIBE', 'news.*')
    client.ask('PUBLISH', 'news.a', 'one', 'ID', 'x')
    client.ask('SPUBLISH', 'news.{a}', 'one')
    client.ask('PUBLISH', 'news.a', 'two', 'IN', '5')
    engine.clock.advance(10_000)
    listener.disconnect()
    client.ask('CHANNEL', 'TRIM', 'news.a', 'MAXLEN', '0')
    client.ask('XADD', 'channel:{news.a}', '*', 'message', 'three')
    client.ask('XLEN', 'channel:{news.b}')
    client.ask('DEL', 'channel:{news.a}', 'places:pattern:{news.*}', 'ids:channel:{news.a}')
    expect(channels(watcher.received())).toEqual([])
  })

  test('publishes events about keys with such names that belong to no kept channel, and about other databases', () => {
    const engine = createEngine({ channel: 'news.* keep 1h ticks.* slow conflate', 'notify-keyspace-events': 'K$' })
    const watcher = engine.connect(3)
    watcher.ask('PSUBSCRIBE', '__key*')
    const client = engine.connect()
    const keys = [
      'channel:{other}',
      'channel:{ticks.a}',
      'channel:news.a',
      'places:{news.a}',
      'ids',
      'pattern:{news.*}',
    ]
    for (const key of keys) client.ask('SET', key, '1')
    client.ask('SELECT', '1')
    client.ask('SET', 'channel:{news.a}', '1')
    const heard = keys.map((key) => `__keyspace@0__:${key}`)
    expect(channels(watcher.received())).toEqual([...heard, '__keyspace@1__:channel:{news.a}'])
    client.ask('CONFIG', 'SET', 'channel', '')
    client.ask('SELECT', '0')
    client.ask('SET', 'channel:{news.a}', '1')
    expect(channels(watcher.received())).toEqual(['__keyspace@0__:channel:{news.a}'])
  })

  test('of a replica is heard there no more than on its primary', () => {
    const settings = { channel: 'news.* keep 1h', 'notify-keyspace-events': 'KEAn' }
    const primary = createEngine(settings)
    primary.connect().ask('PUBLISH', 'news.a', 'one')
    const { engine, connect } = createEngine(settings)
    const watcher = connect(3)
    watcher.ask('PSUBSCRIBE', '__key*')
    engine.effects.role.become('replica')
    const link = new TestClient(engine, 2, 'primary')
    for (const request of primary.journal.requests) link.ask(...request)
    expect(connect().ask('XLEN', 'channel:{news.a}')).toBe(':1\r\n')
    expect(channels(watcher.received())).toEqual([])
  })
})

test('gaps in gap channels are not reported: there are no gaps of gaps of gaps', () => {
  const engine = createEngine({ channel: '* keep-last 1', redeliver: '0' })
  const publisher = engine.connect()
  const [slow, slower] = [named(engine, 'slow'), named(engine, 'slower')]
  slow.ask('SUBSCRIBE', 'news')
  slower.ask('PSUBSCRIBE', '*')
  slower.backlogBytes = 100_000
  for (let round = 0; round < 5; round++) {
    slow.backlogBytes = 100_000
    for (let i = 0; i < 10; i++) publisher.ask('PUBLISH', 'news', `${i}`)
    slow.backlogBytes = 0
    engine.clock.advance(10)
    slow.received()
  }
  slower.backlogBytes = 0
  engine.clock.advance(10)
  expect(channels(slower.received())).toContain('__gap__:news')
  expect(publisher.ask('KEYS', '*__gap__:__gap__*')).toBe('*0\r\n')
})

test('data in which channels kept events about channels is loaded and trimmed like any other', () => {
  const settings = { channel: '* keep 1s', 'notify-keyspace-events': 'KEA' }
  const first = createEngine(settings)
  const name = 'channel::__keyspace@0__:channel:{news}'
  first.connect().ask('XADD', name, '*', 'message', 'del')
  const second = restarted(first, settings)
  second.clock.advance(5000)
  expect(second.connect().ask('DBSIZE')).toBe(':0\r\n')
})
