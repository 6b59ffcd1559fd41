// The lengths of chains in a hash table, for DEBUG HTSTATS.

/**
 * Counts buckets by the length of their chains. `firstOf` and `nextOf` return -1 at the end of a
 * chain.
 */
export function countChainLengths(
  buckets: number,
  firstOf: (bucket: number) => number,
  nextOf: (entry: number) => number,
): number[] {
  const counts: number[] = [0]
  for (let bucket = 0; bucket < buckets; bucket++) {
    let length = 0
    for (let entry = firstOf(bucket); entry !== -1; entry = nextOf(entry)) length++
    while (counts.length <= length) counts.push(0)
    counts[length]!++
  }
  return counts
}
