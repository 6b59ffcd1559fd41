// CRC-64 with the Jones polynomial, as Redis puts it behind RDB files and DUMP payloads.
//
// Reflected, starting at 0, not inverted at the end; "123456789" gives e9c6d914c4b8d9ca. JavaScript
// has no fast 64-bit integers, so the remainder is two 32-bit halves. Eight bytes are taken at a
// time: eight tables hold the remainder of each byte at its distance from the end ("slicing by
// eight", Kounavis and Berry 2005).

import { byteAt, numberAt } from '../array-reads.ts'
import type { Source } from './bytes.ts'

/** The polynomial ad93d23594c935a9, bits reversed. */
const POLYNOMIAL_HIGH = 0x95ac9329
const POLYNOMIAL_LOW = 0xac4bc9b5

/** [slice × 256 + byte] → half of the remainder. */
const LOW = new Int32Array(8 * 256)
const HIGH = new Int32Array(8 * 256)
fillTables()
/** A running checksum. */
export class Crc64 {
  /** The lower 32 bits, as a signed integer. */
  low = 0
  /** The upper 32 bits, as a signed integer. */
  high = 0

  reset(): this {
    this.low = 0
    this.high = 0
    return this
  }

  /** Takes in bytes [start, end). */
  update(source: Source, start: number, end: number): this {
    const { u8, view } = source
    let { low, high } = this
    let i = start
    for (; i + 8 <= end; i += 8) {
      const a = low ^ view.getInt32(i, true)
      const b = high ^ view.getInt32(i + 4, true)
      const a0 = 1792 | (a & 0xff)
      const a1 = 1536 | ((a >>> 8) & 0xff)
      const a2 = 1280 | ((a >>> 16) & 0xff)
      const a3 = 1024 | (a >>> 24)
      const b0 = 768 | (b & 0xff)
      const b1 = 512 | ((b >>> 8) & 0xff)
      const b2 = 256 | ((b >>> 16) & 0xff)
      const b3 = b >>> 24
      low =
        numberAt(LOW, a0) ^
        numberAt(LOW, a1) ^
        numberAt(LOW, a2) ^
        numberAt(LOW, a3) ^
        numberAt(LOW, b0) ^
        numberAt(LOW, b1) ^
        numberAt(LOW, b2) ^
        numberAt(LOW, b3)
      high =
        numberAt(HIGH, a0) ^
        numberAt(HIGH, a1) ^
        numberAt(HIGH, a2) ^
        numberAt(HIGH, a3) ^
        numberAt(HIGH, b0) ^
        numberAt(HIGH, b1) ^
        numberAt(HIGH, b2) ^
        numberAt(HIGH, b3)
    }
    for (; i < end; i++) {
      const byte = (low ^ byteAt(u8, i)) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ numberAt(LOW, byte)
      high = (high >>> 8) ^ numberAt(HIGH, byte)
    }
    this.low = low
    this.high = high
    return this
  }

  /** Writes the checksum as eight bytes, the lowest first. */
  writeTo(source: Source, at: number): void {
    source.view.setInt32(at, this.low, true)
    source.view.setInt32(at + 4, this.high, true)
  }

  /** Tells whether eight bytes, the lowest first, are this checksum. */
  equalsAt(source: Source, at: number): boolean {
    return source.view.getInt32(at, true) === this.low && source.view.getInt32(at + 4, true) === this.high
  }
}

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let low = byte
    let high = 0
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1
      low = (low >>> 1) | (high << 31)
      high >>>= 1
      if (odd !== 0) {
        low ^= POLYNOMIAL_LOW
        high ^= POLYNOMIAL_HIGH
      }
    }
    LOW[byte] = low
    HIGH[byte] = high
  }
  for (let i = 256; i < 8 * 256; i++) {
    const low = numberAt(LOW, i - 256)
    const high = numberAt(HIGH, i - 256)
    LOW[i] = ((low >>> 8) | (high << 24)) ^ numberAt(LOW, low & 0xff)
    HIGH[i] = (high >>> 8) ^ numberAt(HIGH, low & 0xff)
  }
}
