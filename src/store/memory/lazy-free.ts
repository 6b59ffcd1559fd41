// Removed values on their way out.
//
// A key with a million members is gone at once, its memory in steps: whoever
// removes a large structure puts it here, and whoever has time to spare has some
// of its elements freed. Memory counts as used until it is free.

import { CHECKED } from '../../util/invariant.ts'
import { happened, RESTLESS } from '../../util/restless.ts'
import type { Holder } from './arena.ts'

/** Structures of so many elements are freed in steps: fewer take some ten microseconds. */
export const LAZY_LENGTH_MIN = RESTLESS ? 2 : 500

export class LazyFree {
  /** Bytes of values that are on their way out too, but are read by somebody still. */
  heldBytes = 0
  readonly #values: Holder[] = []

  /** Values that are not freed yet. */
  get pending(): number {
    return this.#values.length
  }

  /** Takes a value that nobody uses any more: a small one is freed at once. */
  take(value: Holder): void {
    if (value.freeSome === undefined || (value.burden ?? value.length) < LAZY_LENGTH_MIN) value.free()
    else this.#values.push(value)
  }

  /** Gives those that are not freed yet to somebody who keeps their memory. */
  giveAll(): Holder[] {
    return this.#values.splice(0)
  }

  /** Takes values back that somebody has kept. */
  takeAll(values: readonly Holder[]): void {
    for (const value of values) this.#values.push(value)
  }

  /** Frees up to `max` elements; returns how many values that finished. */
  free(max: number): number {
    let finished = 0
    for (let left = max; left > 0 && this.#values.length > 0; ) {
      const value = this.#values[this.#values.length - 1]!
      const { length } = value
      if (CHECKED) happened('large value freed in steps')
      if (!value.freeSome!(left)) break
      this.#values.pop()
      finished++
      left -= Math.max(1, length)
    }
    return finished
  }
}
