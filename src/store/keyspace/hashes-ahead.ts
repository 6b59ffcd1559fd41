// Hashes of a pipeline's keys. They are made when the keys are prefetched
// (engine/data/fetch-ahead.ts), and used by the commands that look the keys up.
//
// A hash is valid as long as the bytes of its key stay where they are: until the next bytes of
// requests arrive. Each look ahead therefore begins by forgetting the hashes. There is one such
// table in the process, as there is one buffer into which requests are read.

import { numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes, Source } from '../../util/bytes/bytes.ts'
import { type HashKey, hashBytes } from '../../util/tables/keyed-hash.ts'

/**
 * Keys that are prefetched together. It is a usual depth of pipelines; more would push the first
 * out of the nearest cache.
 */
export const FETCHED_MAX = 16

const hashes = new Int32Array(FETCHED_MAX)
const starts = new Int32Array(FETCHED_MAX)
const lengths = new Int32Array(FETCHED_MAX)
/** The hashes above: of whose bytes they are, and how far they were used. */
const ahead = {
  source: undefined as Source | undefined,
  hashKey: undefined as HashKey | undefined,
  /** Keys that were hashed, and how many of them have been passed. */
  count: 0,
  passed: 0,
}

/** Forgets all hashes, because their bytes may be overwritten. */
export function forgetHashes(): void {
  ahead.passed = ahead.count
}

/**
 * Hashes the keys of a pipeline, at most FETCHED_MAX, in their order. Returns the hashes, which are
 * valid until the next call.
 */
export function hashAhead(
  source: Source,
  keyStarts: Int32Array,
  keyLengths: Int32Array,
  keyCount: number,
  hashKey: HashKey,
): Int32Array {
  assert(keyCount <= FETCHED_MAX, 'no more keys are hashed ahead than there is room for')
  for (let i = 0; i < keyCount; i++) {
    starts[i] = numberAt(keyStarts, i)
    lengths[i] = numberAt(keyLengths, i)
    hashes[i] = hashBytes(source, numberAt(keyStarts, i), numberAt(keyLengths, i), hashKey)
  }
  ahead.source = source
  ahead.hashKey = hashKey
  ahead.count = keyCount
  ahead.passed = 0
  return hashes
}

/** Returns the hash of a key, taken from those made ahead if it is there. */
export function hashOf(key: Bytes, hashKey: HashKey): number {
  const { source, start, length } = key
  if (ahead.passed < ahead.count && source === ahead.source && hashKey === ahead.hashKey) {
    // Commands come in the order of their keys; one that did not ask for its key is passed over.
    while (ahead.passed < ahead.count && numberAt(starts, ahead.passed) < start) ahead.passed++
    if (ahead.passed < ahead.count && starts[ahead.passed] === start && lengths[ahead.passed] === length)
      return numberAt(hashes, ahead.passed++)
  }
  return hashBytes(source, start, length, hashKey)
}
