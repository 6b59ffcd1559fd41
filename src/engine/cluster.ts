// The engine's view of a cluster: which node owns which slot, as commands, admission and INFO ask of it. Who knows that stands
// above: a node alone keeps a map of its own (src/cluster), a replicated shard has it from its log.
//
// A slot is in one of these states here, seen from this node:
//
//   owned        its keys are ours; everybody else is told MOVED by others
//   migrating    owned, and its keys are going to another node: a key that is not here any more is asked for there (ASK)
//   importing    another's, and its keys are coming here: served to those who say ASKING
//   elsewhere    another's: MOVED
//   unbound      nobody's: CLUSTERDOWN

import type { Seats } from '../util/seats.ts'

export interface ClusterNode {
  /** 40 hexadecimal digits. */
  readonly id: string
  /** The same for a primary and its replicas. */
  readonly shardId: string
  /** Empty = not known, as at first of this node itself: it is the address at which it is asked. */
  readonly ip: string
  /** 0 = none. */
  readonly port: number
  /** 0 = none. */
  readonly tlsPort: number
  readonly busPort: number
  /** Empty = none. */
  readonly hostname: string
  /** The node that this one is a replica of; undefined = it is a primary. */
  readonly primary: ClusterNode | undefined
  /** Of two nodes that claim a slot the one with the higher epoch is right. */
  readonly epoch: number
  readonly health: 'online' | 'fail' | 'loading'
  readonly replicationOffset: number
  readonly slotCount: number
}

export interface Cluster {
  readonly myself: ClusterNode
  /** All that are known, this one included. */
  readonly nodes: ReadonlyMap<string, ClusterNode>
  /** The highest epoch that is known. */
  readonly epoch: number
  /** False = keys are not served (CLUSTERDOWN), but for what the settings say. */
  readonly isOk: boolean
  /** Some slot is migrating or importing here. */
  readonly hasOpenSlots: boolean
  ownerOf(slot: number): ClusterNode | undefined
  /** Where the keys of a slot of ours are going; undefined = nowhere. */
  migratingTo(slot: number): ClusterNode | undefined
  /** Whence the keys of another's slot are coming; undefined = nowhence. */
  importingFrom(slot: number): ClusterNode | undefined
  /** Told when anything of this has changed. */
  readonly changed: Seats<[]>
  /** Undefined = the map is not made here: who wants to change it is refused. */
  readonly map: ChangeableMap | undefined
}

/** The map of a cluster, where it is made by commands. Each change is on disk when the call returns; throws ReplyError, having changed nothing. */
export interface ChangeableMap {
  /** Gives slots to a node; undefined = to nobody. */
  assign(slots: Iterable<number>, owner: ClusterNode | undefined): void
  /** Gives one slot to a node, which ends its move here: SETSLOT … NODE. */
  settle(slot: number, owner: ClusterNode, isEmpty: boolean): void
  /** The keys of a slot begin to move. */
  open(slot: number, direction: 'migrating' | 'importing', node: ClusterNode): void
  /** They do not move any more. */
  close(slot: number): void
  /** Gives this node an epoch above all others; false if it has the highest already. */
  bumpEpoch(): boolean
  setEpoch(epoch: number): void
  forget(node: ClusterNode): void
  /** Makes this node a replica of another. */
  replicate(primary: ClusterNode): void
  /** Makes this node a primary that knows no other and owns nothing; `hard` = with another name, and at epoch 0. */
  reset(hard: boolean): void
  /** Writes the map to disk once more. */
  save(): void
}
