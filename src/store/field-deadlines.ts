// Which hashes of a database have fields that expire, by their next expiry.
//
// Hashes are known by the entry of their key. What is kept here may be out of
// date, never late: a hash that is gone, or lost its expiring fields, stays until
// its turn comes and is then looked at in vain.

import { DeadlineHeap } from '../util/deadline-heap.ts'

const PAGE_SHIFT = 10
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1

export class FieldDeadlines {
  readonly #heap = new DeadlineHeap((entry, position) => this.#setPosition(entry, position + 1))
  /** Entry → position in the heap + 1, 0 = none; pages only where there are some. */
  readonly #pages: (Int32Array | undefined)[] = []
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
    const page = this.#pages[entry >>> PAGE_SHIFT]
    return page === undefined ? 0 : page[entry & PAGE_MASK]!
  }

  #setPosition(entry: number, position: number): void {
    let page = this.#pages[entry >>> PAGE_SHIFT]
    if (page === undefined) {
      page = new Int32Array(PAGE_SIZE)
      this.#pages[entry >>> PAGE_SHIFT] = page
      this.#pageCount++
    }
    page[entry & PAGE_MASK] = position
  }
}
