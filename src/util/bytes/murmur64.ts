// MurmurHash64A (Austin Appleby, public domain), the hash of HyperLogLogs.
//
// 64-bit arithmetic is done on pairs of 32-bit halves, because bigints would allocate at every
// step. A product of two halves is composed of 16-bit pieces, because Math.imul keeps only the low
// half.

import { byteAt } from '../array-reads.ts'
import type { Source } from './bytes.ts'

const M_LOW = 0x5bd1e995
const M_HIGH = 0xc6a4a793

/** Writes the hash of `length` bytes into `hash`: the low half first. */
export function murmur64(source: Source, start: number, length: number, seed: number, hash: Int32Array): void {
  const { view, u8 } = source
  // h = seed ^ (length × m), the seed being 32 bits wide.
  let low = seed ^ Math.imul(length, M_LOW)
  let high = highProduct(length, M_LOW) + Math.imul(length, M_HIGH)
  let kLow = 0
  let kHigh = 0
  let at = start
  for (const end = start + length - (length & 7); at < end; at += 8) {
    kLow = view.getInt32(at, true)
    kHigh = view.getInt32(at + 4, true)
    // k ×= m; k ^= k >> 47; k ×= m; the shift by 47 leaves only bits of the high half.
    kHigh = highProduct(kLow, M_LOW) + Math.imul(kLow, M_HIGH) + Math.imul(kHigh, M_LOW)
    kLow = Math.imul(kLow, M_LOW) ^ (kHigh >>> 15)
    kHigh = highProduct(kLow, M_LOW) + Math.imul(kLow, M_HIGH) + Math.imul(kHigh, M_LOW)
    kLow = Math.imul(kLow, M_LOW)
    low ^= kLow
    high ^= kHigh
    high = highProduct(low, M_LOW) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)
    low = Math.imul(low, M_LOW)
  }
  const rest = length & 7
  if (rest > 0) {
    kLow = 0
    kHigh = 0
    for (let i = 0; i < rest; i++) {
      if (i < 4) kLow |= byteAt(u8, at + i) << (8 * i)
      else kHigh |= byteAt(u8, at + i) << (8 * i - 32)
    }
    low ^= kLow
    high ^= kHigh
    high = highProduct(low, M_LOW) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)
    low = Math.imul(low, M_LOW)
  }
  low ^= high >>> 15
  high = highProduct(low, M_LOW) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)
  low = Math.imul(low, M_LOW)
  low ^= (high | 0) >>> 15
  hash[0] = low
  hash[1] = high
}

/** Returns the high 32 bits of the product of two unsigned 32-bit numbers. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)
  const cross = Math.imul(aLow, bHigh) + (middle & 0xffff)
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0
}
