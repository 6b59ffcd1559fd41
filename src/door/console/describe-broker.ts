// The description of this broker for the page.

import type { Engine } from '../../commands/call.ts'
import { REDIS_VERSION, RESPITE_VERSION } from '../../config/version.ts'
import type { Exchange } from '../exchanges/exchange.ts'

export function describeBroker({ config, effects, environment, parts }: Engine, { localAddress }: Exchange): object {
  const isInLog = parts.replication.node !== undefined
  const features = { channels: true, queues: true, overview: true, loopStalls: true, durability: true, tail: true }
  return {
    name: config.get('cluster-announce-hostname') || localAddress,
    kind: 'respite',
    version: RESPITE_VERSION,
    redisVersion: REDIS_VERSION,
    role: effects.role.isReplica ? 'replica' : 'master',
    mode: parts.cluster !== null ? 'cluster' : isInLog ? 'log' : 'standalone',
    address: localAddress,
    startedAt: environment.startedMs,
    features: {
      ...features,
      schedule: true,
      brokers: true,
      kept: true,
      names: true,
      policies: true,
      audit: true,
      leases: true,
    },
    missing: {},
  }
}
