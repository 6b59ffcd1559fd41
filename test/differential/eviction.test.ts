// Eviction beside redis-server: of a cache that is asked for few keys often and for most seldom, as much is found here.
//
// Both are asked for the same keys, are given what they miss, and have room for as many keys. So it is the choice of what
// goes that is compared. `npm run bench -- eviction` gives both as much memory, and asks at length.

import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngine, encode } from '../support/engine.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { RawConnection } from '../support/server.ts'
import { Zipf } from '../support/zipf.ts'

const KEYS = 10_000
const EXPONENT = 0.9
const SEED = 20_261_122
/** So many keys have room. */
const KEYS_HELD = 2000
const BATCHES = 120
/** Hits count from here on: the cache is full. */
const BATCHES_BEFORE = 40
const BATCH_COMMANDS = 200
const VALUE = 'v'.repeat(100)
/** By so much fewer of a hundred questions may be answered here. */
const POINTS_MAX = 2

type Ask = (requests: string) => Promise<string>

/** Makes the request that stores a key, which is to expire for some policies. */
type Store = (key: string) => string

function storing(policy: string): Store {
  if (!policy.startsWith('volatile-')) return (key) => encode(['SET', key, VALUE])
  const seconds = new Zipf(KEYS, EXPONENT, SEED)
  return (key) => encode(['SET', key, VALUE, 'EX', 100_000 + seconds.next()])
}

/** Limits memory to what `KEYS_HELD` keys take besides what is taken already. */
async function makeRoom(ask: Ask, policy: string): Promise<void> {
  const used = async () => Number(/used_memory:(\d+)/.exec(await ask(encode(['INFO', 'memory'])))![1])
  await ask(encode(['FLUSHALL']) + encode(['CONFIG', 'SET', 'maxmemory', 0, 'maxmemory-policy', policy]))
  const keys = Array.from({ length: KEYS_HELD }, (_, i) => `key:${i}`)
  await ask(keys.map(storing(policy)).join(''))
  const limit = await used()
  await ask(encode(['FLUSHALL']) + encode(['CONFIG', 'SET', 'maxmemory', limit]))
}

/** Uses a server as a cache, and returns how many of a hundred questions it answered. */
async function hitRate(ask: Ask, policy: string): Promise<number> {
  await makeRoom(ask, policy)
  const zipf = new Zipf(KEYS, EXPONENT, SEED)
  const store = storing(policy)
  let hits = 0
  for (let batch = 0; batch < BATCHES; batch++) {
    const keys = Array.from({ length: BATCH_COMMANDS }, () => `key:${zipf.next()}`)
    const replies = await ask(keys.map((key) => encode(['GET', key])).join(''))
    const found = replies.match(/\$(-1|100)/g)!
    const missed = keys.filter((_, i) => found[i] === '$-1')
    if (batch >= BATCHES_BEFORE) hits += keys.length - missed.length
    await ask(missed.map(store).join(''))
  }
  return (100 * hits) / ((BATCHES - BATCHES_BEFORE) * BATCH_COMMANDS)
}

describe.skipIf(redisServerMissing())('a cache that is full answers as many questions as redis-server does', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedisServer()
  })
  afterAll(() => redis?.stop())

  async function askRedis(policy: string): Promise<number> {
    const connection = await RawConnection.open(redis.socketPath)
    return hitRate(async (requests) => {
      connection.send(requests + encode(['ECHO', 'end']))
      while (!connection.received.endsWith('$3\r\nend\r\n')) await once(connection.socket, 'data')
      return connection.take(connection.received.length)
    }, policy)
  }

  async function askHere(policy: string): Promise<number> {
    const { engine, clock, connect } = createEngine()
    const client = connect()
    const began = performance.now()
    const rate = await hitRate(async (requests) => {
      // Time passes as it does for the other: ages are told by the second.
      clock.advance(Math.floor(performance.now() - began) - clock.monotonic())
      return client.sendRaw(requests)
    }, policy)
    engine.stop()
    return rate
  }

  test.each([
    ...['allkeys-lru', 'allkeys-lfu', 'allkeys-random'],
    ...['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'],
  ])('under %s', async (policy) => {
    const [theirs, ours] = [await askRedis(policy), await askHere(policy)]
    expect(ours).toBeGreaterThan(theirs - POINTS_MAX)
  })
})
