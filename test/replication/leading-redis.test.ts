// redis-server follows this server: after any commands here, both have the same data.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { CONNECTIONS, type Generator } from '../differential/generator.ts'
import { SocketPeer } from '../differential/peers.ts'
import { type RedisServer, redisServerCannotReadOurs, startRedisServer } from '../support/redis-server.ts'
import { eventually } from '../support/server.ts'
import { createGenerator, runStep } from './run-program.ts'

/** Programs, and commands in each of them. */
const PROGRAMS = 6
const PROGRAM_COMMANDS = 1500

describe.skipIf(redisServerCannotReadOurs())('redis-server as a replica', () => {
  let theirs: RedisServer
  let replica: SocketPeer
  let server: RunningServer
  let primary: SocketPeer
  let generator: Generator

  beforeAll(async () => {
    theirs = await startRedisServer(['--enable-debug-command', 'yes'])
    replica = new SocketPeer('redis-server', theirs.socketPath)
    const unixSocket = join(theirs.directory, 'primary.sock')
    server = await startServer({
      port: 0,
      unixSocket,
      config: {
        'enable-debug-command': 'yes',
        'repl-diskless-sync-delay': 0,
        'repl-backlog-size': 16 * 1024,
        'repl-ping-replica-period': 1,
        'notify-keyspace-events': 'KEA',
      },
    })
    primary = new SocketPeer('ours', unixSocket)
    generator = await createGenerator(replica)
    await replica.ask('REPLICAOF', '127.0.0.1', String(server.port))
  })

  afterAll(async () => {
    await primary?.stop()
    await replica?.stop()
    await server?.close()
    await theirs?.stop()
  })

  /** Waits until the replica has everything, and compares all data. */
  const expectSame = async (): Promise<void> => {
    await eventually(async () => {
      const [mine, other] = [await info(primary), await info(replica)]
      return (
        other.get('master_link_status') === 'up' && other.get('slave_repl_offset') === mine.get('master_repl_offset')
      )
    }, 'a replica that has caught up')
    if ((await replica.ask('DEBUG', 'DIGEST')) === (await primary.ask('DEBUG', 'DIGEST'))) return
    expect(await contents(replica)).toEqual(await contents(primary))
    expect.fail('the digests differ')
  }

  test.each(Array.from({ length: PROGRAMS }, (_, i) => i + 1))(
    'has the same data after a random program of all commands, the link cut meanwhile (seed %i)',
    async (seed) => {
      const random = new Random(seed)
      const { steps } = generator.program(seed, PROGRAM_COMMANDS)
      await primary.reset(CONNECTIONS)
      for (const step of steps) {
        await runStep(primary, step)
        // Sometimes it comes back within the backlog, sometimes not.
        if (random.uint32() % 150 === 0) await primary.ask('CLIENT', 'KILL', 'TYPE', 'replica')
      }
      expect(await primary.ask('DBSIZE')).not.toBe(0)
      await expectSame()
    },
  )

  /** Waits until a counter has grown by one. */
  async function counted(field: string, before: Map<string, string>): Promise<void> {
    await eventually(async () => Number((await info(primary)).get(field)) > Number(before.get(field)), field)
  }

  test('comes back within the backlog, and gets everything when the backlog does not reach back far enough', async () => {
    await primary.reset(1)
    const before = await info(primary)
    await primary.ask('SET', 'short', 'x')
    await primary.ask('CLIENT', 'KILL', 'TYPE', 'replica')
    // Until it has noticed, it reports that the link is up.
    await counted('sync_partial_ok', before)
    await expectSame()
    const between = await info(primary)
    expect(Number(between.get('sync_partial_ok'))).toBe(Number(before.get('sync_partial_ok')) + 1)
    expect(between.get('sync_full')).toBe(before.get('sync_full'))
    const writes = Array.from({ length: 200 }, (_, i) => `SET long${i} ${'x'.repeat(1024)}\r\n`).join('')
    primary.send(0, `CLIENT KILL TYPE replica\r\n${writes}`)
    await primary.settle()
    await counted('sync_full', between)
    await expectSame()
    const after = await info(primary)
    expect(Number(after.get('sync_partial_err'))).toBe(Number(between.get('sync_partial_err')) + 1)
    expect(Number(after.get('sync_full'))).toBe(Number(between.get('sync_full')) + 1)
  })

  test('gets removals for expired and evicted keys', async () => {
    await primary.reset(0)
    await primary.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '1')
    await primary.ask('SET', 'brief', 'x', 'PX', '20')
    await eventually(async () => (await primary.ask('DBSIZE')) === 0)
    await expectSame()
    expect(await replica.ask('DBSIZE')).toBe(0)
    await primary.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', '1')
    await primary.ask('SET', 'a', 'x')
    await primary.ask('CONFIG', 'SET', 'maxmemory', '0')
    await primary.ask('SELECT', '7')
    await primary.ask('RPUSH', 'list', 'a', 'b')
    await primary.ask('SELECT', '0')
    await expectSame()
  })

  test('passes messages on to its own subscribers', async () => {
    await replica.reset(1)
    replica.send(0, 'SUBSCRIBE news\r\n')
    await eventually(() => replica.take(0).bytes !== '')
    await primary.ask('PUBLISH', 'news', 'hello')
    expect(await eventually(() => replica.take(0).bytes)).toBe('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n')
  })

  test('accepts a snapshot from a file as well', async () => {
    await primary.ask('CONFIG', 'SET', 'repl-diskless-sync', 'no')
    await primary.ask('DEBUG', 'POPULATE', '2000', 'key', '300')
    await replica.ask('REPLICAOF', 'NO', 'ONE')
    await replica.ask('DEBUG', 'CHANGE-REPL-ID')
    await replica.ask('REPLICAOF', '127.0.0.1', String(server.port))
    await primary.ask('SET', 'after', 'x')
    await expectSame()
    await primary.ask('CONFIG', 'SET', 'repl-diskless-sync', 'yes')
  })

  test('is counted by WAIT', async () => {
    await primary.ask('SET', 'waited', 'for')
    expect(await primary.ask('WAIT', '1', '0')).toBe(1)
    expect(await replica.ask('GET', 'waited')).toBe('for')
    expect(await primary.ask('WAIT', '2', '20')).toBe(1)
    expect(await primary.ask('WAITAOF', '0', '0', '0')).toEqual([0, 0])
  })
})

/** The contents of each key of each database, in brief. */
async function contents(peer: SocketPeer): Promise<string[]> {
  const found: string[] = []
  for (let database = 0; database < 16; database++) {
    await peer.ask('SELECT', String(database))
    const keys = (await peer.ask('KEYS', '*')) as string[]
    for (const key of keys.sort()) {
      const [digest] = (await peer.ask('DEBUG', 'DIGEST-VALUE', key)) as string[]
      found.push(`${database} ${key}: ${await peer.ask('TYPE', key)} ${digest} ${await peer.ask('PEXPIRETIME', key)}`)
    }
  }
  await peer.ask('SELECT', '0')
  return found
}

async function info(peer: SocketPeer): Promise<Map<string, string>> {
  const text = String(await peer.ask('INFO'))
  return new Map(text.split('\r\n').map((line) => line.split(':') as [string, string]))
}
