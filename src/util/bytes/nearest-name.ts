// The name that a user probably meant: the known one with the fewest typing errors.

import { itemAt } from '../array-reads.ts'

/**
 * One error for this many characters counts as a typing error; with more errors it is another word.
 */
const CHARACTERS_A_SLIP = 3

/** Returns the nearest of the known names, whatever its case; undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let fewest = Math.max(1, Math.floor(name.length / CHARACTERS_A_SLIP)) + 1
  for (const candidate of known) {
    const slips = slipsBetween(name.toLowerCase(), candidate.toLowerCase())
    if (slips < fewest) {
      fewest = slips
      nearest = candidate
    }
  }
  return nearest
}

/**
 * Counts typing errors: a character too many, too few, another one, or two exchanged (optimal
 * string alignment).
 */
function slipsBetween(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      row[j] = Math.min(itemAt(last, j) + 1, itemAt(row, j - 1) + 1, itemAt(last, j - 1) + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(itemAt(row, j), itemAt(beforeLast, j - 2) + 1)
    }
    beforeLast = last
    last = row
  }
  return itemAt(last, b.length)
}
