// Redlock: locks over one server and over three, by scripts that check who holds them.

import { Redis } from 'ioredis'
import Redlock, { type Settings } from 'redlock'
import { expect, onTestFinished, test } from 'vitest'
import { useTarget } from './target.ts'

// Three independent servers: a lock is held by whoever has most of them.
const targets = [useTarget(), useTarget(), useTarget()]
const target = targets[0]!

function client(of = target): Redis {
  const redis = new Redis(of.connection)
  onTestFinished(() => redis.disconnect())
  return redis
}

function redlock(clients: readonly Redis[], settings: Partial<Settings> = {}): Redlock {
  const lock = new Redlock(clients, { retryCount: 0, ...settings })
  lock.on('error', () => {})
  return lock
}

test('a lock is held by one, extended, released', async () => {
  const redis = client()
  const mine = redlock([redis])
  const theirs = redlock([client()])
  const lock = await mine.acquire(['account:1'], 5000)
  await expect(theirs.acquire(['account:1'], 5000)).rejects.toThrow(/quorum/)
  expect(await redis.get('account:1')).toBe(lock.value)
  expect(await redis.pttl('account:1')).toBeLessThanOrEqual(5000)
  const extended = await lock.extend(20_000)
  expect(await redis.pttl('account:1')).toBeGreaterThan(15_000)
  await extended.release()
  expect(await redis.exists('account:1')).toBe(0)
  await (await theirs.acquire(['account:1'], 5000)).release()
})

test('several resources are locked together or not at all', async () => {
  const redis = client()
  const locks = redlock([redis])
  const one = await locks.acquire(['b'], 5000)
  await expect(locks.acquire(['a', 'b', 'c'], 5000)).rejects.toThrow()
  expect(await redis.exists('a', 'c')).toBe(0)
  await one.release()
  const all = await locks.acquire(['a', 'b', 'c'], 5000)
  expect(await redis.exists('a', 'b', 'c')).toBe(3)
  await all.release()
})

test('a waiting client gets the lock when it ends by itself, and the old holder cannot release it', async () => {
  const locks = redlock([client()], { retryCount: 20, retryDelay: 10, retryJitter: 5 })
  const lost = await locks.acquire(['short'], 40)
  const next = await locks.acquire(['short'], 5000)
  await expect(lost.release()).rejects.toThrow()
  await next.release()
})

test('a routine under a lock that is renewed while it runs', async () => {
  const redis = client()
  const locks = redlock([redis], { automaticExtensionThreshold: 200, retryCount: 3 })
  const result = await locks.using(['long'], 400, async (signal) => {
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(signal.aborted).toBe(false)
    expect(await redis.exists('long')).toBe(1)
    return 'done'
  })
  expect(result).toBe('done')
  expect(await redis.exists('long')).toBe(0)
})

test('twenty who want it take turns', async () => {
  const locks = redlock([client()], { retryCount: 500, retryDelay: 3, retryJitter: 3 })
  let inside = 0
  let most = 0
  await Promise.all(
    Array.from({ length: 20 }, () =>
      locks.using(['turns'], 5000, async () => {
        most = Math.max(most, ++inside)
        await new Promise(setImmediate)
        inside--
      }),
    ),
  )
  expect(most).toBe(1)
})

test('over three servers the majority decides', async () => {
  const clients = targets.map((target) => client(target))
  const locks = redlock(clients)
  await clients[2]!.set('shared', 'somebody else')
  const lock = await locks.acquire(['shared'], 5000)
  expect(await clients[0]!.get('shared')).toBe(lock.value)
  await expect(redlock(clients).acquire(['shared'], 5000)).rejects.toThrow()
  await clients[1]!.set('shared', 'somebody else')
  await expect(lock.extend(5000)).rejects.toThrow(/quorum/)
})
