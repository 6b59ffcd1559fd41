// The keys of a database by their slot (util/tables/hash-slot.ts), for servers that are part of a cluster.
//
// Each slot has a list of entries, linked both ways by entry number, and a count: whoever counts a slot's keys or names some of them
// visits no others. Eight bytes a key, and two tables of 64 KiB; a keyspace that needs none has none.

import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { hashSlotOf, SLOT_COUNT } from '../../util/tables/hash-slot.ts'

/** Links for so many entries are made at a time. */
const ENTRIES_PER_STEP = 8192

export class SlotIndex {
  /** Slot → how many keys it has. */
  readonly #counts = new Int32Array(SLOT_COUNT)
  /** Slot → the entry that came last, + 1; 0 = none. */
  readonly #first = new Int32Array(SLOT_COUNT)
  /** Two places for each entry: the one that came before it in its slot, + 1, and the one that came after, + 1. */
  #links = new Int32Array(2 * ENTRIES_PER_STEP)

  /** Number of keys in a slot. */
  count(slot: number): number {
    return this.#counts[slot]!
  }

  /** The entries of a slot, the newest first. Must not be asked further once keys came or went. */
  *entries(slot: number): IterableIterator<number> {
    for (let entry = this.#first[slot]! - 1; entry >= 0; entry = this.#links[2 * entry]! - 1) yield entry
  }

  /** The entry that came last into a slot; -1 = there is none. */
  newest(slot: number): number {
    return this.#first[slot]! - 1
  }

  /** The entry of the same slot that came before one; -1 = there is none. */
  older(entry: number): number {
    return this.#links[2 * entry]! - 1
  }

  add(entry: number, key: Bytes): void {
    const slot = hashSlotOf(key)
    if (2 * entry >= this.#links.length) this.#grow(entry)
    const links = this.#links
    const older = this.#first[slot]!
    links[2 * entry] = older
    links[2 * entry + 1] = 0
    if (older !== 0) links[2 * older - 1] = entry + 1
    this.#first[slot] = entry + 1
    this.#counts[slot]!++
  }

  remove(entry: number, key: Bytes): void {
    const slot = hashSlotOf(key)
    const links = this.#links
    const older = links[2 * entry]!
    const newer = links[2 * entry + 1]!
    if (older !== 0) links[2 * older - 1] = newer
    if (newer !== 0) links[2 * newer - 2] = older
    else {
      assert(this.#first[slot] === entry + 1, 'what has none before it is the first of its slot')
      this.#first[slot] = older
    }
    this.#counts[slot]!--
  }

  /** Forgets all entries. */
  clear(): void {
    this.#counts.fill(0)
    this.#first.fill(0)
    this.#links = new Int32Array(2 * ENTRIES_PER_STEP)
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.#counts.byteLength + this.#first.byteLength + this.#links.byteLength
  }

  /** Doubles, so that a key costs the same however many there are. */
  #grow(entry: number): void {
    const grown = new Int32Array(Math.max(2 * this.#links.length, 2 * (entry + ENTRIES_PER_STEP)))
    grown.set(this.#links)
    this.#links = grown
  }
}
