// From an engine and a log to a node that leads or follows; what a server calls.

import type { Engine } from '../engine/engine.ts'
import { type Disk, systemDisk } from '../persistence/disk.ts'
import { Chain } from './chain.ts'
import { LocalCopy } from './local-copy.ts'
import type { ReplicatedLog } from './log.ts'
import { ReplicatedNode } from './replicated-node.ts'
import { TIMING, type Timing } from './timing.ts'

export interface ReplicatedOptions {
  /** Has a directory in its configuration, where the copy of the log lies; claimed by whoever calls this. */
  readonly engine: Engine
  readonly log: ReplicatedLog
  /** The name of this node, which no other node of the log has. */
  readonly node: string
  /** Where clients find it, as `host:port`. Default: nowhere. */
  readonly address?: string
  readonly disk?: Disk
  readonly timing?: Timing
}

/** Loads this node's copy of the log and goes on from there. Meanwhile clients hear LOADING. Throws PersistenceError. */
export async function openReplicated(options: ReplicatedOptions): Promise<ReplicatedNode> {
  const { address = '', disk = systemDisk, engine, log, node, timing = TIMING } = options
  // From the beginning: nothing expires before this node leads.
  engine.role.become('follower')
  const { copy, place } = await LocalCopy.open(engine, disk)
  return new ReplicatedNode({ engine, disk, log, copy, chain: new Chain(place), timing, self: { node, address } })
}
