// Ranges of ranks in commands: negative ranks count from the end, and ranks outside of the set are
// cut off.

import type { RankRange } from '../../store/sorted-set/sorted-set-range.ts'

/** Makes the range of ranks from `start` to `end`, both included, in a set of `length` members. */
export function rankRange(length: number, start: number, stop: number, ranks: RankRange): void {
  const from = Math.max(0, start < 0 ? start + length : start)
  const to = Math.min(length - 1, stop < 0 ? stop + length : stop)
  ranks.start = from > to ? 0 : from
  ranks.end = from > to ? 0 : to + 1
}
