// Messages of all PUBLISHes are one key in etcd that is overwritten again and again. Overwritten
// values are compacted, so the database stays small, however much is sent.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEtcdLog } from '../../src/replicated-log/etcd/etcd-log.ts'
import { EtcdGateway } from '../../src/replicated-log/etcd/gateway.ts'
import type { EtcdOptions } from '../../src/replicated-log/etcd/options.ts'
import type { ReplicatedLog } from '../../src/replicated-log/log.ts'
import { etcdMissing, type LogServers, startEtcds } from '../support/log-servers.ts'
import { openSoon } from './open-soon.ts'

const SENDERS = 3
const BYTES_EACH = 64 * 1024 * 1024
/**
 * The part that senders leave uncompacted, and the same amount of free space in etcd; far less than
 * is sent.
 */
const DATABASE_BYTES_MAX = 128 * 1024 * 1024

describe.skipIf(process.env.SOAK === undefined || etcdMissing())('messages in etcd', () => {
  let etcd: LogServers
  let gateway: EtcdGateway
  const logs: ReplicatedLog[] = []

  beforeAll(async () => {
    etcd = await startEtcds()
    const options: EtcdOptions = { endpoints: etcd.addresses, prefix: 'messages', safety: 'required' }
    gateway = new EtcdGateway(options)
    for (let i = 0; i < SENDERS; i++) logs.push(await openSoon(() => openEtcdLog(options)))
  }, 60_000)

  afterAll(async () => {
    for (const log of logs) await log.close()
    gateway?.close()
    await etcd?.stop()
  }, 60_000)

  const databaseBytes = async (): Promise<number> =>
    Number((await gateway.ask<{ dbSize: string }>('maintenance/status', {})).dbSize)

  test.each([1024, 256 * 1024])(
    'batches of %i bytes take no more space after a tenth of them',
    async (length) => {
      const count = Math.min(3000, BYTES_EACH / length)
      const sizes: number[] = []
      for (let part = 0; part < 10; part++) {
        await Promise.all(
          logs.map(async ({ messaging }) => {
            for (let i = 0; i < count / 10; i++) await messaging.send(Buffer.alloc(length, i))
          }),
        )
        sizes.push(await databaseBytes())
      }
      console.log(
        `${SENDERS} × ${count} batches of ${length} bytes: ${sizes.map((bytes) => (bytes / 2 ** 20).toFixed(1))} MB`,
      )
      expect(Math.max(...sizes)).toBeLessThan(DATABASE_BYTES_MAX)
    },
    600_000,
  )
})
