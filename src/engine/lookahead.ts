// A look at the keys of a pipeline before its commands run.
//
// With many keys, finding one means waiting for memory three times: for its bucket,
// its entry, its block. Each of a pipeline's commands would wait anew. Looked at
// together, sixteen keys wait almost as long as one: the processor fetches what
// does not depend on each other at the same time. Nothing is decided here; the
// commands then find what they need in the cache, and the hashes of their keys made.

import { FETCHED_MAX, forgetHashes } from '../store/hashes-ahead.ts'
import type { Keyspace } from '../store/keyspace.ts'
import type { Source } from '../util/bytes.ts'

/** Fewer keys than this are in the cache anyway. */
const KEYSPACE_MIN = 10_000
/** A request with more words is not worth the way to the next. */
const WORDS_MAX = 8
/** The least that two requests with keys take. */
const BYTES_MIN = 40

const starts = new Int32Array(FETCHED_MAX)
const lengths = new Int32Array(FETCHED_MAX)

/** Fetches the entries of the keys that the requests in [start, end) begin with, if there are several. */
export function lookAhead(source: Source, start: number, end: number, keys: Keyspace): void {
  forgetHashes()
  if (keys.count < KEYSPACE_MIN || end - start < BYTES_MIN) return
  const { u8 } = source
  let found = 0
  let at = start
  while (found < FETCHED_MAX && at < end && u8[at] === 42) {
    const words = u8[at + 1]! - 48
    if (words < 1 || words > WORDS_MAX || u8[at + 2] !== 13) break
    at += 4
    for (let word = 0; word < words && at < end; word++) {
      // $<length> CR LF: anything else, and what is cut off, is the parser's to judge.
      if (u8[at] !== 36) {
        at = end
        break
      }
      let length = 0
      let digit = u8[++at]!
      while (digit !== 13 && at < end) {
        // No digit: nothing of this is a request, and the way never leads back.
        if (digit < 48 || digit > 57) return
        length = length * 10 + digit - 48
        digit = u8[++at]!
      }
      at += 2
      if (word === 1 && at + length <= end && length > 0) {
        starts[found] = at
        lengths[found++] = length
      }
      at += length + 2
    }
  }
  if (found > 1) keys.fetch(source, starts, lengths, found)
}
