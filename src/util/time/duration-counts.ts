// Durations, counted by length, for a histogram.

import { itemAt, numberAt } from '../array-reads.ts'

/**
 * Upper bounds in seconds: from a tenth of a millisecond, in which a fast disk syncs, to durations
 * that an operator should have noticed.
 */
const BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export class DurationCounts {
  count = 0
  /** Sum of all durations, in seconds. */
  sum = 0
  /**
   * For each bound, the durations up to it and above the bound before; the last count is above
   * every bound.
   */
  readonly #counts = new Float64Array(BOUNDS_SECONDS.length + 1)

  note(seconds: number): void {
    this.count++
    this.sum += seconds
    let i = 0
    while (i < BOUNDS_SECONDS.length && seconds > itemAt(BOUNDS_SECONDS, i)) i++
    this.#counts[i]!++
  }

  reset(): void {
    this.count = 0
    this.sum = 0
    this.#counts.fill(0)
  }

  /**
   * Iterates the upper bounds with the number of durations at or below each; the last bound is
   * Infinity.
   */
  *cumulative(): Iterable<readonly [seconds: number, count: number]> {
    let count = 0
    for (let i = 0; i < BOUNDS_SECONDS.length; i++) {
      count += numberAt(this.#counts, i)
      yield [itemAt(BOUNDS_SECONDS, i), count]
    }
    yield [Number.POSITIVE_INFINITY, this.count]
  }
}
