// The map of a cluster of several shards: the shards, their leaders, the owner of each slot, and
// the moves. It is a value: each change makes a new map.
//
// Each record of the map's log (map-log.ts) is a whole map, as JSON: reading the last one is
// enough.

import { createHash } from 'node:crypto'
import { assert } from '../util/assert.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'

/** The first and last slot. */
export type SlotSpan = readonly [first: number, last: number]

/** Several brokers that share one log. */
export interface MapShard {
  readonly name: string
  /** Kind and name of its log, to tell apart two shards with the same name. */
  readonly log: string
  /**
   * The epoch, in the shard's own log, of the leader that entered itself last. Leaders of lower
   * epochs may not change what belongs to the shard.
   */
  readonly epoch: number
  /** The id of that leader. */
  readonly leader: string
}

/** A broker, with its addresses. */
export interface MapMember {
  /** 40 hexadecimal digits. */
  readonly id: string
  /** The name of its shard. */
  readonly shard: string
  readonly ip: string
  /** 0 = none. */
  readonly port: number
  readonly tlsPort: number
  readonly hostname: string
}

/**
 * Slots that move from one shard to another. The source owns them until `withSettled` gives some of
 * them to the target.
 */
export interface MapMove {
  readonly id: number
  readonly from: string
  readonly to: string
  /** All slots of the move. */
  readonly slots: readonly SlotSpan[]
  /** Slots that the source still owns. */
  readonly left: readonly SlotSpan[]
  /** The number of keys that went with the other slots. */
  readonly keys: number
  /** A random word of the requester, so that a move is not begun twice. */
  readonly token: string
  readonly state: 'moving' | 'done' | 'cancelled'
}

interface MapContents {
  readonly shards: readonly MapShard[]
  readonly members: readonly MapMember[]
  readonly moves: readonly MapMove[]
  /** The number of the last move that was begun. */
  readonly lastMove: number
  readonly owners: Int16Array
}

/** The number of ended moves that are kept, for users who look up the outcome. */
const PAST_MOVES_MAX = 16
/** In `owners`: the slot has no owner. */
const NOBODY = -1

export class ShardMap {
  readonly shards: readonly MapShard[]
  readonly members: readonly MapMember[]
  /** Moves in progress in the order of their start, behind those that have ended. */
  readonly moves: readonly MapMove[]
  readonly lastMove: number
  /** Slot → index of its shard. */
  readonly #owners: Int16Array
  /** Index of a shard → number of slots it owns; undefined until it is needed. */
  #counts: readonly number[] | undefined = undefined

  private constructor(contents: MapContents) {
    this.shards = contents.shards
    this.members = contents.members
    this.moves = contents.moves
    this.lastMove = contents.lastMove
    this.#owners = contents.owners
  }

  /** The map before the first record. */
  static readonly empty = new ShardMap({
    shards: [],
    members: [],
    moves: [],
    lastMove: 0,
    owners: new Int16Array(SLOT_COUNT).fill(NOBODY),
  })

  /** The name of the shard that owns a slot; undefined when it has no owner. */
  ownerOf(slot: number): string | undefined {
    return this.shards[this.ownerIndexOf(slot)]?.name
  }

  /** The index of the shard that owns a slot; -1 when it has no owner. */
  ownerIndexOf(slot: number): number {
    return this.#owners[slot] ?? NOBODY
  }

  /** The number of slots that a shard owns. */
  slotCountOf(name: string): number {
    return this.#counted()[this.shards.findIndex((shard) => shard.name === name)] ?? 0
  }

  /** The number of slots that have an owner. */
  get slotsOwned(): number {
    return this.#counted().reduce((sum, count) => sum + count, 0)
  }

  #counted(): readonly number[] {
    if (this.#counts === undefined) {
      const counts = new Array<number>(this.shards.length).fill(0)
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        const owner = this.ownerIndexOf(slot)
        if (owner !== NOBODY) counts[owner] = (counts[owner] ?? 0) + 1
      }
      this.#counts = counts
    }
    return this.#counts
  }

  shard(name: string): MapShard | undefined {
    return this.shards.find((shard) => shard.name === name)
  }

  member(id: string): MapMember | undefined {
    return this.members.find((member) => member.id === id)
  }

  move(id: number): MapMove | undefined {
    return this.moves.find((move) => move.id === id && move.state === 'moving')
  }

  /** Moves in progress from a shard, in the order of their start. */
  movesFrom(shard: string): readonly MapMove[] {
    return this.moves.filter(({ from, state }) => from === shard && state === 'moving')
  }

  /** Moves in progress to a shard. */
  movesTo(shard: string): readonly MapMove[] {
    return this.moves.filter(({ to, state }) => to === shard && state === 'moving')
  }

  // ── changes ──────────────────────────────────────────────────────────────

  /** Adds a member, or replaces its addresses. */
  withMember(member: MapMember): ShardMap {
    return this.#with({ members: [...this.members.filter(({ id }) => id !== member.id), member] })
  }

  withoutMember(id: string): ShardMap {
    return this.#with({ members: this.members.filter((member) => member.id !== id) })
  }

  /** Sets the leader of a shard. A new shard owns no slots, except the first, which owns all. */
  withLeader(shard: MapShard): ShardMap {
    const known = this.shards.some(({ name }) => name === shard.name)
    const shards = known
      ? this.shards.map((other) => (other.name === shard.name ? shard : other))
      : [...this.shards, shard]
    const owners = this.shards.length === 0 ? new Int16Array(SLOT_COUNT).fill(0) : this.#owners
    return this.#with({ shards, owners })
  }

  /** Removes a shard that owns no slots, and its members. */
  withoutShard(name: string): ShardMap {
    const place = this.shards.findIndex((shard) => shard.name === name)
    assert(!this.#owners.includes(place), 'a removed shard owns no slots')
    return this.#with({
      shards: this.shards.filter((shard) => shard.name !== name),
      members: this.members.filter(({ shard }) => shard !== name),
      owners: this.#owners.map((owner) => (owner > place ? owner - 1 : owner)),
    })
  }

  /** Begins a move. */
  withMove(move: Pick<MapMove, 'from' | 'to' | 'slots' | 'token'>): ShardMap {
    const lastMove = this.lastMove + 1
    const begun: MapMove = { ...move, id: lastMove, left: move.slots, keys: 0, state: 'moving' }
    return this.#with({ moves: [...this.moves, begun], lastMove })
  }

  /** Gives some slots of a move to its target; with the last of them the move is done. */
  withSettled(id: number, slots: readonly SlotSpan[], keys: number): ShardMap {
    const move = this.move(id)
    assert(move !== undefined, 'a move in progress is settled')
    const place = this.shards.findIndex(({ name }) => name === move.to)
    const owners = this.#owners.slice()
    for (const slot of slotsIn(slots)) owners[slot] = place
    const gone = new Set(slotsIn(slots))
    const left = spansOf([...slotsIn(move.left)].filter((slot) => !gone.has(slot)))
    const state = left.length === 0 ? 'done' : 'moving'
    return this.#with({ owners, ...this.#changedMove({ ...move, left, keys: move.keys + keys, state }) })
  }

  /** Cancels a move: slots that have not moved stay. */
  withCancelled(id: number): ShardMap {
    const move = this.move(id)
    assert(move !== undefined, 'a move in progress is cancelled')
    return this.#with(this.#changedMove({ ...move, state: 'cancelled' }))
  }

  /** Replaces a move that has changed; of the ended moves only the last few are kept. */
  #changedMove(changed: MapMove): Pick<MapContents, 'moves'> {
    const moves = this.moves.map((move) => (move.id === changed.id ? changed : move))
    const over = moves.filter(({ state }) => state !== 'moving').slice(-PAST_MOVES_MAX)
    return { moves: [...over, ...moves.filter(({ state }) => state === 'moving')] }
  }

  #with(changes: Partial<MapContents>): ShardMap {
    const { lastMove, members, moves, shards } = this
    return new ShardMap({ shards, members, moves, lastMove, owners: this.#owners, ...changes })
  }

  // ── as a record ──────────────────────────────────────────────────────────

  /** Returns the map as text. */
  print(): string {
    const { lastMove, members, moves, shards } = this
    return JSON.stringify({ shards, members, moves, lastMove, owners: this.#spans() })
  }

  /** Reads the output of `print`. Throws an error when it is something else. */
  static parse(text: string): ShardMap {
    const {
      lastMove,
      members,
      moves,
      owners: spans,
      shards,
    } = JSON.parse(text) as Omit<MapContents, 'owners'> & {
      owners: readonly (readonly [first: number, last: number, place: number])[]
    }
    if (![shards, members, moves, spans].every(Array.isArray) || !Number.isInteger(lastMove))
      throw new Error('this is not a map of a cluster')
    const owners = new Int16Array(SLOT_COUNT).fill(NOBODY)
    for (const [first, last, place] of spans) {
      if (!(first >= 0 && last < SLOT_COUNT) || shards[place] === undefined)
        throw new Error('this is not a map of a cluster: its slots are wrong')
      owners.fill(place, first, last + 1)
    }
    return new ShardMap({ shards, members, moves, lastMove, owners })
  }

  /** The owners: first slot, last slot, index of the shard. */
  #spans(): [first: number, last: number, place: number][] {
    const spans: [number, number, number][] = []
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const place = this.ownerIndexOf(slot)
      const last = spans.at(-1)
      if (place === NOBODY) continue
      if (last !== undefined && last[2] === place && last[1] === slot - 1) last[1] = slot
      else spans.push([slot, slot, place])
    }
    return spans
  }
}

/** All slots of some spans. */
export function* slotsIn(spans: Iterable<SlotSpan>): IterableIterator<number> {
  for (const [first, last] of spans) for (let slot = first; slot <= last; slot++) yield slot
}

/** Slots as spans, in order. */
export function spansOf(slots: Iterable<number>): SlotSpan[] {
  const spans: [number, number][] = []
  for (const slot of [...slots].sort((a, b) => a - b)) {
    const last = spans.at(-1)
    if (last !== undefined && slot <= last[1] + 1) last[1] = slot
    else spans.push([slot, slot])
  }
  return spans
}

/** `5 7-9`, the form for people and CLUSTER NODES. */
export function describeSpans(spans: Iterable<SlotSpan>): string {
  return Array.from(spans, ([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ')
}

/** The id of a shard, or of a member of one: the same after every start, and at every node. */
export function idOf(shard: string, member?: string): string {
  const hash = createHash('sha1').update(shard)
  if (member !== undefined) hash.update('\0').update(member)
  return hash.digest('hex')
}
