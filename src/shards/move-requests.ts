// The requests of commands about moves: begin one, cancel them, list them; and forget a node.

import type { Client } from '../engine/clients/client.ts'
import type { ClusterNode, SlotMove, SlotMoves } from '../engine/cluster-view/cluster-view.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import { Random } from '../util/numbers/random.ts'
import type { Importers } from './importers.ts'
import { describeSpans, type ShardMap, slotsIn, spansOf } from './shard-map.ts'
import type { ShardView } from './shard-view.ts'
import type { SlotMover } from './slot-mover.ts'

const TOKEN_LENGTH = 16
const NOT_LEADING = ERR.of('This node does not lead its shard: ask the one that does')
const LOST_LEAD = ERR.of('This node does not lead its shard any more: see CLUSTER MOVES at the one that does')
const OWN_SHARD = ERR.of('The slots are this shard’s already')
const NOT_OURS = ERR.of('Some of the slots are not this shard’s: ask the leader of the one that owns them')
const MOVING = ERR.of('Some of the slots are moving already')
const LEADS = ERR.of('It leads a shard that owns slots, or to which slots move')

export class MoveRequests implements SlotMoves {
  readonly #view: ShardView
  readonly #mover: SlotMover
  readonly #arrivals: Importers
  readonly #random = new Random()

  constructor(view: ShardView, mover: SlotMover, arrivals: Importers) {
    this.#view = view
    this.#mover = mover
    this.#arrivals = arrivals
  }

  get version(): number {
    return this.#view.mapLog.version
  }

  get keysMoved(): number {
    return this.#mover.keysMoved
  }

  get list(): readonly SlotMove[] {
    const mover = this.#mover
    const current = mover.current?.id
    return this.#view.mapLog.map.moves.map(({ from, id, keys, left, slots, state, to }) => {
      const isInHand = id === current
      return {
        id,
        from,
        to,
        slots: describeSpans(slots),
        left: describeSpans(left),
        state: state !== 'moving' ? state : isInHand ? mover.state : 'waiting',
        keysMoved: keys,
        keysCopied: isInHand ? mover.keysCopied : 0,
        failure: isInHand ? mover.failure : '',
      }
    })
  }

  async begin(to: string, slots: readonly number[]): Promise<void> {
    const { shard } = this.#view
    const token = this.#random.hex(TOKEN_LENGTH)
    await this.#asLeader((map) => {
      // An earlier attempt has succeeded.
      if (map.moves.some((move) => move.token === token)) return undefined
      if (map.shard(to) === undefined) {
        const isComing = map.members.some((member) => member.shard === to)
        throw ERR.of(isComing ? `Nobody has led the shard ${to} yet: try again` : `There is no shard ${to}`)
      }
      if (to === shard) throw OWN_SHARD
      if (slots.some((slot) => map.ownerOf(slot) !== shard)) throw NOT_OURS
      const moving = new Set(slotsIn(map.movesFrom(shard).flatMap(({ left }) => left)))
      if (slots.some((slot) => moving.has(slot))) throw MOVING
      return map.withMove({ from: shard, to, slots: spansOf(slots), token })
    })
  }

  async cancel(): Promise<void> {
    const { shard } = this.#view
    await this.#asLeader((map) => {
      const moves = map.movesFrom(shard)
      return moves.length === 0 ? undefined : moves.reduce((changed, { id }) => changed.withCancelled(id), map)
    })
  }

  async forget({ id }: ClusterNode): Promise<void> {
    await this.#change(
      (map) => {
        const member = map.member(id)
        if (member === undefined) return undefined
        const shard = map.shard(member.shard)
        if (shard?.leader !== id) return map.withoutMember(id)
        if (map.slotCountOf(shard.name) > 0 || map.movesTo(shard.name).length > 0) throw LEADS
        return map.withoutShard(shard.name)
      },
      () => true,
    )
  }

  receive(client: Client, move: number, epoch: number, slots: readonly number[]): number {
    return this.#arrivals.receive(client, move, epoch, slots)
  }

  /** Changes the map as the leader of this shard, in its epoch. */
  async #asLeader(make: (map: ShardMap) => ShardMap | undefined): Promise<void> {
    const { leadingEpoch: epoch, shard } = this.#view
    if (epoch === 0) throw NOT_LEADING
    const made = await this.#change(
      (map) => {
        if (map.shard(shard)?.epoch !== epoch) throw LOST_LEAD
        return make(map)
      },
      () => this.#view.leadingEpoch === epoch,
    )
    if (made === undefined) throw LOST_LEAD
  }

  async #change(make: (map: ShardMap) => ShardMap | undefined, isWanted: () => boolean): Promise<number | undefined> {
    try {
      return await this.#view.mapLog.change(make, isWanted)
    } catch (error) {
      if (error instanceof ReplyError) throw error
      throw ERR.of((error as Error).message)
    }
  }
}
