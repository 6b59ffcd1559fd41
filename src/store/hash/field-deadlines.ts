// Which hashes of a database have fields that expire, by their next expiry.
//
// Hashes are known by the entry of their key. What is kept here may be out of
// date, never late: a hash that is gone, or lost its expiring fields, stays until
// its turn comes and is then looked at in vain.

import { KeptPages } from '../../util/memory/kept-pages.ts'
import { DeadlineHeap, type DeadlineState } from '../../util/time/deadline-heap.ts'

const PAGE_SHIFT = 10
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1

/** Stands for a page of entries none of which is known; never written. */
const NO_POSITIONS = new Int32Array(0)

/** A field that never expires does so then. */
export const NEVER = Number.POSITIVE_INFINITY

/** How all of it was at one time. */
export interface FieldDeadlinesState {
  readonly heap: DeadlineState
  readonly pages: readonly Int32Array[]
  readonly pageCount: number
}

export class FieldDeadlines {
  readonly #heap = new DeadlineHeap((entry, position) => this.#setPosition(entry, position + 1))
  /** Entry → position in the heap + 1, 0 = none; pages only where there are some. */
  readonly #pages = new KeptPages<Int32Array>()
  #pageCount = 0

  get earliest(): number {
    return this.#heap.earliest
  }

  /** The entry whose fields are due first; there must be one. */
  get earliestEntry(): number {
    return this.#heap.entryAt(0)
  }

  /** Returns when the next field of an entry is due at the earliest, +Infinity when none is known of. */
  timeOf(entry: number): number {
    const position = this.#position(entry)
    return position === 0 ? Number.POSITIVE_INFINITY : this.#heap.timeAt(position - 1)
  }

  /** Notes when the next field of an entry is due; +Infinity = never. */
  set(entry: number, timeMs: number): void {
    const position = this.#position(entry)
    if (timeMs === Number.POSITIVE_INFINITY) {
      if (position !== 0) this.#heap.remove(position - 1)
    } else if (position === 0) {
      this.#heap.add(entry, timeMs)
    } else {
      this.#heap.change(position - 1, timeMs)
    }
  }

  get heldBytes(): number {
    return this.#heap.heldBytes + this.#pageCount * PAGE_SIZE * 4
  }

  #position(entry: number): number {
    return this.#pages.list[entry >>> PAGE_SHIFT]?.[entry & PAGE_MASK] ?? 0
  }

  #setPosition(entry: number, position: number): void {
    const page = entry >>> PAGE_SHIFT
    const pages = this.#pages
    while (pages.list.length <= page) pages.push(NO_POSITIONS)
    if (pages.list[page] === NO_POSITIONS) {
      pages.replace(page, new Int32Array(PAGE_SIZE))
      this.#pageCount++
    }
    pages.writable(page)[entry & PAGE_MASK] = position
  }

  // ── earlier states ───────────────────────────────────────────────────────

  /** Returns how everything is. */
  keep(): FieldDeadlinesState {
    return { heap: this.#heap.keep(), pages: this.#pages.keep(), pageCount: this.#pageCount }
  }

  /** Makes everything as it was. */
  restore({ heap, pages, pageCount }: FieldDeadlinesState): void {
    this.#heap.restore(heap)
    this.#pages.restore(pages)
    this.#pageCount = pageCount
  }

  /** Says that nobody has an earlier state any more. */
  forget(): void {
    this.#heap.forget()
    this.#pages.forget()
  }
}
