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
//   held         for a moment requests for it wait: it is being handed over, and who owns it next is not certain yet

import type { Handlers } from '../../util/tables/handlers.ts'
import type { Client } from '../clients/client.ts'

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

export interface ClusterView {
  readonly myself: ClusterNode
  /** All that are known, this one included. */
  readonly nodes: ReadonlyMap<string, ClusterNode>
  /** The highest epoch that is known. */
  readonly epoch: number
  /** False = keys are not served (CLUSTERDOWN), but for what the settings say. */
  readonly isOk: boolean
  /** Some slot is migrating or importing here. */
  readonly hasOpenSlots: boolean
  /** Some slot is held. */
  readonly hasHeldSlots: boolean
  ownerOf(slot: number): ClusterNode | undefined
  isHeld(slot: number): boolean
  /** A client brings keys of another's slot here: it moves to this node (SlotMoves.receive). */
  takesFrom(client: Client, slot: number): boolean
  /** Where the keys of a slot of ours are going; undefined = nowhere. */
  migratingTo(slot: number): ClusterNode | undefined
  /** Whence the keys of another's slot are coming; undefined = nowhence. */
  importingFrom(slot: number): ClusterNode | undefined
  /** Told when anything of this has changed. */
  readonly changed: Handlers<[]>
  /** Undefined = the map is not made here: who wants to change it is refused. */
  readonly map: ChangeableMap | undefined
  /** Undefined = slots do not move by themselves here: somebody moves their keys (MIGRATE). */
  readonly moves: SlotMoves | undefined
  /** Undefined = what is published to a channel is heard where it is published. */
  readonly messages: MessageFigures | undefined
}

/** Messages on their way between this node and those of other shards, since it was started. */
export interface MessageFigures {
  /** Ours that have left. */
  readonly sent: number
  /** Ours that have not: there was no room, or the way was blocked. */
  readonly dropped: number
  /** Of others. */
  readonly heard: number
  /** Of others, that have not come. */
  readonly missed: number
}

/** A move of slots, as people see it. */
export interface SlotMove {
  readonly id: number
  /** Names of shards. */
  readonly from: string
  readonly to: string
  /** `0-99 200`. */
  readonly slots: string
  /** Those that have not gone. */
  readonly left: string
  readonly state: 'waiting' | 'copying' | 'handing over' | 'done' | 'cancelled'
  /** Keys that have gone to the other shard for good, and those that were copied there since. */
  readonly keysMoved: number
  readonly keysCopied: number
  /** Why it is tried again; '' = it goes well. Known to the node that moves them. */
  readonly failure: string
}

/** Slots that move by themselves, with all that is in them (src/shards). */
export interface SlotMoves {
  /** Under way, and over lately. */
  readonly list: readonly SlotMove[]
  /** Keys that have gone from this node for good since it was started. */
  readonly keysMoved: number
  /** The version of the map that this node knows. */
  readonly version: number
  /** Begins to move slots of this node's to another shard. Rejects with a ReplyError. */
  begin(to: string, slots: readonly number[]): Promise<void>
  /** Ends all moves from this node's shard where they are: what has not gone stays. */
  cancel(): Promise<void>
  /** Removes a node from the map, with its shard if it was the last of one that owns nothing. Rejects with a ReplyError. */
  forget(node: ClusterNode): Promise<void>
  /**
   * A client, the leader of another shard in this epoch of it, is going to bring keys of slots that move here. Removes some of the keys that are in its
   * way and returns how many are left; at 0 it may begin. Throws a ReplyError.
   */
  receive(client: Client, move: number, epoch: number, slots: readonly number[]): number
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

/** Tells whether a slot is this node's at this moment, for what happens by itself. */
export function servesSlot(cluster: ClusterView, slot: number): boolean {
  return cluster.ownerOf(slot) === cluster.myself && !cluster.isHeld(slot)
}
