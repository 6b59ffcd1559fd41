// Opens a node that leads or follows, from an engine and a log. A server calls this.

import type { Engine } from '../engine/engine.ts'
import type { DirectoryClaimsView } from '../persistence/disk/directory-claims.ts'
import { type Disk, systemDisk } from '../persistence/disk/disk.ts'
import type { BackgroundSaving } from '../persistence/snapshot/background-saving.ts'
import type { Dial } from '../replication/connection.ts'
import { Chain, type RestoredPosition } from './chain.ts'
import { LocalCopy } from './local-copy.ts'
import type { ReplicatedLog } from './log.ts'
import { ReplicatedNode } from './replicated-node.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { TIMING, type Timing } from './timing.ts'

/** A new node reads this many records in some seconds. */
const SNAPSHOT_EVERY = 100_000

export interface ReplicatedOptions {
  /** Its configuration names the directory of the copy; the caller has claimed that directory. */
  readonly engine: Engine
  readonly log: ReplicatedLog
  /** The name of this node, unique among the nodes of the log. */
  readonly node: string
  /** Where clients reach this node, as `host:port`. Default: nowhere. */
  readonly address?: string
  readonly disk?: Disk
  /** Claims directories before they are written to. Default: no other process is expected there. */
  readonly claims?: DirectoryClaimsView
  /** Makes the engine that an audit replays into. Without it there are no audits. */
  readonly second?: (like: Engine) => Engine
  /** Takes the object that saves this node's data; see NodeOptions. */
  readonly onSaving?: (saving: BackgroundSaving) => void
  /** The store for snapshots, which all nodes reach. Without it the log must be kept whole. */
  readonly snapshots?: SnapshotStore
  /** A snapshot is made each time the log has grown by this many records. Default: 100,000. */
  readonly snapshotEvery?: number
  readonly timing?: Timing
  /** Connects to other nodes. Without it no requests are sent on after a handover. */
  readonly dial?: Dial
  /** The secret of this node for requests that others send on; see EpochNote. */
  readonly relayKey?: string
  /** Called before this node leads; see NodeOptions. */
  readonly enter?: (epoch: number, isWanted: () => boolean) => Promise<boolean>
}

/**
 * Loads this node's copy of the log and continues from there. Clients get LOADING meanwhile. Throws
 * PersistenceError.
 */
export async function openReplicated(options: ReplicatedOptions): Promise<ReplicatedNode> {
  const {
    address = '',
    claims,
    dial,
    disk = systemDisk,
    engine,
    second,
    enter,
    onSaving,
    log,
    node,
    relayKey = '',
    snapshotEvery = SNAPSHOT_EVERY,
    timing = TIMING,
  } = options
  const store = options.snapshots
  // A follower from the start: keys do not expire by themselves before this node leads.
  engine.effects.role.become('follower')
  const { copy, place } = await LocalCopy.open(engine, disk)
  return new ReplicatedNode({
    engine,
    disk,
    log,
    copy,
    chain: new Chain(knownBy(node, place)),
    timing,
    self: { node, address, leaseMs: timing.leaseMs, relayKey },
    ...(dial === undefined ? {} : { dial }),
    ...(enter === undefined ? {} : { enter }),
    snapshotEvery,
    ...(store === undefined ? {} : { store }),
    ...(claims === undefined ? {} : { claims }),
    ...(second === undefined ? {} : { second }),
    ...(onSaving === undefined ? {} : { onSaving }),
  })
}

/**
 * A leader that died stands again after the silence that belongs to its own lease, not to the
 * longest. One that handed over may lead again at once. Another leader may be gone meanwhile; its
 * records tell when it is not.
 */
function knownBy(node: string, { leader, ...place }: RestoredPosition): RestoredPosition {
  return leader?.node === node && place.handedTo === undefined ? { ...place, leader } : place
}
