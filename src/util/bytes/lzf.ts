// LZF, the compression of strings in RDB files (Marc Lehmann's format).
//
//   000lllll                        lllll + 1 bytes follow unchanged
//   lllooooo oooooooo               repeat lll + 2 bytes from ooooo oooooooo + 1 bytes back
//   111ooooo llllllll oooooooo      the same with llllllll + 9 bytes
//
// The compressor records where each three bytes were last seen and takes the first repetition it
// finds. It is fast, not thorough, as the format intends.

import { byteAt, numberAt } from '../array-reads.ts'
import type { Source } from './bytes.ts'

const HASH_BITS = 14
const LITERALS_MAX = 32
const OFFSET_MAX = 8192
const MATCH_MAX = 264
/** Three bytes become at most MATCH_MAX. */
export const LZF_EXPANSION_MAX = MATCH_MAX / 3

/**
 * For each hash of three bytes, where they were last seen. Positions are counted over all calls, so
 * the table need not be cleared.
 */
const seen = new Float64Array(1 << HASH_BITS).fill(-1)
/** What all calls have compressed. It goes with the table above, which serves the process. */
const compressed = {
  bytes: 0,
}

/**
 * Compresses `length` bytes at `from` into `to`. Returns the number of bytes written, 0 when they
 * would be more than `max`.
 *
 * `to` must have room for `max` bytes at `at`.
 */
export function lzfCompress(
  source: Source,
  from: number,
  length: number,
  target: Source,
  at: number,
  max: number,
): number {
  const input = source.u8
  const output = target.u8
  const base = compressed.bytes - from
  compressed.bytes += length
  const end = from + length
  const limit = at + max
  let out = at
  let i = from
  /** Bytes [literals, i) are to be written unchanged. */
  let literals = from
  while (i + 2 < end) {
    const three = (byteAt(input, i) << 16) | (byteAt(input, i + 1) << 8) | byteAt(input, i + 2)
    const hash = Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS)
    const reference = numberAt(seen, hash) - base
    seen[hash] = base + i
    const offset = i - reference - 1
    if (
      reference < from ||
      offset >= OFFSET_MAX ||
      input[reference] !== input[i] ||
      input[reference + 1] !== input[i + 1] ||
      input[reference + 2] !== input[i + 2]
    ) {
      i++
      continue
    }
    out = writeLiterals(input, literals, i, output, out, limit)
    if (out === 0 || out + 3 > limit) return 0
    const matchMax = Math.min(MATCH_MAX, end - i)
    let match = 3
    while (match < matchMax && input[reference + match] === input[i + match]) match++
    if (match < 9) {
      output[out++] = ((match - 2) << 5) | (offset >>> 8)
    } else {
      output[out++] = 0xe0 | (offset >>> 8)
      output[out++] = match - 9
    }
    output[out++] = offset
    i += match
    literals = i
  }
  out = writeLiterals(input, literals, end, output, out, limit)
  return out === 0 ? 0 : out - at
}

/**
 * Writes [start, end) as literal runs; returns the position after them, 0 when they do not fit
 * below `limit`.
 */
function writeLiterals(input: Buffer, start: number, end: number, output: Buffer, out: number, limit: number): number {
  while (start < end) {
    const run = Math.min(end - start, LITERALS_MAX)
    if (out + run + 1 > limit) return 0
    output[out++] = run - 1
    for (let i = 0; i < run; i++) output[out++] = byteAt(input, start++)
  }
  return out
}

/**
 * Decompresses [from, from + length) to exactly `size` bytes at `at`; false when the bytes are not
 * LZF of that size.
 */
export function lzfDecompress(
  source: Source,
  from: number,
  length: number,
  target: Source,
  at: number,
  size: number,
): boolean {
  const input = source.u8
  const output = target.u8
  const { view } = target
  const end = from + length
  const limit = at + size
  let i = from
  let out = at
  while (i < end) {
    const control = byteAt(input, i++)
    if (control < LITERALS_MAX) {
      const run = control + 1
      if (i + run > end || out + run > limit) return false
      for (const stop = i + run; i < stop; ) output[out++] = byteAt(input, i++)
      continue
    }
    let match = (control >>> 5) + 2
    if (match === 9) {
      if (i >= end) return false
      match += byteAt(input, i++)
    }
    if (i >= end) return false
    const offset = ((control & 0x1f) << 8) + byteAt(input, i++) + 1
    let reference = out - offset
    if (reference < at || out + match > limit) return false
    const stop = out + match
    if (offset >= 4) {
      for (; out + 4 <= stop; out += 4, reference += 4) view.setInt32(out, view.getInt32(reference, true), true)
    } else if (offset === 1) {
      // One byte repeated.
      const four = Math.imul(byteAt(output, reference), 0x01010101)
      for (; out + 4 <= stop; out += 4) view.setInt32(out, four, true)
      reference = out - 1
    }
    while (out < stop) output[out++] = byteAt(output, reference++)
  }
  return out === limit
}
