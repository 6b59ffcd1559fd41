// A consumer group: how far the stream was delivered to it, to which consumers, and which entries
// are not acknowledged.
//
// Each pending entry is recorded twice, in the order of ids. The group's index has the id with its
// consumer, when it was delivered last and how often. The consumer's index has the id alone. Both
// change together, in this file.

import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Arena } from '../memory/arena.ts'
import { type Named, NamedTable } from './named-table.ts'
import { ID_BYTES, StreamId } from './stream-id.ts'
import { IndexCursor, StreamIndex } from './stream-index.ts'

/** Offsets in a record of the group: when (a double), how often (64 bits), the consumer's slot. */
const TIME = ID_BYTES
const COUNT = ID_BYTES + 8
const SLOT = ID_BYTES + 16
const PENDING_PAYLOAD_BYTES = 20
/** The slot of an entry without a consumer, while a group is rebuilt. */
const NOBODY = -1

/** Estimates of the bytes of the objects, without their names. */
const GROUP_OBJECT_BYTES = 480
const CONSUMER_OBJECT_BYTES = 320

/** The number of entries that a group has read is unknown. */
export const READ_UNKNOWN = -1
/** The consumer was never given an entry. */
export const NEVER_ACTIVE = -1

const WORD = 2 ** 32

/**
 * Where a reader stopped within a node. A reader that continues from the next id need not search
 * for it.
 */
export class StreamPosition {
  /** The node's block, or the complement of its buffer's number; 0 = nowhere. */
  ref = 0
  /** Where the next entry begins, counted from the node's beginning. */
  offset = 0
  /** The stream's `layout` when this was recorded. */
  layout = 0
  /** The smallest id that the next entry can have. */
  readonly from = new StreamId()
}

/** A consumer of a group. */
export class StreamConsumer implements Named {
  readonly name: Bytes
  /** Its number within the group. Pending entries refer to it. */
  readonly slot: number
  /** Ids delivered to it and not acknowledged. */
  pending: StreamIndex
  /** When it last asked, in Unix ms. */
  seenTime: number
  /** When it was last given an entry, in Unix ms, or NEVER_ACTIVE. */
  activeTime = NEVER_ACTIVE

  constructor(name: Bytes, slot: number, pending: StreamIndex, now: number) {
    this.name = name
    this.slot = slot
    this.pending = pending
    this.seenTime = now
  }
}

export class StreamGroup implements Named {
  readonly arena: Arena
  readonly name: Bytes
  /** The last id that was delivered. */
  readonly lastId = new StreamId()
  /** How many entries were read, in the stream's counting, or READ_UNKNOWN. */
  entriesRead: number | bigint = READ_UNKNOWN
  /** Entries delivered and not acknowledged. Read them through this group's methods. */
  pending: StreamIndex
  readonly consumers = new NamedTable<StreamConsumer>()
  /** Where the group continues reading. */
  readonly place = new StreamPosition()
  readonly #slots: (StreamConsumer | undefined)[] = []

  /** Keeps a copy of the name. */
  constructor(arena: Arena, name: Bytes) {
    this.arena = arena
    this.name = name.copy()
    this.pending = new StreamIndex(arena, PENDING_PAYLOAD_BYTES)
    arena.account(GROUP_OBJECT_BYTES + name.length)
  }

  /** Moves blocks out of chunks that are being emptied (value.ts). */
  moveBlocks(): void {
    this.pending.moveBlocks()
    for (const { pending } of this.consumers.all) pending.moveBlocks()
  }

  // ── consumers ────────────────────────────────────────────────────────────

  /** Adds a consumer with a new name, of which it keeps a copy. */
  addConsumer(name: Bytes, now: number): StreamConsumer {
    let slot = this.#slots.indexOf(undefined)
    if (slot === -1) slot = this.#slots.length
    return this.#insertConsumer(name, slot, new StreamIndex(this.arena, 0), now)
  }

  #insertConsumer(name: Bytes, slot: number, pending: StreamIndex, now: number): StreamConsumer {
    const consumer = new StreamConsumer(name.copy(), slot, pending, now)
    while (this.#slots.length < slot) this.#slots.push(undefined)
    this.#slots[slot] = consumer
    this.consumers.add(consumer)
    this.arena.account(CONSUMER_OBJECT_BYTES + name.length)
    return consumer
  }

  /** Removes a consumer with all entries that are pending for it. */
  removeConsumer(consumer: StreamConsumer): void {
    if (consumer.pending.first(owned)) {
      do {
        if (this.pending.find(owned.id(pendingId), cursor)) this.pending.remove(cursor)
      } while (consumer.pending.next(owned))
    }
    assert(this.#slots[consumer.slot] === consumer, 'a consumer that is removed has a slot')
    this.consumers.remove(consumer)
    this.#slots[consumer.slot] = undefined
    this.#releaseConsumer(consumer)
  }

  #releaseConsumer(consumer: StreamConsumer): void {
    consumer.pending.free()
    this.arena.account(-CONSUMER_OBJECT_BYTES - consumer.name.length)
  }

  // ── one pending entry ────────────────────────────────────────────────────

  /** Finds a pending entry. */
  find(id: StreamId, at: IndexCursor): boolean {
    return this.pending.find(id, at)
  }

  /** Returns the consumer of a pending entry. */
  ownerOf(at: IndexCursor): StreamConsumer {
    const owner = this.#slots[at.source.view.getInt32(at.at + SLOT, true)]
    assert(owner !== undefined, 'a pending entry has a consumer')
    return owner
  }

  /** Returns when a pending entry was delivered last, in Unix ms. */
  deliveryTime(at: IndexCursor): number {
    return at.source.view.getFloat64(at.at + TIME, true)
  }

  setDeliveryTime(at: IndexCursor, timeMs: number): void {
    at.source.view.setFloat64(at.at + TIME, timeMs, true)
  }

  /** Returns how often a pending entry was delivered. */
  deliveryCount(at: IndexCursor): number | bigint {
    const { view } = at.source
    const high = view.getInt32(at.at + COUNT + 4, true)
    if (high === 0) return view.getUint32(at.at + COUNT, true)
    const count = view.getBigInt64(at.at + COUNT, true)
    const safe = Number(count)
    return Number.isSafeInteger(safe) ? safe : count
  }

  setDeliveryCount(at: IndexCursor, count: number | bigint): void {
    const { view } = at.source
    if (typeof count === 'number' && count >= 0 && count < WORD) {
      view.setInt32(at.at + COUNT, count | 0, true)
      view.setInt32(at.at + COUNT + 4, 0, true)
    } else {
      view.setBigInt64(at.at + COUNT, BigInt(count), true)
    }
  }

  /** Counts one more delivery. Beyond 64 bits the count starts over, as in Redis. */
  countDelivery(at: IndexCursor): void {
    const count = this.deliveryCount(at)
    this.setDeliveryCount(at, typeof count === 'number' && count < WORD ? count + 1 : BigInt(count) + 1n)
  }

  /**
   * Records an entry as pending for a consumer, delivered once, whichever consumer it had before.
   * The cursor is at it then. Throws ArenaFull, having changed nothing.
   */
  deliver(id: StreamId, consumer: StreamConsumer, now: number, at: IndexCursor): void {
    this.own(id, consumer, at)
    at.source.view.setFloat64(at.at + TIME, now, true)
    this.setDeliveryCount(at, 1)
  }

  /**
   * Gives an entry to a consumer, and moves the cursor to it. An entry that was not pending begins
   * with one delivery, as in Redis, at time 0. Returns its previous consumer.
   */
  own(id: StreamId, consumer: StreamConsumer, at: IndexCursor): StreamConsumer | undefined {
    const isNew = this.pending.insert(id, at)
    const previous = isNew ? undefined : this.#slots[at.source.view.getInt32(at.at + SLOT, true)]
    if (previous !== consumer) {
      try {
        consumer.pending.insert(id, owned)
      } catch (error) {
        if (isNew) this.pending.remove(at)
        throw error
      }
      if (previous?.pending.find(id, owned)) previous.pending.remove(owned)
      at.source.view.setInt32(at.at + SLOT, consumer.slot, true)
    }
    if (CHECKED) assert(consumer.pending.find(id, owned), 'an entry that is given to a consumer is pending for it')
    if (isNew) {
      this.setDeliveryTime(at, 0)
      this.setDeliveryCount(at, 1)
    }
    return previous
  }

  /**
   * Removes a pending entry from both indexes. The cursor moves to the next one; false when there
   * is none.
   */
  remove(at: IndexCursor): boolean {
    const owner = this.ownerOf(at)
    const isOwned = owner.pending.find(at.id(pendingId), owned)
    if (CHECKED) assert(isOwned, 'a pending entry is in the index of its consumer')
    if (isOwned) owner.pending.remove(owned)
    return this.pending.remove(at)
  }

  /** Removes the pending entry of an id from both indexes; false when there is none. */
  acknowledge(id: StreamId): boolean {
    if (!this.pending.find(id, cursor)) return false
    this.remove(cursor)
    return true
  }

  // ── rebuilding ───────────────────────────────────────────────────────────

  /**
   * Adds an entry that was pending when a group was saved, without a consumer yet; false when its
   * id is there already.
   */
  restorePending(id: StreamId, timeMs: number, count: number | bigint): boolean {
    if (!this.pending.insert(id, cursor)) return false
    cursor.source.view.setInt32(cursor.at + SLOT, NOBODY, true)
    this.setDeliveryTime(cursor, timeMs)
    this.setDeliveryCount(cursor, count)
    return true
  }

  /** Gives a pending entry without a consumer to one; false when there is no such entry. */
  restoreOwner(id: StreamId, consumer: StreamConsumer): boolean {
    if (!this.pending.find(id, cursor) || cursor.source.view.getInt32(cursor.at + SLOT, true) !== NOBODY) return false
    this.own(id, consumer, cursor)
    return true
  }

  /** Tells whether all pending entries have a consumer, as they must before the group is used. */
  get isOwned(): boolean {
    let count = 0
    for (const { pending } of this.consumers.all) count += pending.count
    return count === this.pending.count
  }

  // ── the whole ────────────────────────────────────────────────────────────

  get bytes(): number {
    let bytes = GROUP_OBJECT_BYTES + this.name.length + this.pending.bytes
    for (const { name, pending } of this.consumers.all) bytes += CONSUMER_OBJECT_BYTES + name.length + pending.bytes
    return bytes
  }

  copy(arena: Arena): StreamGroup {
    const copy = new StreamGroup(arena, this.name)
    copy.lastId.copyFrom(this.lastId)
    copy.entriesRead = this.entriesRead
    copy.pending = this.pending.copy(arena)
    for (const { name, slot, pending, seenTime, activeTime } of this.consumers.all) {
      copy.#insertConsumer(name, slot, pending.copy(arena), seenTime).activeTime = activeTime
    }
    return copy
  }

  /**
   * Walks the pending entries in the checked build. Each is pending for one consumer, whose index
   * has it.
   */
  check(): void {
    if (!CHECKED) return
    this.pending.check()
    let count = 0
    for (const consumer of this.consumers.all) {
      consumer.pending.check()
      count += consumer.pending.count
      assert(this.#slots[consumer.slot] === consumer, 'a consumer is found by its slot')
      for (let more = consumer.pending.first(owned); more; more = consumer.pending.next(owned)) {
        const isPending = this.pending.find(owned.id(pendingId), cursor)
        assert(isPending && this.ownerOf(cursor) === consumer, 'what a consumer has is pending for it')
      }
    }
    assert(count === this.pending.count, 'what is pending is pending for a consumer')
  }

  /**
   * Frees up to `max` consumers and pages of pending entries. Returns their number, which is less
   * than `max` when none is left.
   */
  freeSome(max: number): number {
    let freed = this.pending.freeSome(max)
    const { all } = this.consumers
    for (; all.length > 0 && freed < max; freed++) {
      freed += itemAt(all, all.length - 1).pending.freeSome(max - freed)
      if (freed >= max) break
      this.#releaseConsumer(all.pop()!)
    }
    return freed
  }

  free(): void {
    this.pending.free()
    for (const consumer of this.consumers.all) this.#releaseConsumer(consumer)
    this.arena.account(-GROUP_OBJECT_BYTES - this.name.length)
  }
}

const cursor = new IndexCursor()
const owned = new IndexCursor()
const pendingId = new StreamId()
