// The restless mode: a switch of the checked build in which housekeeping never rests.
//
//   RESPITE_RESTLESS=SEED npx vitest run test/differential
//
// Much of the store's work happens in the background and seldom: gaps in memory are closed when
// there are many, pages of an index split when they are full, spare memory is reused. A test of a
// few hundred commands meets none of it. In this mode pages and chunks are tiny and limits are low.
// Each command is followed by some housekeeping, chosen by a seeded generator
// (`engine/upkeep/restless-housekeeping.ts`). FoundationDB calls a similar mode BUGGIFY.
//
// Every kind of housekeeping reports here that it happened, and a run asserts that it met all of
// them (`docs/testing.md` lists them). In production both constants are false, and the bundler
// removes the code behind them.

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

/** Counts that a kind of housekeeping happened, in the checked build. */
export function happened(kind: Housekeeping): void {
  if (CHECKED) counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

/** Returns how often a kind of housekeeping happened in this process. */
export function timesOf(kind: Housekeeping): number {
  return counts.get(kind) ?? 0
}

/**
 * The generator that chooses housekeeping in the restless mode. The same seed makes the same
 * choices.
 */
export const restlessRandom = new Random(RESTLESS ? Number(process.env.RESPITE_RESTLESS) || 1 : 1)
