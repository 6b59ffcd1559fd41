// The parts of this node that the classes for moving slots use.

import type { Engine } from '../engine/engine.ts'
import type { Database } from '../store/keyspace/database.ts'
import type { MapLog } from './map-log.ts'

export interface ShardView {
  readonly engine: Engine
  /** The data: a cluster has only database 0. */
  readonly data: Database
  readonly mapLog: MapLog
  /** The name of this node's shard. */
  readonly shard: string
  /**
   * The epoch in which this node leads its shard and is entered in the map; 0 = it does not lead.
   */
  readonly leadingEpoch: number
}
