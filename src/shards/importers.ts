// Keys that move to this shard: the clients that import them (leaders of other shards), and the
// slots of each.
//
//   CLUSTER RECEIVE ──▶ existing keys of the slots are removed, some at a time ──▶ 0 left
//   ──▶ RESTORE and DEL for these slots are accepted, from this client only
//
// A move has one such client. Another one that comes for the same move replaces it: the first
// connection is closed, so nothing it had in flight arrives later. The connection is also closed
// when the map has no such move any more, when the source has another epoch, and when this node
// stops leading.

import type { Client } from '../engine/clients/client.ts'
import { removeKeysOfSlot } from '../engine/data/slot-removal.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import { assert } from '../util/assert.ts'
import { slotsIn } from './shard-map.ts'
import type { ShardView } from './shard-view.ts'

/** Keys removed at a time. */
const REMOVED_KEYS = 500
const UNKNOWN_MOVE = new ReplyError('TRYAGAIN This node knows of no such move')
const NOT_LEADING = new ReplyError('TRYAGAIN This node does not lead')
const OTHER_SLOTS = ERR.of('These slots do not move here')

interface Importer {
  readonly move: number
  readonly epoch: number
  /** Empty until the existing keys are removed. */
  slots: ReadonlySet<number>
}

export class Importers {
  readonly #host: ShardView
  readonly #bringers = new Map<Client, Importer>()

  constructor(host: ShardView) {
    this.#host = host
    host.engine.clients.connected.gone.add((client) => this.#bringers.delete(client))
  }

  /** See SlotMoves.receive. */
  receive(client: Client, id: number, epoch: number, slots: readonly number[]): number {
    const { engine, leadingEpoch, mapLog } = this.#host
    const { connected: clients } = engine.clients
    const { dataset } = engine.data
    const { durability } = engine.effects
    if (leadingEpoch === 0) throw NOT_LEADING
    if (!this.#isCurrent({ move: id, epoch })) throw UNKNOWN_MOVE
    const moving = new Set(slotsIn(mapLog.map.move(id)?.left ?? []))
    if (!slots.every((slot) => moving.has(slot))) throw OTHER_SLOTS
    for (const [other, { move }] of this.#bringers) if (move === id && other !== client) clients.close(other, 'now')
    const db = this.#host.data
    const index = db.keys.slots
    assert(index !== null, 'a cluster keeps an index of its slots')
    let room = REMOVED_KEYS
    let left = 0
    for (const slot of slots) {
      if (room > 0 && index.count(slot) > 0) room -= removeKeysOfSlot(dataset, db, slot, room)
      left += index.count(slot)
    }
    // A later WAITAOF of this client covers these removals.
    durability.wrote(client)
    this.#bringers.set(client, { move: id, epoch, slots: left === 0 ? new Set(slots) : new Set() })
    return left
  }

  takesFrom(client: Client, slot: number): boolean {
    return this.#bringers.get(client)?.slots.has(slot) === true
  }

  /** Called when the map or the leader has changed: closes clients whose move has ended. */
  look(): void {
    for (const [client, bringer] of this.#bringers)
      if (!this.#isCurrent(bringer)) this.#host.engine.clients.connected.close(client, 'now')
  }

  #isCurrent({ epoch, move: id }: Pick<Importer, 'move' | 'epoch'>): boolean {
    const { leadingEpoch, mapLog, shard } = this.#host
    const move = mapLog.map.move(id)
    return leadingEpoch !== 0 && move?.to === shard && mapLog.map.shard(move.from)?.epoch === epoch
  }
}
