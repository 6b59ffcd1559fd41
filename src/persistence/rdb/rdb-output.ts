// RDB bytes on the way out: gathered in one buffer with a running checksum, taken away in pieces.

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { type Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { Crc64 } from '../../util/bytes/crc64.ts'
import { lzfCompress } from '../../util/bytes/lzf.ts'
import { CHECKED } from '../../util/invariant.ts'
import { ENCODED_INT8, ENCODED_INT16, ENCODED_INT32, ENCODED_LZF } from './rdb-format.ts'

/** A string up to here may be an integer: a sign and ten digits. */
const INTEGER_BYTES_MAX = 11
/** A string from here on may be compressed, as in Redis; that must save four bytes. */
const COMPRESSIBLE_BYTES_MIN = 21
const COMPRESSION_GAIN_MIN = 4
/** The encoding of a compressed string and its two lengths, before and after. */
const PACKED_LENGTHS_BYTES_MAX = 19
/** A buffer that grew beyond this for one large value is given back. */
const KEPT_BYTES_MAX = 1024 * 1024

export class RdbOutput {
  compress: boolean
  /**
   * A longer string is not compressed: that takes a millisecond for each 200 KB, in one go. It is
   * not copied in one go, either: its bytes follow in `writeRest`, or before the next write.
   */
  readonly #compressBytesMax: number
  source: Source
  /** Bytes gathered. */
  length = 0
  /** Bytes taken away before them. */
  taken = 0
  /** Undefined when no checksum is wanted. */
  readonly #crc: Crc64 | undefined
  #checkedTo = 0
  /** The rest of a long string, which must not change meanwhile. */
  #restSource: Source | undefined = undefined
  #restStart = 0
  #restLength = 0

  constructor(options: { compress: boolean; compressBytesMax?: number; checksum: boolean }) {
    this.compress = options.compress
    this.#compressBytesMax = options.compressBytesMax ?? Number.POSITIVE_INFINITY
    this.#crc = options.checksum ? new Crc64() : undefined
    this.source = Source.allocate(64 * 1024)
  }

  /** Begins again, with nothing gathered. */
  reset(): void {
    assert(this.#restLength === 0, 'an output that begins again has written all of its last string')
    this.length = 0
    this.taken = 0
    this.#checkedTo = 0
    this.#crc?.reset()
  }

  /** Makes room for `length` more bytes and returns where they go; the caller adds `length`. */
  reserve(length: number): number {
    if (this.#restLength > 0) this.writeRest(Number.POSITIVE_INFINITY)
    const at = this.length
    if (at + length > this.source.u8.length) this.#grow(at + length)
    return at
  }

  #grow(length: number): void {
    const grown = Source.allocate(Math.max(length, 2 * this.source.u8.length))
    this.source.u8.copy(grown.u8, 0, 0, this.length)
    this.source = grown
  }

  byte(value: number): void {
    const at = this.reserve(1)
    this.source.u8[at] = value
    this.length = at + 1
  }

  double(value: number): void {
    const at = this.reserve(8)
    this.source.view.setFloat64(at, value, true)
    this.length = at + 8
  }

  /** Writes a whole number as eight bytes, the lowest first. */
  int64(value: number | bigint): void {
    const at = this.reserve(8)
    this.source.view.setBigInt64(at, BigInt(value), true)
    this.length = at + 8
  }

  /** Writes a length: a whole number ≥ 0. */
  lengthOf(value: number): void {
    if (CHECKED) assert(Number.isSafeInteger(value) && value >= 0, 'a length is a whole number')
    const at = this.reserve(9)
    const { u8, view } = this.source
    if (value < 0x40) {
      u8[at] = value
      this.length = at + 1
    } else if (value < 0x4000) {
      u8[at] = 0x40 | (value >>> 8)
      u8[at + 1] = value
      this.length = at + 2
    } else if (value < 2 ** 32) {
      u8[at] = 0x80
      view.setUint32(at + 1, value, false)
      this.length = at + 5
    } else {
      u8[at] = 0x81
      view.setBigUint64(at + 1, BigInt(value), false)
      this.length = at + 9
    }
  }

  /** Writes a 64-bit number as a length; a negative number by its bits, as unsigned. */
  uint64(value: number | bigint): void {
    if (value >= 0 && value < 2 ** 32) {
      this.lengthOf(Number(value))
      return
    }
    const at = this.reserve(9)
    this.source.u8[at] = 0x81
    this.source.view.setBigUint64(at + 1, BigInt.asUintN(64, BigInt(value)), false)
    this.length = at + 9
  }

  /** Writes a string in the fewest bytes: as an integer, compressed or as it is. */
  string(value: Bytes): void {
    this.stringOf(value.source, value.start, value.length)
  }

  stringOf(source: Source, start: number, length: number): void {
    if (length <= INTEGER_BYTES_MAX) {
      if (length > 0 && this.#integer(source.u8, start, length)) return
    } else if (
      length >= COMPRESSIBLE_BYTES_MIN &&
      this.compress &&
      length <= this.#compressBytesMax &&
      this.#compressed(source, start, length)
    ) {
      return
    }
    this.lengthOf(length)
    if (length > this.#compressBytesMax) {
      this.#restSource = source
      this.#restStart = start
      this.#restLength = length
      return
    }
    const at = this.reserve(length)
    copyBytes(this.source, at, source, start, length)
    this.length = at + length
  }

  /** True while a part of a long string is still to come. */
  get hasRest(): boolean {
    return this.#restLength > 0
  }

  /** Goes on with a long string until `untilBytes` are gathered; true when all of it is written. */
  writeRest(untilBytes: number): boolean {
    if (this.#restLength === 0) return true
    const source = this.#restSource
    assert(source !== undefined, 'a rest is a rest of something')
    const start = this.#restStart
    const left = this.#restLength
    const length = Math.min(left, Math.max(1, untilBytes - this.length))
    this.#restSource = undefined
    this.#restLength = 0
    this.raw(source, start, length)
    if (length === left) return true
    this.#restSource = source
    this.#restStart = start + length
    this.#restLength = left - length
    return false
  }

  /** Writes a short text of this program's own. */
  text(value: string): void {
    const source = new Source(Buffer.from(value, 'latin1'))
    this.stringOf(source, 0, value.length)
  }

  /** Writes bytes without their length. */
  raw(source: Source, start: number, length: number): void {
    const at = this.reserve(length)
    copyBytes(this.source, at, source, start, length)
    this.length = at + length
  }

  /**
   * Writes a canonical integer of at most 32 bits as such; false when the text is anything else.
   */
  #integer(text: Buffer, start: number, length: number): boolean {
    let at = start
    const end = start + length
    const negative = text[at] === 45
    if (negative && ++at === end) return false
    const first = byteAt(text, at) - 48
    if (first < 0 || first > 9 || (first === 0 && length > 1)) return false
    let value = 0
    for (; at < end; at++) {
      const digit = byteAt(text, at) - 48
      if (digit < 0 || digit > 9) return false
      value = value * 10 + digit
    }
    if (negative) value = -value
    if (value > 0x7fffffff || value < -0x80000000) return false
    const to = this.reserve(5)
    const { u8, view } = this.source
    if (value >= -128 && value <= 127) {
      u8[to] = 0xc0 | ENCODED_INT8
      u8[to + 1] = value
      this.length = to + 2
    } else if (value >= -32768 && value <= 32767) {
      u8[to] = 0xc0 | ENCODED_INT16
      view.setInt16(to + 1, value, true)
      this.length = to + 3
    } else {
      u8[to] = 0xc0 | ENCODED_INT32
      view.setInt32(to + 1, value, true)
      this.length = to + 5
    }
    return true
  }

  #compressed(source: Source, start: number, length: number): boolean {
    const max = length - COMPRESSION_GAIN_MIN
    // The lengths come first but are known last: there is room for the longest, and the bytes move
    // up to them. The rest of a long string before this one is written by `reserve`.
    const at = this.reserve(PACKED_LENGTHS_BYTES_MAX + max)
    const bytesAt = at + PACKED_LENGTHS_BYTES_MAX
    const packed = lzfCompress(source, start, length, this.source, bytesAt, max)
    if (packed === 0) return false
    this.source.u8[at] = 0xc0 | ENCODED_LZF
    this.length = at + 1
    this.lengthOf(packed)
    this.lengthOf(length)
    assert(this.length <= bytesAt, 'compressed bytes move towards their lengths')
    this.source.u8.copyWithin(this.length, bytesAt, bytesAt + packed)
    this.length += packed
    return true
  }

  // ── taking away ──────────────────────────────────────────────────────────

  /** Bytes written since the beginning. */
  get total(): number {
    return this.taken + this.length
  }

  /** Writes the checksum of everything so far; 0 when no checksum is wanted. */
  checksum(): void {
    assert(this.#restLength === 0, 'a checksum covers whole strings')
    this.sumUp()
    const at = this.reserve(8)
    if (this.#crc === undefined) this.source.u8.fill(0, at, at + 8)
    else this.#crc.writeTo(this.source, at)
    this.length = at + 8
  }

  /**
   * Adds the bytes gathered since the last call to the checksum. `take` does it, too; earlier calls
   * make its part smaller.
   */
  sumUp(): void {
    this.#crc?.update(this.source, this.#checkedTo, this.length)
    this.#checkedTo = this.length
  }

  /**
   * Hands over the gathered bytes: they are the caller's. Gathering goes on in `next`, or else in a
   * new buffer.
   */
  take(next?: Source): Buffer {
    assert(next !== this.source, 'bytes that are handed over are not gathered in')
    this.sumUp()
    const { u8 } = this.source
    const bytes = u8.subarray(0, this.length)
    this.source = next ?? Source.allocate(Math.min(u8.length, KEPT_BYTES_MAX))
    this.#startOver()
    return bytes
  }

  /**
   * Counts bytes that the caller passes on next, without gathering them. Nothing may have gathered.
   */
  passThrough(bytes: Buffer): void {
    assert(this.length === 0, 'bytes that pass through follow all that was gathered')
    this.#crc?.update(new Source(bytes), 0, bytes.length)
    this.taken += bytes.length
  }

  /** Forgets the gathered bytes: they were copied or written elsewhere. */
  clear(): void {
    this.sumUp()
    if (this.source.u8.length > KEPT_BYTES_MAX) this.source = Source.allocate(KEPT_BYTES_MAX)
    this.#startOver()
  }

  #startOver(): void {
    this.taken += this.length
    this.length = 0
    this.#checkedTo = 0
  }
}
