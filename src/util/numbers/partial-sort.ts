// Partial sorting: the elements that belong to certain positions get there, and the others lie on
// the right side of them.
//
// It is Bentley and McIlroy's quicksort ("Engineering a Sort Function", 1993), which skips
// partitions outside those positions. It is not stable. It orders equal elements as Redis does,
// whose COUNT and LIMIT sort the same way, because their order shows in replies.

import { numberAt } from '../array-reads.ts'

export type Compare = (a: number, b: number) => number

/** Below this many elements insertion is faster. */
const INSERTION_MAX = 6
/** Above this many the pivot is the median of nine, not of three. */
const MEDIAN_OF_THREE_MAX = 40

/**
 * Sorts `items` in part: positions `first` to `last` hold the same items as if all were sorted.
 */
export function partialSort(items: Int32Array, compare: Compare, first: number, last: number): void {
  sortRange(items, 0, items.length, compare, first, last)
}

function sortRange(
  items: Int32Array,
  start: number,
  count: number,
  compare: Compare,
  first: number,
  last: number,
): void {
  while (count > INSERTION_MAX) {
    const end = start + count
    swap(items, start, pivot(items, start, count, compare))
    // Equal to the pivot | less | not yet looked at | greater | equal to the pivot.
    let equalEnd = start + 1
    let low = start + 1
    let high = end - 1
    let equalStart = end - 1
    const chosen = numberAt(items, start)
    while (true) {
      for (; low <= high; low++) {
        const order = compare(numberAt(items, low), chosen)
        if (order > 0) break
        if (order === 0) swap(items, equalEnd++, low)
      }
      for (; low <= high; high--) {
        const order = compare(numberAt(items, high), chosen)
        if (order < 0) break
        if (order === 0) swap(items, high, equalStart--)
      }
      if (low > high) break
      swap(items, low++, high--)
    }
    const less = low - equalEnd
    const greater = equalStart - high
    swapBlocks(items, start, low, Math.min(equalEnd - start, less))
    swapBlocks(items, low, end, Math.min(greater, end - 1 - equalStart))
    if (less > 1 && first < start + less && last >= start) sortRange(items, start, less, compare, first, last)
    start = end - greater
    count = greater
    if (count <= 1 || first >= end || last < start) return
  }
  for (let i = start + 1; i < start + count; i++) {
    for (let j = i; j > start && compare(numberAt(items, j - 1), numberAt(items, j)) > 0; j--) swap(items, j, j - 1)
  }
}

function pivot(items: Int32Array, start: number, count: number, compare: Compare): number {
  let middle = start + (count >>> 1)
  if (count === INSERTION_MAX + 1) return middle
  let low = start
  let high = start + count - 1
  if (count > MEDIAN_OF_THREE_MAX) {
    const eighth = count >>> 3
    low = median(items, low, low + eighth, low + 2 * eighth, compare)
    middle = median(items, middle - eighth, middle, middle + eighth, compare)
    high = median(items, high - 2 * eighth, high - eighth, high, compare)
  }
  return median(items, low, middle, high, compare)
}

function median(items: Int32Array, a: number, b: number, c: number, compare: Compare): number {
  const [x, y, z] = [numberAt(items, a), numberAt(items, b), numberAt(items, c)]
  if (compare(x, y) < 0) return compare(y, z) < 0 ? b : compare(x, z) < 0 ? c : a
  return compare(y, z) > 0 ? b : compare(x, z) < 0 ? a : c
}

function swap(items: Int32Array, a: number, b: number): void {
  const item = numberAt(items, a)
  items[a] = numberAt(items, b)
  items[b] = item
}

/** Exchanges `count` items from `start` on with the last `count` before `end`. */
function swapBlocks(items: Int32Array, start: number, end: number, count: number): void {
  for (let i = 0; i < count; i++) swap(items, start + i, end - count + i)
}
