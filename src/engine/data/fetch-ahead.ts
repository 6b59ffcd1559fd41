// A look at the keys of a pipeline before its commands run, or at the members of the one value that it is about.
//
// With many keys, finding one means waiting for memory three times: for its bucket,
// its entry, its block. Each of a pipeline's commands would wait anew. Looked at
// together, sixteen keys wait almost as long as one: the processor fetches what
// does not depend on each other at the same time. The same holds of the members of
// a large set, hash or sorted set: HSET at P=16 takes 11 % less processor time, SADD 4,
// ZADD 3. Nothing is decided here; the commands then find what they need in the
// cache, and the hashes made. Where the words stand is the protocol's business (protocol/lookahead.ts).

import { wordsAhead, wordsOfFirst } from '../../protocol/lookahead.ts'
import { FETCHED_MAX, forgetHashes } from '../../store/keyspace/hashes-ahead.ts'
import type { Keyspace } from '../../store/keyspace/keyspace.ts'
import { TYPE_ZSET, type Value } from '../../store/structures/value.ts'
import { numberAt } from '../../util/array-reads.ts'
import { Bytes, equalBytes, type Source } from '../../util/bytes/bytes.ts'

/** Fewer keys, or members, than this are in the cache anyway. */
const KEYSPACE_MIN = 10_000
const MEMBERS_MIN = 10_000
/** The least that two requests with keys take. */
const BYTES_MIN = 40
/** Places of the key, and of the member behind it. */
const KEY = 1
const MEMBER = 2
/** In front of a sorted set's member stands its score, where there are that many words (ZADD, ZINCRBY). */
const SCORED_WORDS = 4

/** Where the keys are. */
export interface Places {
  readonly keys: Keyspace
  /** Returns the structure under a key, undefined where there is none. Nothing is noted of the look. */
  structureUnder(key: Bytes): Value | undefined
}

const starts = new Int32Array(FETCHED_MAX)
const lengths = new Int32Array(FETCHED_MAX)
const first = new Bytes()

/** Fetches what the requests in [start, end) begin with, if there are several: their keys, or members of the one they are about. */
export function fetchAhead(source: Source, start: number, end: number, places: Places): void {
  forgetHashes()
  if (end - start < BYTES_MIN) return
  const { keys } = places
  const areMany = keys.count >= KEYSPACE_MIN
  const found = wordsAhead(source, start, end, KEY, starts, lengths, areMany ? FETCHED_MAX : 2)
  if (found < 2) return
  if (
    lengths[0] === lengths[1] &&
    equalBytes(source, numberAt(starts, 0), source, numberAt(starts, 1), numberAt(lengths, 0))
  ) {
    const structure = places.structureUnder(first.set(source, numberAt(starts, 0), numberAt(lengths, 0)))
    const table = structure?.table
    if (table !== undefined && table.count >= MEMBERS_MIN) {
      const isScored = structure?.type === TYPE_ZSET && wordsOfFirst(source, start) >= SCORED_WORDS
      const members = wordsAhead(source, start, end, isScored ? MEMBER + 1 : MEMBER, starts, lengths, FETCHED_MAX)
      if (members > 1) table.fetchMembers(source, starts, lengths, members)
      return
    }
  }
  if (areMany) keys.fetch(source, starts, lengths, found)
}
