// Deadlines: a 4-ary min-heap of (time, entry number) in pages of typed arrays.
//
// The earliest deadline is always known, so expiry needs no sampling and is never late. The owner
// stores each entry's position, which the heap reports. So changing or cancelling a deadline is
// O(log n), and growth copies nothing. Earlier states can be kept (kept-pages.ts).

import { itemAt, numberAt } from '../array-reads.ts'
import { assert } from '../assert.ts'
import { CHECKED } from '../invariant.ts'
import { KeptPages } from '../memory/kept-pages.ts'
import { RESTLESS } from '../restless.ts'

const PAGE_SHIFT = RESTLESS ? 3 : 12
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1
/** Deadlines of the first page when it is allocated. */
const FIRST_PAGE_SIZE = RESTLESS ? 2 : 64

/** A heap when a state was kept. */
export interface DeadlineState {
  readonly count: number
  readonly times: readonly Float64Array[]
  readonly entries: readonly Int32Array[]
}

export class DeadlineHeap {
  /** Number of deadlines held. */
  count = 0
  readonly #moved: (entry: number, position: number) => void
  readonly #timePages = new KeptPages<Float64Array>()
  readonly #entryPages = new KeptPages<Int32Array>()
  readonly #times = this.#timePages.list
  readonly #entries = this.#entryPages.list

  /** `moved` is called with the position of an entry whenever it changes; -1 = removed. */
  constructor(moved: (entry: number, position: number) => void) {
    this.#moved = moved
  }

  get heldBytes(): number {
    const pages = this.#times.length
    return pages === 0 ? 0 : ((pages - 1) * PAGE_SIZE + itemAt(this.#times, 0).length) * 12
  }

  /** Returns the time at a position, in Unix milliseconds. */
  timeAt(position: number): number {
    return numberAt(itemAt(this.#times, position >>> PAGE_SHIFT), position & PAGE_MASK)
  }

  entryAt(position: number): number {
    return numberAt(itemAt(this.#entries, position >>> PAGE_SHIFT), position & PAGE_MASK)
  }

  /** Returns the earliest time; +Infinity when there is no deadline. */
  get earliest(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.timeAt(0)
  }

  add(entry: number, time: number): void {
    const position = this.count++
    const page = position >>> PAGE_SHIFT
    if (page === this.#times.length) {
      const size = page === 0 ? FIRST_PAGE_SIZE : PAGE_SIZE
      this.#timePages.push(new Float64Array(size))
      this.#entryPages.push(new Int32Array(size))
    } else if (page === 0 && position === itemAt(this.#times, 0).length) {
      this.#growFirstPage()
    }
    this.#rise(position, entry, time)
  }

  /** Changes the time of the deadline at `position`. */
  change(position: number, time: number): void {
    const entry = this.entryAt(position)
    if (time < this.timeAt(position)) this.#rise(position, entry, time)
    else this.#sink(position, entry, time)
  }

  /** Changes the number of the entry at `position`. */
  rename(position: number, entry: number): void {
    this.#entryPages.writable(position >>> PAGE_SHIFT)[position & PAGE_MASK] = entry
    this.#moved(entry, position)
  }

  remove(position: number): void {
    const removed = this.entryAt(position)
    const last = --this.count
    const entry = this.entryAt(last)
    const time = this.timeAt(last)
    // One page beyond the last is kept in reserve.
    const pages = (this.count >>> PAGE_SHIFT) + 2
    this.#timePages.truncate(pages)
    this.#entryPages.truncate(pages)
    if (position !== last) {
      if (position > 0 && time < this.timeAt((position - 1) >> 2)) this.#rise(position, entry, time)
      else this.#sink(position, entry, time)
    }
    this.#moved(removed, -1)
  }

  clear(): void {
    this.count = 0
    this.#timePages.truncate(0)
    this.#entryPages.truncate(0)
  }

  /** Returns the present state. The kept state does not call `moved`. */
  keep(): DeadlineState {
    return { count: this.count, times: this.#timePages.keep(), entries: this.#entryPages.keep() }
  }

  /**
   * Returns to a kept state without calling `moved`, because the owner restores its positions too.
   */
  restore({ count, times, entries }: DeadlineState): void {
    this.count = count
    this.#timePages.restore(times)
    this.#entryPages.restore(entries)
  }

  /** Must be called when no earlier state is kept any more. */
  forget(): void {
    this.#timePages.forget()
    this.#entryPages.forget()
  }

  /** Checks every deadline: none is before its parent in the heap. */
  check(): void {
    if (!CHECKED) return
    for (let position = 1; position < this.count; position++) {
      assert(this.timeAt((position - 1) >> 2) <= this.timeAt(position), 'no deadline is before the one above it')
    }
  }

  /** The first page doubles, so that a heap of a few deadlines is not mostly empty. */
  #growFirstPage(): void {
    const times = new Float64Array(2 * itemAt(this.#times, 0).length)
    times.set(itemAt(this.#times, 0))
    this.#timePages.replace(0, times)
    const entries = new Int32Array(times.length)
    entries.set(itemAt(this.#entries, 0))
    this.#entryPages.replace(0, entries)
  }

  #put(position: number, entry: number, time: number): void {
    const page = position >>> PAGE_SHIFT
    this.#timePages.writable(page)[position & PAGE_MASK] = time
    this.#entryPages.writable(page)[position & PAGE_MASK] = entry
    this.#moved(entry, position)
  }

  #rise(start: number, entry: number, time: number): void {
    let position = start
    while (position > 0) {
      const parent = (position - 1) >> 2
      const parentTime = this.timeAt(parent)
      if (parentTime <= time) break
      this.#put(position, this.entryAt(parent), parentTime)
      position = parent
    }
    this.#put(position, entry, time)
  }

  #sink(start: number, entry: number, time: number): void {
    let position = start
    while (true) {
      const first = 4 * position + 1
      if (first >= this.count) break
      let least = first
      let leastTime = this.timeAt(first)
      const end = Math.min(first + 4, this.count)
      for (let child = first + 1; child < end; child++) {
        const childTime = this.timeAt(child)
        if (childTime < leastTime) {
          least = child
          leastTime = childTime
        }
      }
      if (leastTime >= time) break
      this.#put(position, this.entryAt(least), leastTime)
      position = least
    }
    this.#put(position, entry, time)
  }
}
