// The engine's view of a cluster: the owner of each slot, as commands, admission and INFO ask for
// it. The implementation stands above: a node alone keeps a map of its own (src/cluster), a
// replicated shard reads it from its log.
//
// A slot has one of these states, seen from this node:
//
//   owned        this node has its keys; clients of other nodes get MOVED there
//   migrating    owned, and its keys are moving to another node: a missing key is there (ASK)
//   importing    another's, and its keys are moving here: served to clients that send ASKING
//   elsewhere    another's: MOVED
//   unbound      without an owner: CLUSTERDOWN
//   held         requests wait for a moment: it is being handed over, and its next owner is not certain

import { assert } from '../../util/assert.ts'
import type { Handlers } from '../../util/tables/handlers.ts'
import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { Client } from '../clients/client.ts'

export interface ClusterNode {
  /** 40 hexadecimal digits. */
  readonly id: string
  /** The same for a primary and its replicas. */
  readonly shardId: string
  /**
   * Empty = not known, as at first for this node itself: clients use the address that they are
   * connected to.
   */
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
  /** If two nodes claim a slot, the one with the higher epoch owns it. */
  readonly epoch: number
  readonly health: 'online' | 'fail' | 'loading'
  readonly replicationOffset: number
  readonly slotCount: number
}

export interface ClusterView {
  readonly myself: ClusterNode
  /** All known nodes, with this one. */
  readonly nodes: ReadonlyMap<string, ClusterNode>
  /** The highest known epoch. */
  readonly epoch: number
  /** False = keys are not served (CLUSTERDOWN), except as the settings allow. */
  readonly isOk: boolean
  /** Some slot is migrating or importing here. */
  readonly hasOpenSlots: boolean
  /** Some slot is held. */
  readonly hasHeldSlots: boolean
  ownerOf(slot: number): ClusterNode | undefined
  isHeld(slot: number): boolean
  /**
   * True for a client that brings the keys of another's slot here, because the slot moves to this
   * node (SlotMoves.receive).
   */
  takesFrom(client: Client, slot: number): boolean
  /**
   * The node to which the keys of a migrating slot go; undefined when the slot is not migrating.
   */
  migratingTo(slot: number): ClusterNode | undefined
  /**
   * The node from which the keys of an importing slot come; undefined when the slot is not
   * importing.
   */
  importingFrom(slot: number): ClusterNode | undefined
  /** Called when any of this has changed. */
  readonly changed: Handlers<[]>
  /** Undefined where commands cannot change the map: they are refused. */
  readonly map: ChangeableMap | undefined
  /** Undefined where a program outside moves the keys of a slot (MIGRATE). */
  readonly moves: SlotMoves | undefined
  /** Undefined where messages do not go to other shards. */
  readonly messages: MessageFigures | undefined
}

/** The numbers of messages between this node and those of other shards since its start. */
export interface MessageFigures {
  /** Messages of this shard that have been sent. */
  readonly sent: number
  /** Messages of this shard that were dropped: there was no room, or no connection. */
  readonly dropped: number
  /** Messages received from other shards. */
  readonly heard: number
  /** Messages of other shards that were sent and have not arrived. */
  readonly missed: number
}

/** A move of slots, as operators see it. */
export interface SlotMove {
  readonly id: number
  /** Names of shards. */
  readonly from: string
  readonly to: string
  /** `0-99 200`. */
  readonly slots: string
  /** The slots that have not moved yet. */
  readonly left: string
  readonly state: 'waiting' | 'copying' | 'handing over' | 'done' | 'cancelled'
  /**
   * The number of keys that have gone to the other shard for good, and of those copied there since.
   */
  readonly keysMoved: number
  readonly keysCopied: number
  /**
   * The error after which the move is tried again; '' = there was none. Only the node that moves
   * the slots knows it.
   */
  readonly failure: string
}

/** Moves of slots with all their keys, which the shards make by themselves (src/shards). */
export interface SlotMoves {
  /** The moves in progress, and those that ended lately. */
  readonly list: readonly SlotMove[]
  /** The number of keys that have left this node for good since its start. */
  readonly keysMoved: number
  /** The version of the map that this node knows. */
  readonly version: number
  /** Begins to move slots of this node to another shard. Rejects with a ReplyError. */
  begin(to: string, slots: readonly number[]): Promise<void>
  /** Cancels all moves from this node's shard. Slots that have not moved stay. */
  cancel(): Promise<void>
  /**
   * Removes a node from the map. If it was the last node of a shard that owns nothing, the shard
   * goes too. Rejects with a ReplyError.
   */
  forget(node: ClusterNode): Promise<void>
  /**
   * Prepares for keys of slots that move here. `client` will bring them: it is the leader of
   * another shard, in this epoch of that shard. Removes some of the keys that are in their way, and
   * returns the number that is left; at 0 the client may begin. Throws a ReplyError.
   */
  receive(client: Client, move: number, epoch: number, slots: readonly number[]): number
}

/**
 * The map of a cluster that commands change. Each change is on disk when the call returns. A call
 * that throws a ReplyError has changed nothing.
 */
export interface ChangeableMap {
  /** Gives slots to a node; undefined = the slots become unbound. */
  assign(slots: Iterable<number>, owner: ClusterNode | undefined): void
  /** Gives one slot to a node, which ends its move here: SETSLOT … NODE. */
  settle(slot: number, owner: ClusterNode, isEmpty: boolean): void
  /** Marks a slot as migrating or importing. */
  open(slot: number, direction: 'migrating' | 'importing', node: ClusterNode): void
  /** Ends the migrating or importing state of a slot. */
  close(slot: number): void
  /** Gives this node an epoch above all others; returns false if it has the highest already. */
  bumpEpoch(): boolean
  setEpoch(epoch: number): void
  forget(node: ClusterNode): void
  /** Makes this node a replica of another. */
  replicate(primary: ClusterNode): void
  /**
   * Makes this node a primary that knows no other and owns no slots; `hard` = with another name,
   * and at epoch 0.
   */
  reset(hard: boolean): void
  /** Writes the map to disk once more. */
  save(): void
}

/** Tells if this node serves a slot at this moment, for work that no client asks for. */
export function servesSlot(cluster: ClusterView, slot: number): boolean {
  assert(slot >= 0 && slot < SLOT_COUNT, 'a slot has a number below 16384')
  return cluster.ownerOf(slot) === cluster.myself && !cluster.isHeld(slot)
}
