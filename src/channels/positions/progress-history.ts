// Remembers how much a client had taken at recent times, to tell how much it took some time ago.
//
// The first mark is the one that was asked for last; older marks are dropped. When there are too
// many marks, those right behind the first go. The answer is then less than was taken, and never
// more.

import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'

/** Number of marks that are kept. */
const MARKS_MAX = 12

export class ProgressHistory<T> {
  #marks: { readonly ms: number; readonly taken: T }[] = []

  /** Returns the newest note; undefined when there is none. */
  get last(): T | undefined {
    return this.#marks.at(-1)?.taken
  }

  /** Notes how much is taken now. Times must not go back. */
  note(ms: number, taken: T): void {
    if (CHECKED) assert((this.#marks.at(-1)?.ms ?? ms) <= ms, 'marks are in order of time')
    if (this.#marks.length >= MARKS_MAX) this.#marks.splice(1, 1)
    this.#marks.push({ ms, taken })
    assert(this.#marks.length <= MARKS_MAX, 'a history is bounded')
  }

  /** Returns how much had been taken at a time; undefined when not known. */
  at(ms: number): T | undefined {
    const marks = this.#marks
    const last = marks.findLastIndex((mark) => mark.ms <= ms)
    if (last === -1) return undefined
    if (last > 0) marks.splice(0, last)
    return marks[0]?.taken
  }

  clear(): void {
    this.#marks = []
  }
}
