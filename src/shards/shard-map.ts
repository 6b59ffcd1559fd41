// The map of a cluster of several shards: who they are, who leads each, which owns which slot, and what moves. A value: a change makes another.
//
// Each record of the map's log (map-log.ts) is a whole map, as JSON: whoever reads the last one knows everything.

import { createHash } from 'node:crypto'
import { assert } from '../util/assert.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'

/** First and last slot. */
export type SlotSpan = readonly [first: number, last: number]

/** Several brokers that share one log. */
export interface MapShard {
  readonly name: string
  /** Kind and name of its log, so that two shards of one name are not taken for one. */
  readonly log: string
  /** The epoch, in its own log, of the leader that entered itself here last. Nobody of a lower one changes what is the shard's. */
  readonly epoch: number
  /** Id of that leader. */
  readonly leader: string
}

/** A broker, and where clients find it. */
export interface MapMember {
  /** 40 hexadecimal digits. */
  readonly id: string
  /** Name of its shard. */
  readonly shard: string
  readonly ip: string
  /** 0 = none. */
  readonly port: number
  readonly tlsPort: number
  readonly hostname: string
}

/** Slots on their way from one shard to another. The source owns them until `settle` gives some of them to the target. */
export interface MapMove {
  readonly id: number
  readonly from: string
  readonly to: string
  /** All that were asked for. */
  readonly slots: readonly SlotSpan[]
  /** Those that are still the source's. */
  readonly left: readonly SlotSpan[]
  /** Keys that went with those that are not. */
  readonly keys: number
  /** A word of whoever asked for it, so that it is not begun twice. */
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

/** So many moves that are over are remembered, for those who look how they went. */
const PAST_MOVES_MAX = 16
/** In `owners`: nobody has it. */
const NOBODY = -1

export class ShardMap {
  readonly shards: readonly MapShard[]
  readonly members: readonly MapMember[]
  /** Those under way in the order in which they were begun, behind those that are over. */
  readonly moves: readonly MapMove[]
  readonly lastMove: number
  /** Slot → place among the shards. */
  readonly #owners: Int16Array
  /** Place of a shard → how many slots it owns; undefined = nobody has asked. */
  #counts: readonly number[] | undefined = undefined

  private constructor(contents: MapContents) {
    this.shards = contents.shards
    this.members = contents.members
    this.moves = contents.moves
    this.lastMove = contents.lastMove
    this.#owners = contents.owners
  }

  /** Before the first record. */
  static readonly empty = new ShardMap({
    shards: [],
    members: [],
    moves: [],
    lastMove: 0,
    owners: new Int16Array(SLOT_COUNT).fill(NOBODY),
  })

  /** Name of the shard that owns a slot; undefined = nobody does. */
  ownerOf(slot: number): string | undefined {
    return this.shards[this.#owners[slot]!]?.name
  }

  /** The place, among the shards, of the one that owns a slot; -1 = nobody does. */
  placeOf(slot: number): number {
    return this.#owners[slot]!
  }

  /** How many slots a shard owns. */
  slotCountOf(name: string): number {
    return this.#counted()[this.shards.findIndex((shard) => shard.name === name)] ?? 0
  }

  /** How many slots somebody owns. */
  get slotsOwned(): number {
    return this.#counted().reduce((sum, count) => sum + count, 0)
  }

  #counted(): readonly number[] {
    if (this.#counts === undefined) {
      const counts = new Array<number>(this.shards.length).fill(0)
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        const owner = this.#owners[slot]!
        if (owner !== NOBODY) counts[owner]!++
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

  /** Moves under way from a shard, in the order in which they were begun. */
  movesFrom(shard: string): readonly MapMove[] {
    return this.moves.filter(({ from, state }) => from === shard && state === 'moving')
  }

  /** Moves under way to a shard. */
  movesTo(shard: string): readonly MapMove[] {
    return this.moves.filter(({ to, state }) => to === shard && state === 'moving')
  }

  // ── changes ──────────────────────────────────────────────────────────────

  /** With a member as it is now: a new one, or one that is found elsewhere. */
  withMember(member: MapMember): ShardMap {
    return this.#with({ members: [...this.members.filter(({ id }) => id !== member.id), member] })
  }

  withoutMember(id: string): ShardMap {
    return this.#with({ members: this.members.filter((member) => member.id !== id) })
  }

  /** With a shard's leader. A new shard owns nothing, but for the first one, which owns all slots. */
  withLeader(shard: MapShard): ShardMap {
    const known = this.shards.some(({ name }) => name === shard.name)
    const shards = known
      ? this.shards.map((other) => (other.name === shard.name ? shard : other))
      : [...this.shards, shard]
    const owners = this.shards.length === 0 ? new Int16Array(SLOT_COUNT).fill(0) : this.#owners
    return this.#with({ shards, owners })
  }

  /** Without a shard that owns nothing, and its members. */
  withoutShard(name: string): ShardMap {
    const place = this.shards.findIndex((shard) => shard.name === name)
    assert(!this.#owners.includes(place), 'who is forgotten owns nothing')
    return this.#with({
      shards: this.shards.filter((shard) => shard.name !== name),
      members: this.members.filter(({ shard }) => shard !== name),
      owners: this.#owners.map((owner) => (owner > place ? owner - 1 : owner)),
    })
  }

  /** With a move that begins. */
  withMove(move: Pick<MapMove, 'from' | 'to' | 'slots' | 'token'>): ShardMap {
    const lastMove = this.lastMove + 1
    const begun: MapMove = { ...move, id: lastMove, left: move.slots, keys: 0, state: 'moving' }
    return this.#with({ moves: [...this.moves, begun], lastMove })
  }

  /** Some slots of a move are the target's from now on; with the last of them it is over. */
  withSettled(id: number, slots: readonly SlotSpan[], keys: number): ShardMap {
    const move = this.move(id)
    assert(move !== undefined, 'what is settled moves')
    const place = this.shards.findIndex(({ name }) => name === move.to)
    const owners = this.#owners.slice()
    for (const slot of slotsIn(slots)) owners[slot] = place
    const gone = new Set(slotsIn(slots))
    const left = spansOf([...slotsIn(move.left)].filter((slot) => !gone.has(slot)))
    const state = left.length === 0 ? 'done' : 'moving'
    return this.#with({ owners, ...this.#changedMove({ ...move, left, keys: move.keys + keys, state }) })
  }

  /** A move ends where it is: what has not gone stays. */
  withCancelled(id: number): ShardMap {
    const move = this.move(id)
    assert(move !== undefined, 'what is cancelled moves')
    return this.#with(this.#changedMove({ ...move, state: 'cancelled' }))
  }

  /** The moves with one that has changed; of those that are over only the last few. */
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

  /** Returns it as text. */
  print(): string {
    const { lastMove, members, moves, shards } = this
    return JSON.stringify({ shards, members, moves, lastMove, owners: this.#spans() })
  }

  /** Reads what `print` wrote. Throws an error where it is something else. */
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
      throw new Error('this is no map of a cluster')
    const owners = new Int16Array(SLOT_COUNT).fill(NOBODY)
    for (const [first, last, place] of spans) {
      if (!(first >= 0 && last < SLOT_COUNT) || shards[place] === undefined)
        throw new Error('this is no map of a cluster: its slots are wrong')
      owners.fill(place, first, last + 1)
    }
    return new ShardMap({ shards, members, moves, lastMove, owners })
  }

  /** Who owns what: first slot, last slot, place among the shards. */
  #spans(): [first: number, last: number, place: number][] {
    const spans: [number, number, number][] = []
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const place = this.#owners[slot]!
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

/** `5 7-9`: as people and CLUSTER NODES write it. */
export function describeSpans(spans: Iterable<SlotSpan>): string {
  return Array.from(spans, ([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ')
}

/** The id of a shard, and of a member of one: the same after every start, and at every node. */
export function idOf(shard: string, member?: string): string {
  const hash = createHash('sha1').update(shard)
  if (member !== undefined) hash.update('\0').update(member)
  return hash.digest('hex')
}
