// An engine whose replication says what a test wants: a link, replicas, a part in a log.

import { makeParts, type OwnParts } from '../../src/commands/parts.ts'
import type { ConfigName } from '../../src/config/config.ts'
import type { Following, LogNode, ReplicaStatus } from '../../src/engine/effects/replication.ts'
import { createEngine, type TestEngine } from '../support/engine.ts'

export interface Pretended {
  following?: Following
  node?: LogNode
  replicas?: readonly ReplicaStatus[]
}

/** A replica with its link up, 5 bytes of the stream unapplied. */
export const FOLLOWING: Following = {
  host: '10.0.0.1',
  port: 6379,
  state: 'connected',
  linkUp: true,
  sync: undefined,
  offset: 100,
  readOffset: 105,
  lastHeardSeconds: 3,
  downSeconds: -1,
  unlinkedSeconds: 0,
  isContinuable: true,
  primary: undefined,
}

/** A leader with a lease of 1.5 s. */
export const LEADER: LogNode = {
  state: 'leading',
  epoch: 7,
  position: 51_205,
  relayKey: '',
  leaderAddress: '10.0.0.1:6379',
  leaseLeftMs: 1500,
  underWay: 2,
  lagMs: 250,
  lagBytes: 4096,
  failure: undefined,
  snapshots: { made: 50_000, verified: 40_000, truncatedBehind: 30_000 },
  following: undefined,
  handOver: async () => {},
  onChange: () => {},
}

/** Makes the engine; what `pretended` says may be changed while the test runs. */
export function replicatingEngine(
  pretended: Pretended,
  settings: Partial<Record<ConfigName, string>> = {},
): TestEngine {
  return createEngine(settings, 1, [], undefined, false, (engine): OwnParts => {
    const parts = makeParts(engine)
    const { replication } = parts
    Object.defineProperties(replication, {
      following: { get: () => pretended.following },
      node: { get: () => pretended.node },
    })
    if (pretended.replicas !== undefined)
      Object.defineProperty(replication.replicas, 'statuses', { get: () => pretended.replicas })
    return parts
  })
}
