// One key for hashes, and what structures have in common, wherever a test does not care which.

import { EncodingLimits, type StructureSettings } from '../../src/store/structures/encoding-limits.ts'
import { HashKey } from '../../src/util/tables/keyed-hash.ts'

export const HASH_KEY = new HashKey(0x5eed, 0x7e57)

type Limits = { [T in keyof EncodingLimits]?: Partial<EncodingLimits[T]> }

/** What a structure of its own needs; the limits are the defaults where they are not given. */
export function structureHost(given: Limits = {}): StructureSettings {
  const limits = new EncodingLimits()
  for (const [type, some] of Object.entries(given)) Object.assign(limits[type as keyof EncodingLimits], some)
  return { hashKey: HASH_KEY, limits }
}
