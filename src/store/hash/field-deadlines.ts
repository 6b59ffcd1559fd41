// The hashes of a database that have expiring fields, ordered by their next expiry.
//
// A hash is identified by the entry of its key. A recorded time may be too early, but is never too
// late. A hash that was removed, or that has no expiring field any more, stays until its time comes
// and is then skipped.

import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { KeptPages } from '../../util/memory/kept-pages.ts'
import { DeadlineHeap, type DeadlineState } from '../../util/time/deadline-heap.ts'

const PAGE_SHIFT = 10
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1

/** Used for a page of entries without recorded times; never written to. */
const NO_POSITIONS = new Int32Array(0)

/** The expiry time of a field that never expires. */
export const NEVER = Number.POSITIVE_INFINITY

/** The deadlines when a state was kept. */
export interface FieldDeadlinesState {
  readonly heap: DeadlineState
  readonly pages: readonly Int32Array[]
  readonly pageCount: number
}

export class FieldDeadlines {
  readonly #heap = new DeadlineHeap((entry, position) => this.#setPosition(entry, position + 1))
  /**
   * For each entry its position in the heap + 1, 0 = none. There are pages only where entries have
   * positions.
   */
  readonly #pages = new KeptPages<Int32Array>()
  #pageCount = 0

  get earliest(): number {
    return this.#heap.earliest
  }

  /** The entry whose fields are due first. There must be one. */
  get earliestEntry(): number {
    if (CHECKED) assert(this.#heap.count > 0, 'the first deadline is asked for when there is one')
    return this.#heap.entryAt(0)
  }

  /** Returns a time before which no field of an entry is due; +Infinity when none is recorded. */
  timeOf(entry: number): number {
    const position = this.#position(entry)
    return position === 0 ? Number.POSITIVE_INFINITY : this.#heap.timeAt(position - 1)
  }

  /** Records when the next field of an entry is due; +Infinity = never. */
  set(entry: number, timeMs: number): void {
    const position = this.#position(entry)
    if (timeMs === Number.POSITIVE_INFINITY) {
      if (position !== 0) this.#heap.remove(position - 1)
    } else if (position === 0) {
      this.#heap.add(entry, timeMs)
    } else {
      this.#heap.change(position - 1, timeMs)
    }
    if (CHECKED) assert(this.timeOf(entry) === timeMs, 'a hash knows the deadline of its fields')
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

  /** Walks the deadlines in the checked build. */
  check(): void {
    this.#heap.check()
    let pages = 0
    for (const page of this.#pages.list) if (page !== NO_POSITIONS) pages++
    assert(pages === this.#pageCount, 'the pages of positions are counted')
    for (let i = 0; i < this.#heap.count; i++)
      assert(this.#position(this.#heap.entryAt(i)) === i + 1, 'a hash knows its position among the deadlines')
  }

  // ── earlier states ───────────────────────────────────────────────────────

  /** Returns the present state. */
  keep(): FieldDeadlinesState {
    return { heap: this.#heap.keep(), pages: this.#pages.keep(), pageCount: this.#pageCount }
  }

  /** Returns to a kept state. */
  restore({ heap, pages, pageCount }: FieldDeadlinesState): void {
    this.#heap.restore(heap)
    this.#pages.restore(pages)
    this.#pageCount = pageCount
    if (CHECKED) this.check()
  }

  /** Must be called when no earlier state is kept any more. */
  forget(): void {
    this.#heap.forget()
    this.#pages.forget()
  }
}
