// Housekeeping that never rests: a switch of the checked build.
//
//   RESPITE_RESTLESS=SEED npx vitest run test/differential
//
// Much of the store's work is done by the way and seldom: gaps in memory are closed when there are
// many, pages of an index split when they are full, spare memory is lent to the next asker. A test
// of a few hundred commands meets none of it. With this switch on, pages and chunks are tiny, limits
// are low, and each command is followed by some housekeeping, chosen by a seeded generator
// (`engine/upkeep/restless-housekeeping.ts`). FoundationDB calls the like BUGGIFY.
//
// Every kind of housekeeping says here that it happened, and a run asserts that it met all of them
// (`docs/testing.md` lists them). In production both constants are false, and the bundler removes
// what they guard.

import { CHECKED } from './invariant.ts'
import { Random } from './numbers/random.ts'

/** True when housekeeping never rests. */
export const RESTLESS = CHECKED && process.env.RESPITE_RESTLESS !== undefined

/** The kinds of housekeeping. */
export const HOUSEKEEPING = [
  'chunk emptied',
  'block moved',
  'structure moved',
  'large value freed in steps',
  'index split',
  'index merged',
  'page copied for an era',
  'value copied for an era',
  'earlier state given up',
  'spare memory lent',
  'memory discarded',
  'request writer grown',
  'snapshot made',
  'journal rewritten',
  'key expired',
  'field expired',
  'key evicted',
] as const

export type Housekeeping = (typeof HOUSEKEEPING)[number]

const counts = new Map<Housekeeping, number>()

/** Counts in the checked build that a kind of housekeeping happened. */
export function happened(kind: Housekeeping): void {
  if (CHECKED) counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

/** Returns how often a kind of housekeeping happened in this process. */
export function timesOf(kind: Housekeeping): number {
  return counts.get(kind) ?? 0
}

/** What housekeeping is chosen by when it never rests: the same seed makes the same choices. */
export const restlessRandom = new Random(RESTLESS ? Number(process.env.RESPITE_RESTLESS) || 1 : 1)
