import { describe, expect, test } from 'vitest'
import { Scrape } from '../../src/metrics/scrape.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'

const NAMES = /^(kept_\w+|remembered_subscribers|readers_behind|messages_missed):(.*)\r$/gm

function figures(client: TestClient): Record<string, number> {
  return Object.fromEntries(
    [...client.ask('INFO', 'stats').matchAll(NAMES)].map(([, name, value]) => [name!, Number(value)]),
  )
}

function named({ connect }: TestEngine, name: string): TestClient {
  const client = connect()
  client.ask('CLIENT', 'SETNAME', name)
  return client
}

describe('INFO and metrics', () => {
  test('show kept messages, remembered subscribers, and readers that are behind', async () => {
    const engine = createEngine({ channel: 'orders.* keep 1h', redeliver: '0' })
    const client = engine.connect()
    expect(Object.values(figures(client))).toEqual([0, 0, 0, 0, 0, 0])
    const slow = named(engine, 'billing')
    slow.ask('SUBSCRIBE', 'orders.eu')
    slow.ask('PSUBSCRIBE', 'orders.*')
    slow.backlogBytes = 100_000
    for (const channel of ['orders.eu', 'orders.us', 'orders.eu']) client.ask('PUBLISH', channel, 'text')
    const told = {
      kept_channels: 2,
      kept_messages: 3,
      kept_bytes: expect.any(Number),
      remembered_subscribers: 2,
      readers_behind: 2,
      messages_missed: 0,
    }
    expect(figures(client)).toEqual(told)
    expect(figures(client).kept_bytes).toBeGreaterThan(50)
    const once = new Scrape(engine.engine)
    const text = await once.text()
    once.stop()
    for (const name of ['kept_channels 2', 'kept_messages 3', 'readers_behind 2', 'messages_missed_total 0'])
      expect(text).toContain(`\nrespite_${name}\n`)
    slow.disconnect()
    expect(figures(client)).toEqual({ ...told, readers_behind: 0 })
    client.ask('FLUSHALL')
    expect(Object.values(figures(client))).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('count many channels a slice at a time', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const client = engine.connect()
    for (let i = 0; i < 150; i++) client.ask('PUBLISH', `orders.${i}`, 'text')
    expect(figures(client).kept_channels).toBe(0)
    engine.clock.advance(5000)
    expect(figures(client).kept_channels).toBe(150)
  })

  test('count messages that were removed unread, until CONFIG RESETSTAT', () => {
    const engine = createEngine({ channel: 'orders.* keep-last 2', redeliver: '0' })
    const client = engine.connect()
    const gone = named(engine, 'billing')
    gone.ask('SUBSCRIBE', 'orders.eu')
    gone.disconnect()
    for (const text of ['one', 'two', 'three', 'four']) client.ask('PUBLISH', 'orders.eu', text)
    const again = named(engine, 'billing')
    again.ask('SUBSCRIBE', 'orders.eu')
    expect(figures(client).messages_missed).toBe(2)
    expect(client.ask('CLIENT', 'LIST')).toMatch(/ name=billing .* chan-behind=0 chan-missed=2\n/)
    client.ask('CONFIG', 'RESETSTAT')
    expect(figures(client).messages_missed).toBe(0)
  })
})

test('CLIENT LIST shows readers only for clients that have some', () => {
  const engine = createEngine({ channel: 'orders.* keep 1h ticks.* slow drop-oldest' })
  const client = engine.connect()
  const [plain, reader, spared] = [named(engine, 'plain'), named(engine, 'reader'), named(engine, 'spared')]
  plain.ask('SUBSCRIBE', 'other')
  reader.ask('SUBSCRIBE', 'orders.eu')
  spared.ask('SUBSCRIBE', 'ticks.eu')
  reader.backlogBytes = 100_000
  spared.backlogBytes = 100_000
  client.ask('PUBLISH', 'orders.eu', 'text')
  for (let i = 0; i < 70; i++) client.ask('PUBLISH', 'ticks.eu', 'x'.repeat(1000))
  const list = client.ask('CLIENT', 'LIST')
  expect(list).toMatch(/ name=plain .* lib-ver=\n/)
  expect(list).toMatch(/ name=reader .* lib-ver= chan-behind=1 chan-missed=0\n/)
  expect(list).toMatch(/ name=spared .* lib-ver= chan-behind=0 chan-missed=[1-9]\d*\n/)
})
