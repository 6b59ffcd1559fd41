// The log on JetStream fulfils the contract on three real servers, survives their failures, and
// refuses servers that would not keep acknowledged batches.

import {
  DiscardPolicy,
  type JetStreamManager,
  jetstreamManager,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LastingConnection, loadNats } from '../../src/replicated-log/jetstream/connection.ts'
import { openJetStreamLog } from '../../src/replicated-log/jetstream/jetstream-log.ts'
import type { JetStreamOptions } from '../../src/replicated-log/jetstream/options.ts'
import { requireSafeMembers } from '../../src/replicated-log/jetstream/server-answers.ts'
import { subjectOf } from '../../src/replicated-log/jetstream/stream.ts'
import type { ReplicatedLog } from '../../src/replicated-log/log.ts'
import { LogUnfit } from '../../src/replicated-log/log-unfit.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { type BadWire, startBadWire } from '../support/bad-wire.ts'
import { type LogServers, NATS_USER, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { describeReplicatedLog, type LogUnderTest } from './contract.ts'
import { SureAppender, takeOverFromPaused } from './failures.ts'
import { openSoon } from './open-soon.ts'

/** How often the log's leader is killed. */
const KILLS = process.env.SOAK ? 10 : 1

describe.skipIf(natsServerMissing())('on JetStream', () => {
  let nats: LogServers
  let operator: NatsConnection
  let manager: JetStreamManager
  let streams = 0

  const options = (stream: string, more: Partial<JetStreamOptions> = {}): JetStreamOptions => ({
    servers: nats.addresses,
    ...NATS_USER,
    stream,
    missing: 'create',
    replicas: 3,
    bytesMax: 64 * 1024 * 1024,
    safety: 'required',
    ...more,
  })

  /**
   * Makes a stream with the adapter's settings except for `more`, and one in which single messages
   * can be deleted.
   */
  const addStream = (name: string, more: Partial<StreamConfig> = {}): Promise<unknown> =>
    manager.streams.add({
      name,
      subjects: [subjectOf(name)],
      storage: StorageType.File,
      num_replicas: 3,
      discard: DiscardPolicy.New,
      ...more,
    })

  beforeAll(async () => {
    nats = await startNatsServers()
    operator = await connect({
      servers: [...nats.addresses],
      user: NATS_USER.user,
      pass: NATS_USER.password,
      waitOnFirstConnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    })
    manager = await jetstreamManager(operator, { checkAPI: false })
    const first = await openSoon(() => openJetStreamLog(options('first')))
    await first.close()
  })

  afterAll(async () => {
    await operator?.close()
    await nats?.stop()
  })

  describeReplicatedLog(
    'JetStream',
    async (): Promise<LogUnderTest> => {
      const stream = `contract-${++streams}`
      await addStream(stream)
      const clients: ReplicatedLog[] = []
      const wires: BadWire[] = []
      return {
        async connect() {
          const wire = await startBadWire(nats.servers[0]!.port)
          wires.push(wire)
          const log = await openJetStreamLog(options(stream, { servers: [`127.0.0.1:${wire.port}`] }))
          clients.push(log)
          return log
        },
        async stop() {
          for (const log of clients) await log.close()
          for (const wire of wires) await wire.stop()
          await manager.streams.delete(stream)
        },
        async limit(bytes) {
          await manager.streams.update(stream, { max_bytes: bytes })
        },
        async loseAnswer(_log, takesEffect, append) {
          const { last_seq: before } = (await manager.streams.info(stream)).state
          for (const wire of wires) wire.loses = takesEffect ? 'replies' : 'requests'
          const answer = append()
          answer.catch(() => 'looked at below')
          for (let last = before; takesEffect && last === before; await sleep(5)) {
            last = (await manager.streams.info(stream)).state.last_seq
          }
          for (const wire of wires) {
            wire.loses = 'nothing'
            wire.cut()
          }
          return answer
        },
        async remove(position) {
          await manager.streams.deleteMessage(stream, position)
        },
      }
    },
    ['limit', 'loseAnswer', 'remove'],
    30_000,
  )

  test('a paused appender is fenced, and none of its acknowledged appends is lost', async () => {
    const source = { kind: 'jetstream', options: options('paused') } as const
    const log = await openJetStreamLog(source.options)
    await takeOverFromPaused(log, source)
    await log.close()
  })

  test('a reader goes on when the server of its consumer has died', async () => {
    await addStream('read')
    const at = (name: string | undefined): number => nats.servers.findIndex((server) => server.name === name)
    const leader = at((await manager.streams.info('read')).cluster?.leader)
    const own = (leader + 1) % 3
    const appender = await openJetStreamLog(options('read', { servers: [nats.addresses[leader]!] }))
    // A consumer is put on any server: readers begin until one has it on the server that is to die.
    for (let tries = 0; ; tries++) {
      const reader = await openJetStreamLog(options('read', { servers: [nats.addresses[own]!] }))
      const ended = new AbortController()
      const read: number[] = []
      const reading = (async () => {
        for await (const { position } of reader.read(1, ended.signal)) read.push(position)
      })()
      const last = await appender.append(Buffer.from('before'), tries)
      while (read.at(-1) !== last) await sleep(5)
      const consumers = await manager.consumers.list('read').next()
      const host = at(consumers.at(-1)?.cluster?.leader)
      const isThere = host !== leader && host !== own
      if (isThere) {
        const server = nats.servers[host]!
        await server.kill()
        await appender.append(Buffer.from('after'), last)
        while (read.at(-1) !== last + 1) await sleep(5)
        server.start()
      }
      ended.abort()
      await reading
      await reader.close()
      if (isThere) break
    }
    await appender.close()
  }, 30_000)

  test("acknowledged batches survive the death of the log's leader", async () => {
    const log = await openSoon(() => openJetStreamLog(options('killed')))
    const appender = new SureAppender(log)
    for (let kill = 1; kill <= KILLS; kill++) {
      const before = appender.acknowledged.size
      const leader = (await manager.streams.info('killed')).cluster!.leader
      const server = nats.servers.find(({ name }) => name === leader)!
      let afterKill = Number.POSITIVE_INFINITY
      const appending = appender.run(() => appender.acknowledged.size >= afterKill + 50)
      await Promise.race([appending, appender.reach(before + 50)])
      await server.kill()
      afterKill = appender.acknowledged.size
      await appending
      server.start()
    }
    const other = await openSoon(() => openJetStreamLog(options('killed')))
    await appender.verify(other)
    await Promise.all([log.close(), other.close()])
  })

  describe('is refused', () => {
    const refused = (opening: Promise<ReplicatedLog>): Promise<string> =>
      opening.then(
        () => 'opened',
        (error: Error) => {
          expect(error).toBeInstanceOf(LogUnfit)
          return error.message
        },
      )

    test('a stream that would remove batches by itself, or lose them with one disk', async () => {
      await addStream('unfit', { discard: DiscardPolicy.Old, max_age: 1e9, num_replicas: 1 })
      expect(await refused(openJetStreamLog(options('unfit')))).toBe(
        'the stream unfit cannot hold a log: discard is old, but must be new; max_age is 1000000000, but must be 0; num_replicas is 1, but must be 3 or 5',
      )
      expect(await refused(openJetStreamLog(options('single', { replicas: 1 })))).toMatch('three or five replicas')
    })

    test('a stream that must exist and does not', async () => {
      expect(await refused(openJetStreamLog(options('lost', { missing: 'refuse' })))).toBe('there is no stream lost')
    })

    test('a client with a wrong password', async () => {
      expect(await refused(openJetStreamLog(options('first', { password: 'wrong' })))).toMatch(
        'refuse these credentials',
      )
    })

    test('servers that take no message of 64 KiB, and not those that do', async () => {
      const open = async (maxPayloadBytes: number, look: (log: Promise<ReplicatedLog>) => Promise<void>) => {
        const small = await startNatsServers({ count: 1, maxPayloadBytes })
        try {
          const alone = options('alone', { servers: small.addresses, replicas: 1, safety: 'development' })
          await look(openSoon(() => openJetStreamLog(alone)))
        } finally {
          await small.stop()
        }
      }
      for (const bytes of [1024, 64 * 1024 - 1]) {
        await open(bytes, async (log) => {
          expect(await refused(log)).toBe(
            `max_payload of the NATS servers is ${bytes} bytes: a log needs 65536 or more`,
          )
        })
      }
      await open(64 * 1024, async (opening) => {
        const log = await opening
        expect(log.batchBytesMax).toBe(63 * 1024)
        expect(await log.append(Buffer.alloc(log.batchBytesMax), 0)).toBe(1)
        await log.close()
      })
    })

    test('servers that answer before their disks have the data, or do not tell; but not for development', async () => {
      const [lazy, silent] = await Promise.all([
        startNatsServers({ count: 1, syncInterval: '2m' }),
        startNatsServers({ count: 1, mayAsk: false }),
      ])
      try {
        const packages = await loadNats()
        const ask = async ({ addresses }: LogServers): Promise<unknown> => {
          const alone = options('alone', { servers: addresses, replicas: 1, safety: 'development' })
          const connection = await openSoon(() => LastingConnection.open(packages, alone))
          try {
            return await requireSafeMembers(packages, connection.current, ['nats-0']).catch((error: unknown) => error)
          } finally {
            await connection.close()
          }
        }
        expect(await ask(lazy)).toMatchObject({
          name: 'LogUnfit',
          message: expect.stringMatching('sync_interval: always'),
        })
        expect(await ask(silent)).toMatchObject({ name: 'LogUnfit', message: expect.stringMatching('export') })
        const log = await openJetStreamLog(
          options('alone', { servers: lazy.addresses, replicas: 1, safety: 'development' }),
        )
        expect(await log.append(Buffer.from('a'), 0)).toBe(1)
        await log.close()
      } finally {
        await Promise.all([lazy.stop(), silent.stop()])
      }
    })
  })
})
