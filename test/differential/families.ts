// What a grammar cannot say about some groups of commands: `u17` is a type of BITFIELD, `hello` is none.
//
// A family may make whole commands of its own, so that arguments fit each other
// often enough to get somewhere, and tames arguments that would need gigabytes.

import type { Random } from '../../src/util/numbers/random.ts'
import { bitmaps } from './bitmaps.ts'
import { hashes } from './hashes.ts'
import { hyperloglogs } from './hyperloglogs.ts'
import { places } from './places.ts'
import { scripts } from './scripts.ts'
import { sets } from './sets.ts'
import { sortedSets } from './sorted-sets.ts'
import { sorts } from './sorts.ts'
import { streamFamily } from './streams.ts'

export interface Family {
  /** Returns a command of that name, or undefined for one out of the grammar. `key` gives keys of this group. */
  make(random: Random, name: string, key: () => string): string[] | undefined
  /** Changes, in place, what no run could bear. */
  tame?(words: string[]): void
  /** Returns what has to come right after a command. */
  follow?(words: readonly string[]): string[][]
}

/** Families by the group their commands bear in COMMAND DOCS. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  hash: hashes,
  bitmap: bitmaps,
  geo: places,
  hyperloglog: hyperloglogs,
  set: sets,
  generic: sorts,
  scripting: scripts,
  'sorted-set': sortedSets,
  stream: streamFamily,
}
