// The stream of effects, byte for byte beside redis-server's: what a replica of each gets for the
// same commands.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { encode } from '../support/engine.ts'
import { type RedisServer, redisServerDiffers, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, RawConnection } from '../support/server.ts'

type Words = readonly (string | number)[]

const LAZY = ['lazyfree-lazy-user-del', 'lazyfree-lazy-expire', 'lazyfree-lazy-server-del', 'lazyfree-lazy-user-flush']
/** A time when every key has expired. */
const PAST_S = 1
const PAST_MS = 1000
/** What ends the effects of a program. */
const END = encode(['SET', 'end', 'of this'])

/** Commands by what they show; each runs on empty databases. */
const PROGRAMS: Readonly<Record<string, readonly Words[]>> = {
  'SELECT before MULTI, and within it': [
    ['SELECT', 3],
    ['MULTI'],
    ['SET', 'a', 1],
    ['SET', 'b', 1],
    ['EXEC'],
    ['MULTI'],
    ['SELECT', 2],
    ['SET', 'a', 1],
    ['SELECT', 4],
    ['SET', 'a', 1],
    ['EXEC'],
    ['EVAL', "redis.call('SELECT', 1) redis.call('SET', 'a', 1) redis.call('SET', 'b', 1)", 0],
  ],
  'no MULTI around one effect': [
    ['MULTI'],
    ['GET', 'a'],
    ['SET', 'a', 1],
    ['EXEC'],
    ['MULTI'],
    ['GET', 'a'],
    ['EXEC'],
    ['EVAL', "return redis.call('SET', KEYS[1], ARGV[1])", 1, 'k', 'v'],
    ['EVAL', "redis.call('SET', KEYS[1], 'v') return redis.call('INCR', KEYS[2])", 2, 'k', 'n'],
    ['EVAL', "return redis.call('GET', KEYS[1])", 1, 'k'],
    ['MULTI'],
    ['EVAL', "return redis.call('SET', KEYS[1], 'w')", 1, 'k'],
    ['EXEC'],
  ],
  removals: [
    ['MSET', 'a', 1, 'b', 1, 'c', 1, 'd', 1, 'e', 1, 'f', 1],
    ['DEL', 'a', 'none'],
    ['UNLINK', 'b'],
    ['GETDEL', 'c'],
    ['DEL', 'none'],
    ['RPUSH', 'l', 1],
    ['LPOP', 'l', 5],
    ['SADD', 's', 1],
    ['SPOP', 's', 5],
    ['SADD', 's', 1],
    ['SPOP', 's'],
    ['SUNIONSTORE', 'd', 'none'],
    ['SORT', 'none', 'STORE', 'e'],
    ['ZUNIONSTORE', 'f', 1, 'none'],
  ],
  'expiry at once': [
    ['MSET', 'a', 1, 'b', 1, 'c', 1, 'd', 1, 'e', 1, 'f', 1],
    ['EXPIRE', 'a', -1],
    ['PEXPIREAT', 'b', PAST_MS],
    ['GETEX', 'c', 'EXAT', PAST_S],
    ['SET', 'd', 2, 'PXAT', PAST_MS],
    ['EXPIREAT', 'e', PAST_S],
    ['GET', 'd'],
    ['RESTORE', 'f', PAST_MS, '$dump', 'REPLACE', 'ABSTTL'],
    ['RESTORE', 'g', PAST_MS, '$dump', 'ABSTTL'],
    ['EXISTS', 'f', 'g'],
  ],
  'expiry that a command comes across': [
    ['SET', 'a', 1, 'PX', 1],
    ['SET', 'b', 1, 'PX', 1],
    ['$until-expired', 'a', 'b'],
    ['MULTI'],
    ['GET', 'a'],
    ['INCR', 'b'],
    ['EXEC'],
  ],
  'RENAME, COPY and MOVE': [
    ['MSET', 'a', 1, 'b', 2],
    ['RENAME', 'a', 'b'],
    ['COPY', 'b', 'c', 'REPLACE'],
    ['COPY', 'b', 'c', 'DB', 5],
    ['MOVE', 'b', 6],
    ['SWAPDB', 5, 6],
  ],
  'FLUSHDB and FLUSHALL as they were sent': [
    ['SET', 'a', 1],
    ['FLUSHDB'],
    ['SET', 'a', 1],
    ['flushdb', 'async'],
    ['FLUSHDB', 'SYNC'],
    ['FLUSHALL'],
    ['SET', 'a', 1],
    ['FLUSHALL', 'ASYNC'],
    ['flushall', 'sync'],
    ['MULTI'],
    ['FLUSHDB'],
    ['FLUSHALL'],
    ['EXEC'],
  ],
  messages: [
    ['PUBLISH', 'news', 'm'],
    ['SPUBLISH', 'news', 'm'],
    ['MULTI'],
    ['PUBLISH', 'news', 'm'],
    ['EXEC'],
    ['MULTI'],
    ['SET', 'k', 'v'],
    ['PUBLISH', 'news', 'm'],
    ['EXEC'],
    ['EVAL', "return redis.call('PUBLISH', 'news', 'm')", 0],
  ],
}

describe.skipIf(redisServerMissing() || redisServerDiffers('frames effects otherwise'))(
  'effects, here and at redis-server',
  () => {
    let redis: RedisServer
    let server: RunningServer
    let unixSocket: string
    const peers: { client: RawConnection; stream: RawConnection }[] = []

    beforeAll(async () => {
      const options = [
        '--enable-debug-command',
        'yes',
        '--repl-diskless-sync-delay',
        '0',
        '--repl-ping-replica-period',
        '3600',
      ]
      redis = await startRedisServer(options)
      unixSocket = join(redis.directory, 'ours.sock')
      server = await startServer({
        port: 0,
        unixSocket,
        // The replicas of these tests acknowledge nothing, so there is nothing to wait for at the end.
        config: {
          'enable-debug-command': 'yes',
          'repl-diskless-sync-delay': 0,
          'repl-ping-replica-period': 3600,
          'shutdown-timeout': 0,
        },
      })
    })
    afterAll(async () => {
      await server?.close()
      await redis?.stop()
    })

    /** A client of a server, and a replica of it, behind the snapshot. */
    async function follow(path: string): Promise<void> {
      const stream = await RawConnection.open(path)
      stream.send('SYNC\r\n')
      let line = await stream.takeLine()
      while (/^\n*\r?\n$/.test(line)) line = await stream.takeLine()
      await stream.take(Number(line.replace(/^\n*\$/, '')))
      peers.push({ client: await RawConnection.open(path), stream })
    }

    /** Sends a command and returns its reply, an array as its words. */
    async function ask(client: RawConnection, words: Words): Promise<unknown> {
      client.send(encode(words))
      const read = async (): Promise<unknown> => {
        const line = await client.takeLine()
        const length = Number(line.slice(1))
        if (line[0] === '*') {
          const elements: unknown[] = []
          for (let i = 0; i < length; i++) elements.push(await read())
          return elements
        }
        if (line[0] !== '$' || length === -1) return line
        return (await client.take(length + 2)).slice(0, -2)
      }
      return read()
    }

    /** Runs a program, and returns its effects up to and without `END`. */
    async function effectsOf(
      program: readonly Words[],
      { client, stream }: (typeof peers)[0],
      payload: string,
    ): Promise<string> {
      for (const words of program) {
        if (words[0] === '$until-expired') {
          await eventually(async () => (await ask(client, ['PTTL', words.at(-1)!])) === ':-2\r\n')
          continue
        }
        await ask(
          client,
          words.map((word) => (word === '$dump' ? payload : word)),
        )
      }
      client.send(END)
      await client.takeLine()
      let effects = ''
      while (!effects.endsWith(END)) effects += await stream.take(1)
      return effects.slice(0, -END.length)
    }

    test.each(
      Object.entries(PROGRAMS).flatMap(([name, program]) =>
        ['no', 'yes'].map((lazy) => [name, lazy, program] as const),
      ),
    )('%s (lazy freeing: %s)', async (_, lazy, program) => {
      peers.length = 0
      await follow(redis.socketPath)
      await follow(unixSocket)
      const [theirs, ours] = [peers[0]!, peers[1]!]
      const payload = String(
        (await ask(theirs.client, ['SET', 'dumped', 'v'])) && (await ask(theirs.client, ['DUMP', 'dumped'])),
      )
      const all: string[] = []
      for (const peer of [theirs, ours]) {
        await ask(peer.client, ['DEBUG', 'SET-ACTIVE-EXPIRE', 0])
        await ask(peer.client, ['CONFIG', 'SET', ...LAZY.flatMap((name) => [name, lazy])])
        await effectsOf([['FLUSHALL']], peer, payload)
        const effects = await effectsOf(program, peer, payload)
        // Times are each server's own.
        all.push(effects.replaceAll(/\d{13}/g, 'TIME'))
      }
      expect(all[1]).toBe(all[0])
    })
  },
)
