// The keys of a database by their slot (util/tables/hash-slot.ts), for servers that are part of a
// cluster.
//
// Each slot has a count and a list of entries, linked both ways by entry number. So counting or
// listing a slot's keys visits no other keys. The index takes eight bytes for each key, and two
// tables of 64 KiB. A keyspace without a cluster has no index.

import { numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { hashSlotOf, SLOT_COUNT } from '../../util/tables/hash-slot.ts'

/** The links grow by at least this many entries. */
const ENTRIES_PER_STEP = 8192

export class SlotIndex {
  /** Number of keys of each slot. */
  readonly #counts = new Int32Array(SLOT_COUNT)
  /** The newest entry of each slot, + 1; 0 = none. */
  readonly #first = new Int32Array(SLOT_COUNT)
  /**
   * Two words for each entry: the next older entry of its slot, + 1, and the next newer one, + 1.
   */
  #links = new Int32Array(2 * ENTRIES_PER_STEP)

  /** Returns the number of keys in a slot. */
  count(slot: number): number {
    return numberAt(this.#counts, slot)
  }

  /**
   * Iterates the entries of a slot, the newest first. Must not be continued after keys came or
   * went.
   */
  *entries(slot: number): IterableIterator<number> {
    for (let entry = numberAt(this.#first, slot) - 1; entry >= 0; entry = numberAt(this.#links, 2 * entry) - 1)
      yield entry
  }

  /** Returns the newest entry of a slot; -1 when there is none. */
  newest(slot: number): number {
    return numberAt(this.#first, slot) - 1
  }

  /** Returns the next older entry of the same slot; -1 when there is none. */
  older(entry: number): number {
    return numberAt(this.#links, 2 * entry) - 1
  }

  add(entry: number, key: Bytes): void {
    const slot = hashSlotOf(key)
    if (2 * entry >= this.#links.length) this.#grow(entry)
    const links = this.#links
    const older = numberAt(this.#first, slot)
    links[2 * entry] = older
    links[2 * entry + 1] = 0
    if (older !== 0) links[2 * older - 1] = entry + 1
    this.#first[slot] = entry + 1
    this.#counts[slot]!++
  }

  remove(entry: number, key: Bytes): void {
    const slot = hashSlotOf(key)
    const links = this.#links
    const older = numberAt(links, 2 * entry)
    const newer = numberAt(links, 2 * entry + 1)
    if (older !== 0) links[2 * older - 1] = newer
    if (newer !== 0) links[2 * newer - 2] = older
    else {
      assert(this.#first[slot] === entry + 1, 'what has none before it is the first of its slot')
      this.#first[slot] = older
    }
    this.#counts[slot]!--
    if (CHECKED) assert(this.count(slot) >= 0, 'a slot loses no more keys than it has')
  }

  /** Removes all entries. */
  clear(): void {
    this.#counts.fill(0)
    this.#first.fill(0)
    this.#links = new Int32Array(2 * ENTRIES_PER_STEP)
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.#counts.byteLength + this.#first.byteLength + this.#links.byteLength
  }

  /** At least doubles, so that the cost for each key does not depend on their number. */
  #grow(entry: number): void {
    const grown = new Int32Array(Math.max(2 * this.#links.length, 2 * (entry + ENTRIES_PER_STEP)))
    grown.set(this.#links)
    this.#links = grown
  }
}
