// From an engine and a log to a node that leads or follows; what a server calls.

import type { Engine } from '../engine/engine.ts'
import type { DirectoryClaimsView } from '../persistence/disk/directory-claims.ts'
import { type Disk, systemDisk } from '../persistence/disk/disk.ts'
import type { BackgroundSaving } from '../persistence/snapshot/background-saving.ts'
import { Chain } from './chain.ts'
import { LocalCopy } from './local-copy.ts'
import type { ReplicatedLog } from './log.ts'
import { ReplicatedNode } from './replicated-node.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { TIMING, type Timing } from './timing.ts'

/** Reading so many records again takes a new node some seconds. */
const SNAPSHOT_EVERY = 100_000

export interface ReplicatedOptions {
  /** Has a directory in its configuration, where the copy of the log lies; claimed by whoever calls this. */
  readonly engine: Engine
  readonly log: ReplicatedLog
  /** The name of this node, which no other node of the log has. */
  readonly node: string
  /** Where clients find it, as `host:port`. Default: nowhere. */
  readonly address?: string
  readonly disk?: Disk
  /** What is written into besides is claimed before. Default: nobody else is expected there. */
  readonly claims?: DirectoryClaimsView
  /** Makes the engine that an audit replays into. Default: there are no audits. */
  readonly second?: (like: Engine) => Engine
  /** Takes the object that saves this node's data; see NodeOptions. */
  readonly onSaving?: (saving: BackgroundSaving) => void
  /** Where snapshots lie, which all nodes reach; without one the log must be kept whole. */
  readonly snapshots?: SnapshotStore
  /** A snapshot is made when the log has grown by so many records. Default: 100,000. */
  readonly snapshotEvery?: number
  readonly timing?: Timing
  /** Asked before it leads; see NodeOptions. */
  readonly enter?: (epoch: number, isWanted: () => boolean) => Promise<boolean>
}

/** Loads this node's copy of the log and goes on from there. Meanwhile clients hear LOADING. Throws PersistenceError. */
export async function openReplicated(options: ReplicatedOptions): Promise<ReplicatedNode> {
  const {
    address = '',
    claims,
    disk = systemDisk,
    engine,
    second,
    enter,
    onSaving,
    log,
    node,
    snapshotEvery = SNAPSHOT_EVERY,
    timing = TIMING,
  } = options
  const store = options.snapshots
  // From the beginning: nothing expires before this node leads.
  engine.effects.role.become('follower')
  const { copy, place } = await LocalCopy.open(engine, disk)
  return new ReplicatedNode({
    engine,
    disk,
    log,
    copy,
    chain: new Chain(place),
    timing,
    self: { node, address },
    ...(enter === undefined ? {} : { enter }),
    snapshotEvery,
    ...(store === undefined ? {} : { store }),
    ...(claims === undefined ? {} : { claims }),
    ...(second === undefined ? {} : { second }),
    ...(onSaving === undefined ? {} : { onSaving }),
  })
}
