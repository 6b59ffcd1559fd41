// How full the buckets of a hash table are, for those who look at it (DEBUG HTSTATS).

/** Counts buckets by the length of their chains; -1 = no entry, or none that follows. */
export function countChains(
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
