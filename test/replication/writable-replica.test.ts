// A writable replica beside a redis-server with the same role: the fate of expired keys.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisServerDiffers, redisServerMissing } from '../support/redis-server.ts'
import { eventually } from '../support/server.ts'
import { figures, follow, type Member, startMember, startTheirs, type TheirMember } from './members.ts'

describe.skipIf(redisServerMissing())('a writable replica, as redis-server is one', () => {
  let primary: TheirMember
  let theirs: TheirMember

  beforeAll(async () => {
    ;[primary, theirs] = await Promise.all([startTheirs(), startTheirs(['--replica-read-only', 'no'])])
    // Its keys expire, but it only tells so when they are accessed.
    await primary.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  })

  afterAll(async () => {
    await primary.close()
    await theirs.close()
  })

  /** Sends both replicas the same requests; their replies are equal. */
  async function same(pair: readonly Member[], ...requests: string[]): Promise<void> {
    const heard: unknown[][] = [[], []]
    for (const request of requests) {
      const replies = await Promise.all(pair.map(({ ask }) => ask(...request.split(' ')).catch(String)))
      for (const i of [0, 1]) heard[i]!.push([request, replies[i]])
    }
    expect(heard[0]).toEqual(heard[1])
  }

  /** Waits until both have everything from the primary. */
  async function caughtUp(pair: readonly Member[]): Promise<void> {
    const offset = (await figures(primary))('master_repl_offset')
    await eventually(async () => (await Promise.all(pair.map(figures))).every((f) => f('slave_repl_offset') === offset))
  }

  test.skipIf(redisServerDiffers('treats keys of a writable replica otherwise'))(
    'removes keys of its own by itself, and those of the primary when a write meets them',
    async () => {
      const ours = await startMember({ config: { 'replica-read-only': false } })
      const pair = [ours, theirs]
      for (const replica of pair) await follow(replica, primary)
      await primary.ask('FLUSHALL')
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'n'])
        await primary.ask('SET', `primary:${name}`, '1', 'PX', '1')
      await primary.ask('HSET', 'primary:hash', 'f', 'v')
      await primary.ask('PEXPIRE', 'primary:hash', '1')
      await primary.ask('SET', 'primary:lasts', '1')
      await caughtUp(pair)
      await same(
        pair,
        'DEBUG SET-ACTIVE-EXPIRE 0',
        'DBSIZE',
        'KEYS *',
        'GET primary:a',
        'EXISTS primary:b',
        'TTL primary:c',
        'RANDOMKEY',
        'DBSIZE',
      )
      // Each of these is a write, and removes expired keys in its way.
      await same(pair, 'INCR primary:n', 'DBSIZE', 'PERSIST primary:a', 'DBSIZE', 'APPEND primary:b x', 'DBSIZE')
      await same(pair, 'DEL primary:c', 'DBSIZE', 'EXPIRE primary:d 100', 'DBSIZE', 'LPUSH primary:hash a', 'DBSIZE')
      await same(
        pair,
        'SET primary:e new NX',
        'GETSET primary:f x',
        'DBSIZE',
        'COPY primary:lasts primary:copy',
        'DBSIZE',
      )
      // A time in the past is kept like any other: on a replica EXPIRE removes nothing.
      await same(pair, 'SET own:past v', 'PEXPIREAT own:past 1', 'GET own:past', 'PEXPIRE primary:lasts -5', 'DBSIZE')
      await same(pair, 'DEL own:past', 'DEBUG SET-ACTIVE-EXPIRE 1')
      const tracked = async (): Promise<(string | undefined)[]> =>
        (await Promise.all(pair.map(figures))).map((figure) => figure('slave_expires_tracked_keys'))
      await same(
        pair,
        'SET own:long v EX 1000',
        'SELECT 3',
        'SET own:long v EX 1000',
        'SET own:other v EX 1000',
        'SELECT 0',
      )
      await eventually(async () => (await tracked()).every((count) => count === '2'), 'two names that are known')
      // The client's own keys: SET, EXPIRE, RENAME, COPY and RESTORE give them a time.
      await same(
        pair,
        'SET own:a v PX 30',
        'SET own:b v',
        'PEXPIRE own:b 30',
        'SET own:c v PX 30',
        'RENAME own:c own:d',
      )
      await same(
        pair,
        'COPY own:a own:e',
        'SETEX own:f 1000 v',
        'PEXPIRE own:f 20',
        'SET own:g v PX 20',
        'PERSIST own:g',
      )
      await eventually(async () => {
        const sizes = await Promise.all(pair.map(({ ask }) => ask('DBSIZE')))
        const names = await Promise.all(pair.map(({ ask }) => ask('KEYS', 'own:*')))
        return sizes[0] === sizes[1] && names.every((found) => (found as string[]).sort().join() === 'own:g,own:long')
      }, 'own keys that are gone')
      await eventually(async () => (await tracked()).every((count) => count === '2'), 'names that are forgotten')
      const counts = (await Promise.all(pair.map(figures))).map((figure) => figure('expired_keys'))
      expect(counts[0]).toBe(counts[1])
      // Writes of the primary still count, and its expiry times are its own.
      await primary.ask('SET', 'own:long', 'primary', 'PX', '1')
      await caughtUp(pair)
      // Each has a clock of its own.
      for (const { ask } of pair)
        await eventually(async () => (await ask('GET', 'own:long')) === null, 'its time is up')
      await primary.ask('FLUSHALL')
      await caughtUp(pair)
      await same(pair, 'DBSIZE', 'SET own:a v', 'DBSIZE')
      expect(await tracked()).toEqual(['0', '0'])
    },
  )
})
