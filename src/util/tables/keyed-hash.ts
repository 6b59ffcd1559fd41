// HalfSipHash-1-3: the hash by which keys, fields, members and channels are filed.
//
// A client that knows the hash can choose names that all go into one bucket, and then each lookup
// there walks past all others. This hash depends on a secret of 64 bits in such a way that nothing
// about collisions can be said without it, however the names are chosen. Mixers made for speed,
// such as Murmur's, do not have this property: two words can be chosen so that their differences
// cancel under any seed (docs/decisions/0014-keyed-hash.md).
//
// HalfSipHash is SipHash (Aumasson and Bernstein, 2012) on words of 32 bits, as JavaScript computes
// with them. One round for each word and three at the end is Linux's `hsiphash` for its hash
// tables.

import { randomBytes } from 'node:crypto'
import type { Source } from '../bytes/bytes.ts'

/** The secret of a process: 64 bits. Clients must see nothing that is computed from it. */
export class HashKey {
  readonly low: number
  readonly high: number

  constructor(low: number, high: number) {
    this.low = low | 0
    this.high = high | 0
  }

  /**
   * Draws a key from the system's entropy, not from `Random`. The state of that can be computed
   * from numbers that clients see, such as INFO's run_id.
   */
  static draw(): HashKey {
    const bytes = randomBytes(8)
    return new HashKey(bytes.readInt32LE(0), bytes.readInt32LE(4))
  }
}

/** Hashes bytes to a non-zero 32-bit integer. */
export function hashBytes(source: Source, start: number, length: number, key: HashKey): number {
  const { view } = source
  const wordsEnd = start + (length & ~3)
  let a = key.low
  let b = key.high
  let c = a ^ 0x6c796765
  let d = b ^ 0x74656462
  let at = start
  for (; at < wordsEnd; at += 4) {
    const word = view.getInt32(at, true)
    d ^= word
    // A round, written out twice here and as a loop below, because a function that returns four
    // numbers costs more than the hash.
    a = (a + b) | 0
    b = ((b << 5) | (b >>> 27)) ^ a
    a = (a << 16) | (a >>> 16)
    c = (c + d) | 0
    d = ((d << 8) | (d >>> 24)) ^ c
    a = (a + d) | 0
    d = ((d << 7) | (d >>> 25)) ^ a
    c = (c + b) | 0
    b = ((b << 13) | (b >>> 19)) ^ c
    c = (c << 16) | (c >>> 16)
    a ^= word
  }
  // The last word: the remaining bytes, and the length.
  let word = length << 24
  const rest = length & 3
  if (rest > 0) {
    if (length > 4) word |= view.getInt32(start + length - 4, true) >>> (32 - 8 * rest)
    else for (let i = 0; i < rest; i++) word |= view.getUint8(at + i) << (8 * i)
  }
  d ^= word
  for (let round = 0; round < 4; round++) {
    a = (a + b) | 0
    b = ((b << 5) | (b >>> 27)) ^ a
    a = (a << 16) | (a >>> 16)
    c = (c + d) | 0
    d = ((d << 8) | (d >>> 24)) ^ c
    a = (a + d) | 0
    d = ((d << 7) | (d >>> 25)) ^ a
    c = (c + b) | 0
    b = ((b << 13) | (b >>> 19)) ^ c
    c = (c << 16) | (c >>> 16)
    if (round === 0) {
      a ^= word
      c ^= 0xff
    }
  }
  const hash = b ^ d
  return hash === 0 ? 1 : hash
}
