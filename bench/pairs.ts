// A B A B A B: what disturbs a machine disturbs both, so the ratio of neighbours is steadier than
// either figure.

import { RIVALS, type Rival } from './servers.ts'

export interface Pair {
  respite: number
  redis: number
}

export const PAIRS = 3

/** Measures both, alternating; returns the three pairs. */
export async function alternate(measure: (rival: Rival) => Promise<number>): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (let i = 0; i < PAIRS; i++) {
    const pair: Pair = { respite: 0, redis: 0 }
    for (const rival of RIVALS) pair[rival] = await measure(rival)
    pairs.push(pair)
  }
  return pairs
}

/** The same of any number of rivals: A B C A B C A B C; what was measured of each, in order. */
export async function rounds<Name extends string, T>(
  names: readonly Name[],
  measure: (name: Name) => Promise<T>,
): Promise<Map<Name, T[]>> {
  const found = new Map<Name, T[]>(names.map((name) => [name, []]))
  for (let i = 0; i < PAIRS; i++) {
    for (const name of names) found.get(name)!.push(await measure(name))
  }
  return found
}

export function median(values: readonly number[]): number {
  const ordered = [...values].sort((a, b) => a - b)
  const middle = ordered.length >> 1
  return ordered.length % 2 === 1 ? ordered[middle]! : (ordered[middle - 1]! + ordered[middle]!) / 2
}

/** The median of the pairs' ratios, ours to theirs. */
export function ratio(pairs: readonly Pair[]): number {
  return median(pairs.map(({ respite, redis }) => respite / redis))
}

export const medianOf = (pairs: readonly Pair[], rival: Rival): number => median(pairs.map((pair) => pair[rival]))

export function percentile(ordered: readonly number[], percent: number): number {
  return ordered[Math.min(ordered.length - 1, Math.floor((ordered.length * percent) / 100))] ?? Number.NaN
}
