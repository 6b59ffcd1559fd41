// CHANNEL LAG and CHANNEL SUBSCRIBERS of a pattern: as exact as counting each message for each
// subscriber, without delaying other clients.

import { describe, expect, test } from 'vitest'
import { LagCounter } from '../../src/channels/positions/lag-counter.ts'
import { StreamId } from '../../src/store/stream/stream-id.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { createEngine, encode, type TestClient, type TestEngine } from '../support/engine.ts'
import { seedOf } from '../support/seed.ts'

/** Ids have so few different times that many are equal. */
const TIMES = 400

function idOf(random: Random): StreamId {
  return StreamId.of(1 + random.below(TIMES), random.below(3))
}

function pick(random: Random, numbers: readonly number[]): number {
  return numbers[random.below(numbers.length)]!
}

test('the lags of positions equal a count one by one, however many messages lie where', () => {
  const random = new Random(seedOf('LAG_SEED'))
  for (let round = 0; round < 60; round++) {
    const engine = createEngine({ channel: 'k.* keep forever' })
    const client = engine.connect()
    const { db, logs } = engine.engine.parts.channels
    const messages: StreamId[] = []
    for (let channel = 0; channel < 6; channel++) {
      const count = pick(random, [0, 1, 3, 40, 700])
      const ids = Array.from({ length: count }, () => idOf(random)).sort((a, b) => a.compare(b))
      const unique = ids.filter((id, i) => i === 0 || !id.equals(ids[i - 1]!))
      for (const id of unique) client.ask('XADD', `channel:{k.${channel}}`, id.toString(), 'message', 'text')
      const kept = unique.filter((id) => {
        if (random.below(20) > 0) return true
        client.ask('XDEL', `channel:{k.${channel}}`, id.toString())
        return false
      })
      messages.push(...kept)
    }
    client.ask('CONFIG', 'SET', 'channel', 'k.* keep forever first all')
    const places = Array.from({ length: pick(random, [0, 1, 2, 30, 900]) }, () => idOf(random))
    const count = new LagCounter(places)
    for (const log of logs.all()) for (const _ of count.add(log.stream!));
    const expected = places.map((place) => messages.filter((id) => id.compare(place) > 0).length)
    expect(count.lags()).toEqual(expected)
    expect(db.find(Bytes.from('k'))).toBe(-1)
  }
})

describe('of very many channels and subscribers', () => {
  const COUNT = 3000
  const WORDS = ['CHANNEL', 'LAG', 'k.*', 'PATTERN']

  function many(): { engine: TestEngine; client: TestClient } {
    const engine = createEngine({ channel: 'k.* keep 1h' })
    const client = engine.connect()
    let requests = ''
    for (let i = 0; i < COUNT; i++) requests += encode(['PUBLISH', `k.${i}`, 'text'])
    client.sendRaw(requests)
    for (let i = 0; i < 5; i++) client.ask('HSET', 'places:pattern:{k.*}', `default name-${i}`, '0-0')
    return { engine, client }
  }

  /** Sends a command whose turn ends without any other event. */
  async function answered(client: TestClient): Promise<string> {
    let text = ''
    for (let i = 0; i < 100 && text === ''; i++) {
      text = client.received()
      await Promise.resolve()
    }
    return text
  }

  test('a client waits for its answer, and other clients are served meanwhile', async () => {
    const { engine, client } = many()
    client.sendUnended(...WORDS)
    const other = engine.connect()
    other.sendUnended('PING')
    engine.engine.endTurn()
    expect(client.client.requests.parked).toBe(true)
    expect(other.received()).toBe('+PONG\r\n')
    expect((await answered(client)).match(/:3000\r\n/g)).toHaveLength(5)
    expect(client.ask('PING')).toBe('+PONG\r\n')
    client.sendUnended('CHANNEL', 'SUBSCRIBERS', 'k.*', 'PATTERN')
    expect((await answered(client)).match(/:3000\r\n/g)).toHaveLength(5)
    client.sendUnended('CHANNEL', 'LAG', 'k.*', 'default', 'name-3', 'PATTERN')
    expect(await answered(client)).toBe(':3000\r\n')
    client.sendUnended('CHANNEL', 'LAG', 'k.*', 'default', 'stranger', 'PATTERN')
    expect(await answered(client)).toBe('$-1\r\n')
  })

  test('in a transaction and a script the answer comes at once', () => {
    const { client } = many()
    client.ask('MULTI')
    client.ask(...WORDS)
    expect(client.ask('EXEC').match(/:3000\r\n/g)).toHaveLength(5)
    expect(client.ask('EVAL', 'return redis.call(unpack(ARGV))', '0', ...WORDS).match(/:3000\r\n/g)).toHaveLength(5)
  })

  test('a client that goes, is unblocked or loses its rights meanwhile gets no answer to another question', async () => {
    const { engine, client } = many()
    const gone = engine.connect()
    gone.sendUnended(...WORDS)
    gone.disconnect()
    client.sendUnended(...WORDS)
    engine.engine.endTurn()
    const other = engine.connect()
    other.sendUnended('CLIENT', 'UNBLOCK', client.client.id)
    engine.engine.endTurn()
    expect(await answered(client)).toMatch(/^-ERR The command goes on, but its reply was given up/)
    client.ask('HDEL', 'places:pattern:{k.*}', 'default name-1')
    client.sendUnended(...WORDS)
    expect((await answered(client)).match(/:3000\r\n/g)).toHaveLength(4)
  })
})
