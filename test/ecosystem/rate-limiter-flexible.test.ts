// rate-limiter-flexible: counters with a lifetime, in a script and in transactions, over both clients.

import { Redis } from 'ioredis'
import {
  BurstyRateLimiter,
  RateLimiterQueue,
  RateLimiterRedis,
  RateLimiterRedisNonAtomic,
  type RateLimiterRes,
  RateLimiterUnion,
} from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { useTarget } from './target.ts'

const target = useTarget()
let lastPrefix = 0

function ioredis() {
  const client = new Redis(target.connection)
  onTestFinished(() => client.disconnect())
  return { storeClient: client, keyPrefix: `limit-${++lastPrefix}` }
}

async function nodeRedis() {
  const client = createClient({ url: target.url })
  await client.connect()
  onTestFinished(() => client.destroy())
  return { storeClient: client, useRedisPackage: true, keyPrefix: `limit-${++lastPrefix}` }
}

for (const [name, options] of [
  ['ioredis', async () => ioredis()],
  ['node-redis', nodeRedis],
] as const) {
  for (const Limiter of [RateLimiterRedis, RateLimiterRedisNonAtomic]) {
    test(`${Limiter.name} over ${name}: so many points in so much time`, async () => {
      const limiter = new Limiter({ ...(await options()), points: 3, duration: 60 })
      expect(await limiter.consume('me', 2)).toMatchObject({
        consumedPoints: 2,
        remainingPoints: 1,
        isFirstInDuration: true,
      })
      expect(await limiter.consume('me')).toMatchObject({ consumedPoints: 3, remainingPoints: 0 })
      const refused = (await limiter.consume('me').catch((refused) => refused)) as RateLimiterRes
      expect(refused).toMatchObject({ consumedPoints: 4, remainingPoints: 0 })
      expect(refused.msBeforeNext).toBeGreaterThan(50_000)
      expect(refused.msBeforeNext).toBeLessThanOrEqual(60_000)
      expect(await limiter.consume('you')).toMatchObject({ consumedPoints: 1 })
      expect(await limiter.get('me')).toMatchObject({ consumedPoints: 4 })
      expect(await limiter.get('nobody')).toBeNull()
      await limiter.penalty('you', 2)
      expect(await limiter.get('you')).toMatchObject({ consumedPoints: 3 })
      await limiter.reward('you', 1)
      expect(await limiter.get('you')).toMatchObject({ consumedPoints: 2 })
      expect(await limiter.delete('me')).toBe(true)
      expect(await limiter.consume('me')).toMatchObject({ consumedPoints: 1 })
    })
  }
}

test('a client that overdraws is blocked for longer', async () => {
  const limiter = new RateLimiterRedis({ ...ioredis(), points: 1, duration: 1, blockDuration: 100 })
  await limiter.consume('me')
  const refused = (await limiter.consume('me').catch((refused) => refused)) as RateLimiterRes
  expect(refused.msBeforeNext).toBeGreaterThan(90_000)
  await limiter.block('you', 200)
  expect((await limiter.get('you'))!.msBeforeNext).toBeGreaterThan(190_000)
})

test('a hundred at once: exactly the allowed ones pass', async () => {
  const limiter = new RateLimiterRedis({ ...ioredis(), points: 30, duration: 60 })
  const tries = await Promise.allSettled(Array.from({ length: 100 }, () => limiter.consume('crowd')))
  expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(30)
})

test('the window ends, and points are back', async () => {
  const limiter = new RateLimiterRedis({ ...ioredis(), points: 1, duration: 1 })
  await limiter.consume('me')
  const refused = (await limiter.consume('me').catch((refused) => refused)) as RateLimiterRes
  expect(refused.msBeforeNext).toBeLessThanOrEqual(1000)
  await new Promise((resolve) => setTimeout(resolve, refused.msBeforeNext + 5))
  expect(await limiter.consume('me')).toMatchObject({ consumedPoints: 1 })
})

test('limiters together: a burst on top, a union, a queue', async () => {
  const base = { ...ioredis(), points: 1, duration: 60 }
  const bursty = new BurstyRateLimiter(
    new RateLimiterRedis(base),
    new RateLimiterRedis({ ...base, keyPrefix: `${base.keyPrefix}-burst`, points: 2 }),
  )
  for (let i = 0; i < 3; i++) await bursty.consume('me')
  await expect(bursty.consume('me')).rejects.toBeDefined()
  const union = new RateLimiterUnion(
    new RateLimiterRedis({ ...base, keyPrefix: `${base.keyPrefix}-a`, points: 5 }),
    new RateLimiterRedis({ ...base, keyPrefix: `${base.keyPrefix}-b`, points: 1 }),
  )
  await union.consume('me')
  expect(Object.keys(await union.consume('me').catch((refused) => refused))).toEqual([`${base.keyPrefix}-b`])
  const queue = new RateLimiterQueue(new RateLimiterRedis({ ...base, keyPrefix: `${base.keyPrefix}-q`, points: 4 }))
  expect(await queue.removeTokens(3, 'x')).toBe(1)
  expect(await queue.getTokensRemaining('x')).toBe(1)
})
