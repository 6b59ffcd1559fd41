// The order of numbers in an array: which is first, second and so on. Equal numbers keep their
// order.
//
// It is a merge sort in reused memory. The runtime's sort of a typed array with a comparison copies
// it into a new array and makes a call for each comparison.

import { numberAt } from '../array-reads.ts'

/** Stretches of this length are sorted by insertion. */
const INSERTION_MAX = 8

export class StableOrder {
  #order = new Int32Array(256)
  #spare = new Int32Array(256)

  /**
   * Returns the indexes of the first `count` numbers, none of them NaN, ascending (sign = 1) or
   * descending (-1). Valid until the next call. `giveWay` is called after each pass over all
   * numbers; the order is lost when it throws.
   */
  sort(numbers: Float64Array, count: number, sign: 1 | -1, giveWay: () => void = nothing): Int32Array {
    if (count > this.#order.length) {
      this.#order = new Int32Array(2 * count)
      this.#spare = new Int32Array(2 * count)
    }
    let from = this.#order
    let to = this.#spare
    for (let start = 0; start < count; start += INSERTION_MAX) {
      insertionSort(numbers, from, start, Math.min(count, start + INSERTION_MAX), sign)
    }
    for (let width = INSERTION_MAX; width < count; width *= 2) {
      for (let start = 0; start < count; start += 2 * width) {
        merge(numbers, from, to, start, Math.min(count, start + width), Math.min(count, start + 2 * width), sign)
      }
      ;[from, to] = [to, from]
      giveWay()
    }
    return from
  }

  /** Releases memory that many numbers needed. */
  clear(): void {
    this.#order = new Int32Array(256)
    this.#spare = new Int32Array(256)
  }
}

const nothing = (): void => {}

/** Writes the indexes from `start` up to `end` in order. */
function insertionSort(numbers: Float64Array, order: Int32Array, start: number, end: number, sign: number): void {
  for (let i = start; i < end; i++) {
    const key = sign * numberAt(numbers, i)
    let j = i
    for (; j > start && sign * numberAt(numbers, numberAt(order, j - 1)) > key; j--) order[j] = numberAt(order, j - 1)
    order[j] = i
  }
}

/** Merges the sorted stretch from `start` up to `middle` with the one from there up to `end`. */
function merge(
  numbers: Float64Array,
  from: Int32Array,
  to: Int32Array,
  start: number,
  middle: number,
  end: number,
  sign: number,
): void {
  let left = start
  let right = middle
  let at = start
  while (left < middle && right < end) {
    const a = numberAt(from, left)
    const b = numberAt(from, right)
    if (sign * numberAt(numbers, b) < sign * numberAt(numbers, a)) {
      to[at++] = b
      right++
    } else {
      to[at++] = a
      left++
    }
  }
  while (left < middle) to[at++] = numberAt(from, left++)
  while (right < end) to[at++] = numberAt(from, right++)
}
