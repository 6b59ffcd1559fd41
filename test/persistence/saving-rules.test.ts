// Who may write while snapshots fail, and what is said of them: the same words to this server and to redis-server.

import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'

interface Rival {
  redis: Redis
  dir: string
}

async function both(): Promise<Rival[]> {
  const [ours, theirs] = [temporaryDirectory(), temporaryDirectory()]
  const server = await startTestServer({ dir: ours, appendonly: false, config: { save: '' } })
  const oracle = await startRedisServer(['--dir', theirs])
  const rivals = [
    { redis: new Redis({ port: server.port }), dir: ours },
    { redis: new Redis({ path: oracle.socketPath }), dir: theirs },
  ]
  onTestFinished(async () => {
    for (const { redis } of rivals) redis.disconnect()
    await oracle.stop()
  })
  return rivals
}

/** What a request is answered with; an error as its text. */
const answer = (redis: Redis, words: string): Promise<unknown> => {
  const [name, ...rest] = words.split(' ')
  return redis.call(name!, ...rest).catch((error: Error) => `-${error.message}`)
}

/** Waits until no snapshot and no rewrite is under way. */
async function idle({ redis }: Rival): Promise<Record<string, string>> {
  const told = await eventually(async () => {
    const info = await redis.info('persistence')
    return /(bgsave|rewrite)_in_progress:1|rewrite_scheduled:1/.test(info) ? undefined : info
  })
  return Object.fromEntries(told.split('\r\n').map((line) => line.split(':') as [string, string]))
}

describe.skipIf(redisServerMissing())('as redis-server does it', () => {
  test('a failed BGSAVE refuses writes while there are save points; SAVE and a good one lift it', async () => {
    const transcripts: unknown[][] = []
    for (const rival of await both()) {
      const { redis, dir } = rival
      const said: unknown[] = []
      const say = async (...requests: string[]): Promise<void> => {
        for (const words of requests) said.push([words, await answer(redis, words)])
      }
      const state = async (): Promise<void> => {
        const { rdb_last_bgsave_status, rdb_bgsave_in_progress, rdb_changes_since_last_save } = await idle(rival)
        said.push([rdb_last_bgsave_status, rdb_bgsave_in_progress, rdb_changes_since_last_save])
      }
      const EVERYTHING = [
        ...['SET k v', 'GET k', 'PING', 'DEL k', 'EXISTS k', 'FLUSHALL', 'PUBLISH c m', 'INFO nosuchsection'],
        ...['MULTI', 'SET k v', 'EXEC', 'MULTI', 'GET k', 'EXEC'],
        ...['SELECT 0', 'EXPIRE nokey 10', 'CONFIG SET maxmemory 0'],
      ]
      await say('SET k v', 'BGSAVE nonsense', 'BGSAVE SCHEDULE x', 'SAVE x', 'LASTSAVE x', 'BGREWRITEAOF x')
      await say('CONFIG SET stop-writes-on-bgsave-error yes')
      await redis.config('SET', 'save', '3600 1000000')
      mkdirSync(join(dir, 'dump.rdb'))
      await say('BGSAVE')
      await state()
      await say(...EVERYTHING)
      await say('SAVE')
      await state()
      // Without save points, or if the setting says so, nobody is refused.
      await redis.config('SET', 'save', '')
      await say('SET k v')
      await redis.config('SET', 'save', '3600 1000000')
      await say(
        'SET k v',
        'CONFIG SET stop-writes-on-bgsave-error no',
        'SET k v',
        'CONFIG SET stop-writes-on-bgsave-error yes',
        'SET k v',
      )
      rmdirSync(join(dir, 'dump.rdb'))
      await say('SAVE')
      await state()
      await say(...EVERYTHING)
      transcripts.push(said)
    }
    expect(transcripts[0]).toEqual(transcripts[1])
    expect(JSON.stringify(transcripts[0])).toContain('MISCONF Redis is configured to save RDB snapshots')
  })

  test('LASTSAVE moves with SAVE and BGSAVE, not with a failed one', async () => {
    for (const rival of await both()) {
      const { redis, dir } = rival
      const began = Number(await redis.lastsave())
      expect(Math.abs(began - Date.now() / 1000)).toBeLessThan(60)
      mkdirSync(join(dir, 'dump.rdb'))
      await answer(redis, 'BGSAVE')
      await idle(rival)
      expect(Number(await redis.lastsave())).toBe(began)
      rmdirSync(join(dir, 'dump.rdb'))
      await redis.set('k', 'v')
      expect(await answer(redis, 'BGSAVE')).toBe('Background saving started')
      const { rdb_last_save_time, rdb_saves, rdb_changes_since_last_save } = await idle(rival)
      expect(Number(await redis.lastsave())).toBe(Number(rdb_last_save_time))
      expect(Number(rdb_last_save_time)).toBeGreaterThanOrEqual(began)
      expect([rdb_saves === undefined || Number(rdb_saves) > 0, rdb_changes_since_last_save]).toEqual([true, '0'])
    }
  })

  test('INFO persistence has every field that redis-server has', async () => {
    const [ours, theirs] = await both()
    for (const { redis } of [ours!, theirs!]) await redis.config('SET', 'appendonly', 'yes')
    const fields = [Object.keys(await idle(ours!)), Object.keys(await idle(theirs!))]
    expect(fields[1]!.filter((field) => !fields[0]!.includes(field))).toEqual([])
    expect(fields[0]).toContain('aof_current_size')
  })
})
