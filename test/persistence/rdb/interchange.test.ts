// Values change hands: what redis-server dumps is restored here, what is dumped here is restored there.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'
import { type RedisServer, redisServerCannotReadOurs, startRedisServer } from '../../support/redis-server.ts'
import { SAMPLES, STRINGS } from './redis-values.ts'

const latin1 = (word: string): Buffer => Buffer.from(word, 'latin1')

/** What a RESP2 bulk reply holds. */
function bulk(reply: string): string {
  expect(reply).toMatch(/^\$\d+\r\n/)
  return reply.slice(reply.indexOf('\n') + 1, -2)
}

describe.skipIf(redisServerCannotReadOurs())('with redis-server', () => {
  let server: RedisServer
  let redis: Redis

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes'])
    redis = new Redis({ path: server.socketPath })
  })

  afterAll(async () => {
    redis?.disconnect()
    await server?.stop()
  })

  const ask = async (...words: string[]): Promise<unknown> => redis.callBuffer(words[0]!, ...words.slice(1).map(latin1))

  /** What a digest leaves out: groups, consumers, what is pending. */
  const groupsOf = async (key: string): Promise<unknown> =>
    (await redis.type(key)) === 'stream' ? redis.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0') : undefined

  test.each(SAMPLES)('$key goes there and back', async ({ key, commands, encoding }) => {
    await redis.flushall()
    for (const command of commands) await ask(...command)
    const digest = String(await ask('DEBUG', 'DIGEST-VALUE', key))
    const groups = await groupsOf(key)
    const { engine, connect } = createEngine()
    const here = connect()
    here.ask('SET', key, 'in the way')

    const theirs = ((await ask('DUMP', key)) as Buffer).toString('latin1')
    // What has shrunk since is small again once it was restored.
    await ask('RESTORE', key, '0', theirs, 'REPLACE')
    const theirEncoding = String(await ask('OBJECT', 'ENCODING', key))
    expect(here.ask('RESTORE', key, 0, theirs, 'REPLACE')).toBe('+OK\r\n')
    expect(bulk(here.ask('OBJECT', 'ENCODING', key))).toBe(encoding ?? theirEncoding)

    const ours = bulk(here.ask('DUMP', key))
    await ask('DEL', key)
    expect(String(await ask('RESTORE', key, '0', ours))).toBe('OK')
    expect(String(await ask('DEBUG', 'DIGEST-VALUE', key))).toBe(digest)
    expect(String(await ask('OBJECT', 'ENCODING', key))).toBe(theirEncoding)

    expect(await groupsOf(key)).toEqual(groups)
    here.ask('DEL', key)
    const [db] = engine.databases
    db!.lazyFree.free(Number.POSITIVE_INFINITY)
    expect(db!.arena.usedBytes).toBe(0)
  })

  test('payloads of DUMP are the same bytes there and here, where Redis writes only one way', async () => {
    const here = createEngine().connect()
    for (const { key, commands } of STRINGS.slice(0, 16)) {
      for (const command of commands) {
        await ask(...command)
        here.ask(...command)
      }
      expect(bulk(here.ask('DUMP', key))).toBe(((await ask('DUMP', key)) as Buffer).toString('latin1'))
    }
  })
})
