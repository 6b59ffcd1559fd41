// The log on etcd keeps the contract over three real members, and refuses an etcd that would lose it with one disk.

import { afterAll, beforeAll, describe } from 'vitest'
import { openEtcdLog } from '../../src/replicated-log/etcd/etcd-log.ts'
import type { EtcdOptions } from '../../src/replicated-log/etcd/options.ts'
import type { ReplicatedLog } from '../../src/replicated-log/log.ts'
import { etcdMissing, type LogServers, startEtcds } from '../support/log-servers.ts'
import { describeReplicatedLog, type LogUnderTest } from './contract.ts'
import { openSoon } from './open-soon.ts'

describe.skipIf(etcdMissing())('on etcd', () => {
  let etcd: LogServers
  let logs = 0

  const options = (prefix: string): EtcdOptions => ({ endpoints: etcd.addresses, prefix, safety: 'required' })

  beforeAll(async () => {
    etcd = await startEtcds()
    const log = await openSoon(() => openEtcdLog(options('first')))
    await log.close()
  })

  afterAll(() => etcd?.stop())

  describeReplicatedLog(
    'etcd',
    async (): Promise<LogUnderTest> => {
      const prefix = `contract-${++logs}`
      const clients: ReplicatedLog[] = []
      return {
        async connect() {
          const log = await openEtcdLog(options(prefix))
          clients.push(log)
          return log
        },
        async stop() {
          for (const log of clients) await log.close()
        },
      }
    },
    [],
    30_000,
  )
})
