// Numbers of which few come often and most seldom, as the keys of a cache do: the one of rank r comes 1 / r^exponent times as often as the first.

import { Random } from '../../src/util/numbers/random.ts'

const UINT32_RANGE = 2 ** 32

export class Zipf {
  readonly #random: Random
  /** How likely a number is at most its index. */
  readonly #cumulative: Float64Array

  constructor(count: number, exponent: number, seed: number) {
    this.#random = new Random(seed)
    this.#cumulative = new Float64Array(count)
    let sum = 0
    for (let i = 0; i < count; i++) {
      sum += (i + 1) ** -exponent
      this.#cumulative[i] = sum
    }
    for (let i = 0; i < count; i++) this.#cumulative[i]! /= sum
  }

  /** Returns the next number: 0 comes most often. O(log count). */
  next(): number {
    const at = this.#random.uint32() / UINT32_RANGE
    let low = 0
    let high = this.#cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#cumulative[middle]! <= at) low = middle + 1
      else high = middle
    }
    return low
  }
}
