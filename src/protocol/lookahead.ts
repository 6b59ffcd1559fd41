// Looks at words of a pipeline's requests before the parser reads them, so that the keys they name
// can be fetched together (engine/data/fetch-ahead.ts). It judges nothing: bytes that are no
// request end the look, and the parser refuses them.

import { byteAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Source } from '../util/bytes/bytes.ts'
import { CHECKED } from '../util/invariant.ts'

/** A request with more words is not worth the way to the next. */
const WORDS_MAX = 8

const STAR = 42
const DOLLAR = 36
const ZERO = 48
const NINE = 57
const CR = 13

/**
 * Returns how many words the first request has, where `wordsAhead` has found one: a single digit.
 */
export function wordsOfFirst(source: Source, start: number): number {
  return byteAt(source.u8, start + 1) - ZERO
}

/**
 * Finds the word at one place of each request in [start, end); place 0 is the command's name. Notes
 * the start and the length of each word in `starts` and `lengths`, for at most `max` requests that
 * have the word. Returns their number.
 */
export function wordsAhead(
  source: Source,
  start: number,
  end: number,
  place: number,
  starts: Int32Array,
  lengths: Int32Array,
  max: number,
): number {
  if (CHECKED) assert(max <= starts.length && max <= lengths.length, 'there is room for what is found')
  const { u8 } = source
  let found = 0
  let at = start
  while (found < max && at < end && u8[at] === STAR) {
    const words = byteAt(u8, at + 1) - ZERO
    if (words < 1 || words > WORDS_MAX || u8[at + 2] !== CR) break
    at += 4
    for (let word = 0; word < words && at < end; word++) {
      // $<length> CR LF: the parser judges anything else, and words that are cut off.
      if (u8[at] !== DOLLAR) {
        at = end
        break
      }
      let length = 0
      let digit = byteAt(u8, ++at)
      while (digit !== CR && at < end) {
        // No digit: the bytes are no request, and the way never leads back.
        if (digit < ZERO || digit > NINE) return 0
        length = length * 10 + digit - ZERO
        digit = byteAt(u8, ++at)
      }
      at += 2
      if (word === place && at + length <= end && length > 0) {
        if (CHECKED) assert(at >= start, 'the way leads forward')
        starts[found] = at
        lengths[found++] = length
      }
      at += length + 2
    }
  }
  return found
}
