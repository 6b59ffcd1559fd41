// The log on etcd fulfils the contract on three real members, survives their failures, and refuses
// an etcd that would lose the log with one disk.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEtcdLog } from '../../src/replicated-log/etcd/etcd-log.ts'
import { EtcdGateway } from '../../src/replicated-log/etcd/gateway.ts'
import { LogKeys } from '../../src/replicated-log/etcd/keys.ts'
import type { EtcdOptions } from '../../src/replicated-log/etcd/options.ts'
import { LogFull, type ReplicatedLog } from '../../src/replicated-log/log.ts'
import { LogUnfit } from '../../src/replicated-log/log-unfit.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { type BadWire, startBadWire } from '../support/bad-wire.ts'
import { etcdMissing, type LogServers, startEtcds } from '../support/log-servers.ts'
import { describeReplicatedLog, type LogUnderTest } from './contract.ts'
import { readAll, SureAppender, takeOverFromPaused } from './failures.ts'
import { openSoon } from './open-soon.ts'

/** How often the log's leader is killed. */
const KILLS = process.env.SOAK ? 20 : 1

describe.skipIf(etcdMissing())('on etcd', () => {
  let etcd: LogServers
  /** The connection of the operator. */
  let gateway: EtcdGateway
  let logs = 0

  const options = (prefix: string, more: Partial<EtcdOptions> = {}): EtcdOptions => ({
    endpoints: etcd.addresses,
    prefix,
    safety: 'required',
    ...more,
  })

  beforeAll(async () => {
    etcd = await startEtcds()
    gateway = new EtcdGateway(options(''))
    const log = await openSoon(() => openEtcdLog(options('first')))
    await log.close()
  })

  afterAll(async () => {
    gateway?.close()
    await etcd?.stop()
  })

  describeReplicatedLog(
    'etcd',
    async (): Promise<LogUnderTest> => {
      const prefix = `contract-${++logs}`
      const clients: ReplicatedLog[] = []
      const wires: BadWire[] = []
      return {
        async connect() {
          const wire = await startBadWire(etcd.servers[logs % 3]!.port)
          wires.push(wire)
          const log = await openEtcdLog(options(prefix, { endpoints: [`http://127.0.0.1:${wire.port}`] }))
          clients.push(log)
          return log
        },
        async stop() {
          for (const log of clients) await log.close()
          for (const wire of wires) await wire.stop()
        },
        async loseAnswer(_log, takesEffect, append) {
          const other = await openEtcdLog(options(prefix))
          const { last: before } = await other.bounds()
          for (const wire of wires) wire.loses = takesEffect ? 'replies' : 'requests'
          const answer = append()
          answer.catch(() => 'looked at below')
          for (let last = before; takesEffect && last === before; await sleep(5)) last = (await other.bounds()).last
          // A request that has not been written to the socket yet would be cancelled, not lost.
          if (!takesEffect) await sleep(50)
          for (const wire of wires) {
            wire.loses = 'nothing'
            wire.cut()
          }
          await other.close()
          return answer
        },
        async remove(position) {
          await gateway.ask('kv/deleterange', { key: new LogKeys(prefix).batch(position) })
        },
      }
    },
    ['loseAnswer', 'remove'],
    30_000,
  )

  test('appends that a leader has in flight when another leads are refused, at any position', async () => {
    const [old, next] = await Promise.all([openEtcdLog(options('epochs')), openEtcdLog(options('epochs'))])
    await old.lead(Buffer.from('epoch 1'), 0)
    await next.lead(Buffer.from('epoch 2'), 1)
    await expect(old.append(Buffer.from('late'), 2)).rejects.toMatchObject({ name: 'Fenced' })
    expect(await next.append(Buffer.from('go on'), 2)).toBe(3)
    await Promise.all([old.close(), next.close()])
  })

  test('appends that arrive while one is in flight form one transaction', async () => {
    const log = await openEtcdLog(options('groups'))
    const revision = async (): Promise<number> =>
      Number((await gateway.ask<{ header: { revision: string } }>('kv/range', { key: 'eA==' })).header.revision)
    const before = await revision()
    const appends = Array.from({ length: log.inFlightMax }, (_, i) => log.append(Buffer.from(`batch ${i}`), i))
    await Promise.all(appends)
    expect((await revision()) - before).toBe(2)
    expect(await readAll(log)).toEqual(appends.map((_, i) => `batch ${i}`))
    await log.close()
  })

  test('a paused appender is fenced, and none of its acknowledged appends is lost', async () => {
    const source = { kind: 'etcd', options: options('paused') } as const
    const log = await openEtcdLog(source.options)
    await takeOverFromPaused(log, source)
    await log.close()
  })

  test("acknowledged batches survive the death of the log's leader", async () => {
    const log = await openSoon(() => openEtcdLog(options('killed')))
    const appender = new SureAppender(log)
    for (let kill = 1; kill <= KILLS; kill++) {
      const before = appender.acknowledged.size
      const { leader } = await gateway.ask<{ leader: string }>('maintenance/status', {})
      const { members } = await gateway.ask<{ members: { ID: string; name: string }[] }>('cluster/member/list', {})
      const server = etcd.servers.find(({ name }) => name === members.find(({ ID }) => ID === leader)!.name)!
      let afterKill = Number.POSITIVE_INFINITY
      const appending = appender.run(() => appender.acknowledged.size >= afterKill + 50)
      await Promise.race([appending, appender.reach(before + 50)])
      await server.kill()
      afterKill = appender.acknowledged.size
      await appending
      server.start()
    }
    const other = await openSoon(() => openEtcdLog(options('killed')))
    await appender.verify(other)
    await Promise.all([log.close(), other.close()])
  })

  test('an etcd of one member is refused; it accepts appends again after a full log was truncated', async () => {
    const alone = await startEtcds({ count: 1, quotaBytes: 6 * 1024 * 1024 })
    try {
      const reach = (safety: EtcdOptions['safety']): EtcdOptions => ({
        endpoints: alone.addresses,
        prefix: 'full',
        safety,
      })
      const log = await openSoon(() => openEtcdLog(reach('development')))
      await expect(openEtcdLog(reach('required'))).rejects.toBeInstanceOf(LogUnfit)
      const batch = Buffer.alloc(log.batchBytesMax)
      let last = 0
      let error: unknown
      while (error === undefined && last < 100) {
        await log.append(batch, last).then(
          (position) => {
            last = position
          },
          (refused) => {
            error = refused
          },
        )
      }
      expect(error).toBeInstanceOf(LogFull)
      expect(await log.bounds()).toEqual({ first: 1, last })
      await log.truncate(last)
      expect(await log.append(batch, last)).toBe(last + 1)
      expect(await log.bounds()).toEqual({ first: last, last: last + 1 })
      await log.close()
    } finally {
      await alone.stop()
    }
  })
})
