// The keys and values of a map, which a reply has as alternating elements.

import type { Reply } from './reply.ts'

/** Yields the keys with their values; an odd element at the end is left out. */
export function* pairsIn(items: readonly Reply[]): Iterable<readonly [key: Reply, value: Reply]> {
  for (let i = 1; i < items.length; i += 2) {
    const [key, value] = [items[i - 1], items[i]]
    if (key !== undefined && value !== undefined) yield [key, value]
  }
}
