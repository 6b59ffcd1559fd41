// Values change hands: what redis-server dumps is restored here, what is dumped here is restored there.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngine, type TestClient } from '../../support/engine.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../../support/redis-server.ts'
import { SAMPLES } from './redis-values.ts'

const latin1 = (word: string): Buffer => Buffer.from(word, 'latin1')

/** What a RESP2 bulk reply holds. */
function bulk(reply: string): string {
  expect(reply).toMatch(/^\$\d+\r\n/)
  return reply.slice(reply.indexOf('\n') + 1, -2)
}

describe.skipIf(redisServerMissing())('with redis-server', () => {
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

  /** Runs the commands on both sides; returns ours. */
  async function make(commands: string[][]): Promise<TestClient> {
    const here = createEngine().connect()
    await redis.flushall()
    for (const command of commands) {
      expect(here.ask(...command)).not.toMatch(/^-/)
      await ask(...command)
    }
    return here
  }

  test.each(SAMPLES)('$key goes there and back', async ({ key, commands }) => {
    const here = await make(commands)
    const digest = String(await ask('DEBUG', 'DIGEST-VALUE', key))

    const theirs = ((await ask('DUMP', key)) as Buffer).toString('latin1')
    here.ask('DEL', key)
    expect(here.ask('RESTORE', key, 0, theirs)).toBe('+OK\r\n')

    const ours = bulk(here.ask('DUMP', key))
    await ask('DEL', key)
    expect(String(await ask('RESTORE', key, '0', ours))).toBe('OK')
    expect(String(await ask('DEBUG', 'DIGEST-VALUE', key))).toBe(digest)
  })
})
