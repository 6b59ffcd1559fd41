// Fetches the keys of a pipeline into the cache before its commands run, or the members of the one
// value that it is about.
//
// With many keys, to find one means to wait for memory three times: for its bucket, its entry, its
// block. Without this file each command of a pipeline would wait for them again. When sixteen keys
// are looked up together, they wait almost as long as one, because the processor fetches
// independent addresses at the same time. The same is true of the members of a large set, hash or
// sorted set: HSET at P=16 takes 11 % less processor time, SADD 4, ZADD 3. No command is decided
// here: the commands find their keys in the cache, and the hashes made. protocol/lookahead.ts finds
// the words.

import { wordsAhead, wordsOfFirst } from '../../protocol/lookahead.ts'
import { FETCHED_MAX, forgetHashes } from '../../store/keyspace/hashes-ahead.ts'
import type { Keyspace } from '../../store/keyspace/keyspace.ts'
import { TYPE_ZSET, type Value } from '../../store/structures/value.ts'
import { numberAt } from '../../util/array-reads.ts'
import { Bytes, equalBytes, type Source } from '../../util/bytes/bytes.ts'

/** Tables with fewer keys, or members, are in the cache anyway. */
const KEYSPACE_MIN = 10_000
const MEMBERS_MIN = 10_000
/** The least bytes of two requests with keys. */
const BYTES_MIN = 40
/** The index of the key among the words, and that of the member behind it. */
const KEY = 1
const MEMBER = 2
/**
 * ZADD and ZINCRBY have a score before the member. Only their requests have at least this many
 * words.
 */
const SCORED_WORDS = 4

/** The keys of a database, to be looked up ahead. */
export interface Places {
  readonly keys: Keyspace
  /**
   * Returns the structure under a key; undefined where there is none. The look counts as no access.
   */
  structureUnder(key: Bytes): Value | undefined
}

const starts = new Int32Array(FETCHED_MAX)
const lengths = new Int32Array(FETCHED_MAX)
const first = new Bytes()

/**
 * Fetches the keys of the requests in [start, end), or the members if all are about one key. Does
 * nothing for a single request.
 */
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
