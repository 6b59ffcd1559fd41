// Foreign ids far ahead of the clock, which a client wrote into one channel’s stream: their effect
// on that channel, and none on others.

import { describe, expect, test } from 'vitest'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

const AHEAD = '99999999999999-0'
const KEY = 'channel:{news.a}'

function named({ connect }: TestEngine, name: string): TestClient {
  const client = connect(3)
  client.ask('CLIENT', 'SETNAME', name)
  return client
}

function publish(client: TestClient, channel: string, ...texts: string[]): void {
  for (const text of texts) expect(client.ask('PUBLISH', channel, text)).toMatch(/^:/)
}

function texts(reply: string): string[] {
  const pattern =
    /\$7\r\nmessage\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n|\$8\r\npmessage\r\n(?:\$\d+\r\n.*\r\n){2}\$\d+\r\n(.*)\r\n/g
  return [...reply.matchAll(pattern)].map((match) => match[1] ?? match[2]!)
}

/** Returns the times of a channel’s message ids. */
function times(client: TestClient, channel: string): number[] {
  const reply = client.ask('CHANNEL', 'HISTORY', channel, '-', '+')
  return [...reply.matchAll(/\r\n(\d+)-\d+\r\n/g)].map(([, ms]) => Number(ms))
}

describe('an id that is far ahead of the clock, in one channel', () => {
  test.each([
    ['XADD', KEY, AHEAD, 'message', 'foreign'],
    ['XSETID', KEY, AHEAD],
  ])('leaves the ids of others as they are: %s', (...command) => {
    const engine = createEngine({ channel: 'news.* keep 1s' })
    const client = engine.connect()
    publish(client, 'news.a', 'one')
    client.ask(...command)
    for (const rules of ['news.* keep 1s', 'news.* keep 2s']) {
      client.ask('CONFIG', 'SET', 'channel', rules)
      publish(client, 'news.a', 'two')
      publish(client, 'news.b', 'two')
      expect(times(client, 'news.b').at(-1)).toBe(engine.clock.now())
    }
    client.ask('FLUSHALL')
    publish(client, 'news.a', 'three')
    expect(times(client, 'news.a')).toEqual([engine.clock.now()])
  })

  test('does not keep its messages, or later ones, beyond the age of the rule', () => {
    const engine = createEngine({ channel: 'news.* keep 10s' })
    const client = engine.connect()
    client.ask('XADD', KEY, AHEAD, 'message', 'foreign')
    for (let i = 0; i < 300; i++) {
      publish(client, 'news.a', `${i}`)
      engine.clock.advance(1000)
    }
    // As in channels whose ids follow the clock: whole nodes of a hundred messages go.
    expect(times(client, 'news.a').length).toBeLessThan(120)
    expect(client.ask('CHANNEL', 'HISTORY', 'news.a', '-', '+', 'COUNT', '10', 'REV')).toContain('\r\n290\r\n')
    engine.clock.advance(12_000)
    expect(client.ask('DBSIZE')).toBe(':0\r\n')
    publish(client, 'news.a', 'after')
    expect(times(client, 'news.a')).toEqual([engine.clock.now()])
  })

  test('with the largest possible id, the channel refuses messages until that one is too old', () => {
    const engine = createEngine({ channel: 'news.* keep 1s' })
    const client = engine.connect()
    client.ask('XADD', KEY, '18446744073709551615-18446744073709551615', 'message', 'foreign')
    expect(client.ask('PUBLISH', 'news.a', 'text')).toMatch(/^-ERR The stream has exhausted the last possible ID/)
    publish(client, 'news.b', 'text')
    engine.clock.advance(5000)
    publish(client, 'news.a', 'text')
  })

  test('costs its subscribers no message, and they hear nothing twice', () => {
    const engine = createEngine({ channel: 'news.* keep 1h first all', redeliver: '0' })
    const publisher = engine.connect()
    publisher.ask('XADD', KEY, AHEAD, 'message', 'foreign')
    publish(publisher, 'news.a', 'one')
    const client = named(engine, 'billing')
    expect(texts(client.ask('SUBSCRIBE', 'news.a', '$share/workers/news.a'))).toEqual([
      'foreign',
      'one',
      'foreign',
      'one',
    ])
    publish(publisher, 'news.a', 'two')
    expect(texts(client.received())).toEqual(['two', 'two'])
    client.disconnect()
    publish(publisher, 'news.a', 'three')
    const again = named(engine, 'billing')
    expect(texts(again.ask('SUBSCRIBE', 'news.a', '$share/workers/news.a'))).toEqual(['three', 'three'])
    again.ask('CLIENT', 'CAPA', 'message-ids')
    expect(publisher.ask('CHANNEL', 'LAG', 'news.a', 'default', 'billing')).toBe(':0\r\n')
    again.disconnect()
    engine.clock.advance(4_000_000)
    expect(publisher.ask('EXISTS', KEY)).toBe(':0\r\n')
    publish(publisher, 'news.a', 'four')
    expect(texts(named(engine, 'billing').ask('SUBSCRIBE', 'news.a'))).toEqual(['four'])
  })

  test.each([
    ['billing', 'news.*'],
    ['', '$share/workers/news.*'],
  ])('keeps nothing of other channels from those who listen by a pattern (%s %s)', (name, pattern) => {
    const engine = createEngine({ channel: 'news.* keep 1h', redeliver: '0' })
    const publisher = engine.connect()
    const client = engine.connect(3)
    if (name !== '') client.ask('CLIENT', 'SETNAME', name)
    client.ask('PSUBSCRIBE', pattern)
    publisher.ask('XADD', KEY, AHEAD, 'message', 'foreign')
    client.backlogBytes = 100_000
    const large = 'x'.repeat(10_000)
    const expected: string[] = []
    for (let i = 0; i < 30; i++) {
      publish(publisher, i % 2 === 0 ? 'news.a' : 'news.b', `${i} ${large}`)
      expected.push(`${i} ${large}`)
    }
    client.backlogBytes = 0
    let heard: string[] = []
    for (let i = 0; i < 20; i++) {
      engine.clock.advance(2)
      heard = [...heard, ...texts(client.received())]
      if (i === 2) publish(publisher, 'news.b', 'late')
    }
    expect(heard.toSorted()).toEqual([...expected, 'late'].toSorted())
    publish(publisher, 'news.b', 'live')
    expect(texts(client.received())).toEqual(['live'])
    client.disconnect()
    publish(publisher, 'news.b', 'missed')
    const again = engine.connect(3)
    if (name !== '') again.ask('CLIENT', 'SETNAME', name)
    expect(texts(again.ask('PSUBSCRIBE', pattern))).toContain('missed')
  })

  test('positions that followed it in older versions are corrected, and nothing is missed', () => {
    const settings = { channel: 'news.* keep 1h', redeliver: '0' }
    const first = createEngine(settings)
    const client = first.connect()
    client.ask('HSET', 'places:pattern:{news.*}', 'default billing', AHEAD)
    client.ask('HSET', 'places:channel:{news.b}', 'default billing', `${AHEAD} 7`)
    client.ask('XADD', KEY, AHEAD, 'message', 'foreign')
    const second = restarted(first, settings)
    publish(second.connect(), 'news.b', 'missed')
    const billing = named(second, 'billing')
    expect(texts(billing.ask('SUBSCRIBE', 'news.b'))).toEqual(['missed'])
    expect(texts(billing.ask('PSUBSCRIBE', 'news.*'))).toEqual(['missed', 'foreign'])
  })
})

test('ids slightly ahead of the clock, from a server whose clock was ahead, move the ids of all channels', () => {
  const engine = createEngine({ channel: 'news.* keep 1h' })
  const client = engine.connect()
  const ms = engine.clock.now() + 30_000
  client.ask('XADD', KEY, `${ms}-0`, 'message', 'one')
  publish(client, 'news.a', 'two')
  publish(client, 'news.b', 'two')
  expect(times(client, 'news.b')).toEqual([ms])
})

test('messages with ids slightly ahead of the clock expire by their age all the same', () => {
  const engine = createEngine({ channel: 'news.* keep 1s' })
  const client = engine.connect()
  client.ask('XADD', KEY, `${engine.clock.now() + 50_000}-0`, 'message', 'one')
  publish(client, 'news.a', 'two')
  publish(client, 'news.b', 'two')
  engine.clock.advance(4000)
  expect(client.ask('DBSIZE')).toBe(':0\r\n')
})
