// Removed values whose memory is not freed yet.
//
// A key with a million members disappears at once; its memory is freed in steps. The code that
// removes a large structure puts it here, and upkeep frees some of its elements whenever there is
// time. Memory counts as used until it is freed.

import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened, RESTLESS } from '../../util/restless.ts'
import type { MemoryHolder } from './arena.ts'

/**
 * Structures with at least this many elements are freed in steps. Smaller ones take some ten
 * microseconds.
 */
export const LAZY_LENGTH_MIN = RESTLESS ? 2 : 500

export class LazyFree {
  /** Bytes of removed values that are still being read, so they are not freed yet. */
  heldBytes = 0
  readonly #values: MemoryHolder[] = []

  /** Number of values that are not freed yet. */
  get pending(): number {
    return this.#values.length
  }

  /** Takes a value that is no longer used. A small one is freed at once. */
  take(value: MemoryHolder): void {
    if (CHECKED) assert(!this.#values.includes(value), 'a value is given up once')
    if (value.freeSome === undefined || (value.elementsToFree ?? value.length) < LAZY_LENGTH_MIN) value.free()
    else this.#values.push(value)
  }

  /** Hands over the values that are not freed yet; the caller keeps their memory. */
  handOverAll(): MemoryHolder[] {
    return this.#values.splice(0)
  }

  /** Takes back values that `giveAll` handed over. */
  takeBack(values: readonly MemoryHolder[]): void {
    for (const value of values) this.#values.push(value)
  }

  /** Frees up to `max` elements; returns the number of values that are gone. */
  free(max: number): number {
    let finished = 0
    for (let left = max; left > 0; ) {
      const value = this.#values.at(-1)
      if (value === undefined) break
      assert(value.freeSome !== undefined, 'a value that waits can be freed in steps')
      const { length } = value
      if (CHECKED) happened('large value freed in steps')
      if (!value.freeSome(left)) break
      this.#values.pop()
      finished++
      left -= Math.max(1, length)
    }
    return finished
  }
}
