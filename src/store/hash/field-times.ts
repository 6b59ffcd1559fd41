// The expiry times of the fields of one hash.
//
// A field is identified by the number that its hash gives it: its position in the small form, its
// entry in the large one. With few fields the times are a plain array, searched when the earliest
// is wanted. With many they are a heap, and each field has a position in it.
//
// A million fields may fall due in the same millisecond. They are removed a few at a time, and the
// rest is hidden: every field whose time is before that of `hide`.

import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { DeadlineHeap } from '../../util/time/deadline-heap.ts'
import type { Arena } from '../memory/arena.ts'

const NEVER = Number.POSITIVE_INFINITY

/** The expiry times of a hash's fields. Their bytes are counted in the arena. */
export interface FieldTimes {
  /** Number of fields that expire. */
  readonly count: number
  /** The earliest time, +Infinity when there is none. */
  readonly earliest: number
  /** The field with the earliest time. There must be one. */
  readonly earliestIndex: number
  readonly bytes: number
  /** True when some fields may be hidden. */
  readonly hides: boolean
  readonly hiddenCount: number
  get(index: number): number
  set(index: number, time: number): void
  /** Removes a field's time; false when it has none. */
  clear(index: number): boolean
  /**
   * Records that a field was removed and `last` fields are left. In the small form the later fields
   * move down; in the large one field `last` takes its number.
   */
  removed(index: number, last: number): void
  isHidden(index: number): boolean
  /** Hides the fields whose time is before `time`. */
  hide(time: number): void
  showAll(): void
  copy(arena: Arena): FieldTimes
  free(): void
  /** Walks the times of a hash with `held` fields in the checked build. */
  check(held: number): void
}

const SMALL_BYTES = 96

/** The times of a small hash. A missing time, or +Infinity, means never. */
export class SmallFieldTimes implements FieldTimes {
  count = 0
  readonly times: number[] = []
  readonly #arena: Arena
  #bytes = SMALL_BYTES

  constructor(arena: Arena) {
    this.#arena = arena
    arena.account(SMALL_BYTES)
  }

  get earliest(): number {
    let earliest = NEVER
    for (const time of this.times) if (time < earliest) earliest = time
    return earliest
  }

  get earliestIndex(): number {
    return this.times.indexOf(this.earliest)
  }

  get bytes(): number {
    return this.#bytes
  }

  // All due fields of a small hash are removed at once, so none is ever hidden.
  get hides(): boolean {
    return false
  }

  get hiddenCount(): number {
    return 0
  }

  get(index: number): number {
    return index < this.times.length ? itemAt(this.times, index) : NEVER
  }

  set(index: number, time: number): void {
    while (this.times.length <= index) this.times.push(NEVER)
    if (this.times[index] === NEVER) this.count++
    this.times[index] = time
    this.#measure()
  }

  clear(index: number): boolean {
    if (this.get(index) === NEVER) return false
    this.times[index] = NEVER
    this.count--
    if (CHECKED) assert(this.count >= 0, 'a field whose time is cleared was counted')
    return true
  }

  removed(index: number): void {
    if (index >= this.times.length) return
    if (this.times[index] !== NEVER) this.count--
    this.times.splice(index, 1)
    this.#measure()
  }

  isHidden(): boolean {
    return false
  }

  hide(): void {}

  showAll(): void {}

  copy(arena: Arena): SmallFieldTimes {
    const copy = new SmallFieldTimes(arena)
    copy.times.push(...this.times)
    copy.count = this.count
    copy.#measure()
    return copy
  }

  free(): void {
    this.#arena.account(-this.#bytes)
  }

  check(held: number): void {
    assert(this.times.length <= held, 'a time is that of a field')
    let count = 0
    for (const time of this.times) if (time !== NEVER) count++
    assert(count === this.count, 'the fields that expire are counted')
    assert(this.#bytes === SMALL_BYTES + 8 * this.times.length, 'the bytes of times are counted')
  }

  #measure(): void {
    const bytes = SMALL_BYTES + 8 * this.times.length
    this.#arena.account(bytes - this.#bytes)
    this.#bytes = bytes
  }
}

const LARGE_BYTES = 256
const POSITIONS_MIN = 64

export class LargeFieldTimes implements FieldTimes {
  readonly #arena: Arena
  readonly #heap: DeadlineHeap
  /** For each field its position in the heap + 1; 0 = never. */
  #positions = new Int32Array(POSITIONS_MIN)
  #bytes = 0
  #hiddenBefore = Number.NEGATIVE_INFINITY

  constructor(arena: Arena) {
    this.#arena = arena
    this.#heap = new DeadlineHeap((index, position) => {
      this.#positions[index] = position + 1
    })
    this.#measure()
  }

  static from(small: SmallFieldTimes, arena: Arena): LargeFieldTimes {
    const large = new LargeFieldTimes(arena)
    for (let i = 0; i < small.times.length; i++) if (small.times[i] !== NEVER) large.set(i, itemAt(small.times, i))
    small.free()
    return large
  }

  get count(): number {
    return this.#heap.count
  }

  get earliest(): number {
    return this.#heap.earliest
  }

  get earliestIndex(): number {
    return this.#heap.entryAt(0)
  }

  get bytes(): number {
    return this.#bytes
  }

  get hides(): boolean {
    return this.#hiddenBefore !== Number.NEGATIVE_INFINITY
  }

  /** O(fields that expire). */
  get hiddenCount(): number {
    let count = 0
    for (let i = 0; i < this.#heap.count; i++) if (this.#heap.timeAt(i) < this.#hiddenBefore) count++
    return count
  }

  get(index: number): number {
    const position = index < this.#positions.length ? numberAt(this.#positions, index) : 0
    return position === 0 ? NEVER : this.#heap.timeAt(position - 1)
  }

  set(index: number, time: number): void {
    if (index >= this.#positions.length) {
      const grown = new Int32Array(Math.max(index + 1, 2 * this.#positions.length))
      grown.set(this.#positions)
      this.#positions = grown
    }
    const position = numberAt(this.#positions, index)
    if (position === 0) this.#heap.add(index, time)
    else this.#heap.change(position - 1, time)
    this.#measure()
  }

  clear(index: number): boolean {
    const position = index < this.#positions.length ? numberAt(this.#positions, index) : 0
    if (position === 0) return false
    this.#heap.remove(position - 1)
    this.#measure()
    return true
  }

  removed(index: number, last: number): void {
    this.clear(index)
    const position = index !== last && last < this.#positions.length ? numberAt(this.#positions, last) : 0
    if (position === 0) return
    this.#positions[last] = 0
    this.#heap.rename(position - 1, index)
  }

  isHidden(index: number): boolean {
    return this.get(index) < this.#hiddenBefore
  }

  hide(time: number): void {
    this.#hiddenBefore = time
  }

  showAll(): void {
    this.#hiddenBefore = Number.NEGATIVE_INFINITY
  }

  copy(arena: Arena): LargeFieldTimes {
    const copy = new LargeFieldTimes(arena)
    for (let i = 0; i < this.#heap.count; i++) copy.set(this.#heap.entryAt(i), this.#heap.timeAt(i))
    copy.#hiddenBefore = this.#hiddenBefore
    return copy
  }

  free(): void {
    this.#arena.account(-this.#bytes)
  }

  check(held: number): void {
    this.#heap.check()
    let count = 0
    for (const position of this.#positions) if (position !== 0) count++
    assert(count === this.#heap.count, 'each position is that of a time')
    for (let i = 0; i < this.#heap.count; i++) {
      const index = this.#heap.entryAt(i)
      assert(index < held, 'a time is that of a field')
      assert(this.#positions[index] === i + 1, 'a field knows the position of its time')
    }
  }

  #measure(): void {
    const bytes = LARGE_BYTES + this.#heap.heldBytes + this.#positions.byteLength
    if (bytes !== this.#bytes) this.#arena.account(bytes - this.#bytes)
    this.#bytes = bytes
  }
}
