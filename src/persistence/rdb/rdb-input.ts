// RDB bytes on the way in: a window that moves over a file, or a whole payload.
//
//   source:  … | mark ····· at ····· end |      beyond: bytes of the file still to be read
//
// Every read takes from `at`. A read that needs more than the chunk holds throws STARVED. Then the
// caller goes back to `mark` (rewind), brings more bytes and runs the same read again. So the
// reader of a value sets the mark after each piece that it has kept, and no piece is half taken.
// When there are too few bytes beyond for the piece, it is damage: a length is not believed that
// the file could not hold.

import { byteAt, itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { LZF_EXPANSION_MAX, lzfDecompress } from '../../util/bytes/lzf.ts'
import { CHECKED } from '../../util/invariant.ts'
import { writeInteger } from '../../util/numbers/numbers.ts'
import { RdbDamage, STARVED } from './damage.ts'
import { ENCODED_INT8, ENCODED_INT16, ENCODED_INT32, ENCODED_LZF } from './rdb-format.ts'

/** A longer string fits no buffer. */
const STRING_BYTES_MAX = 2 ** 31 - 1
/** Decompressed strings of at least this size get a buffer of their own, which may be kept. */
export const OWNED_STRING_BYTES_MIN = 64 * 1024
/** Strings unpacked at once: a key, a field, a value and one to spare. */
const SLOTS = 4

export class RdbInput {
  source: Source
  at: number
  mark: number
  end: number
  /** Bytes that follow `end` in the file. */
  beyond: number
  /** How many bytes from `mark` on the starved read needs at least. */
  needed = 0
  /** Memory for strings that are not stored as they are (integers, LZF); one a slot, in turn. */
  readonly #slots: Source[] = []
  #slot = 0
  readonly #blob = new Bytes()

  constructor(source: Source, start: number, end: number, beyond = 0) {
    assert(start <= end, 'an input ends behind its start')
    this.source = source
    this.at = start
    this.mark = start
    this.end = end
    this.beyond = beyond
    for (let i = 0; i < SLOTS; i++) this.#slots.push(Source.allocate(64))
  }

  /** Keeps the bytes read so far. */
  keep(): void {
    this.mark = this.at
  }

  /** Goes back to the place of the last `keep`. */
  rewind(): void {
    this.at = this.mark
  }

  /** Bytes that are left, read into the chunk or not. */
  get left(): number {
    return this.end - this.at + this.beyond
  }

  /**
   * Throws STARVED unless the chunk holds `length` more bytes, and RdbDamage when the file does
   * not.
   */
  need(length: number): void {
    if (CHECKED) assert(this.mark <= this.at && this.at <= this.end, 'a read stays between its mark and the end')
    if (length <= this.end - this.at) return
    if (length > this.left) throw new RdbDamage(`${length} bytes are expected, ${this.left} are left`)
    if (length > STRING_BYTES_MAX) throw new RdbDamage(`${length} bytes are more than a value can have`)
    this.needed = this.at - this.mark + length
    throw STARVED
  }

  byte(): number {
    this.need(1)
    return byteAt(this.source.u8, this.at++)
  }

  skip(length: number): void {
    this.need(length)
    this.at += length
  }

  uint32(): number {
    this.need(4)
    this.at += 4
    return this.source.view.getUint32(this.at - 4, true)
  }

  /** Reads eight bytes as a signed integer, rounded to a double. */
  int64(): number {
    this.need(8)
    const { view } = this.source
    const value = view.getInt32(this.at + 4, true) * 2 ** 32 + view.getUint32(this.at, true)
    this.at += 8
    return value
  }

  double(): number {
    this.need(8)
    this.at += 8
    return this.source.view.getFloat64(this.at - 8, true)
  }

  /** Reads a length; one that is beyond a double's exact integers is damage. */
  length(): number {
    const first = this.byte()
    switch (first >>> 6) {
      case 0:
        return first
      case 1:
        return ((first & 0x3f) << 8) | this.byte()
      case 2:
        return this.#longLength(first)
      default:
        throw new RdbDamage('an encoded string stands where a length is expected')
    }
  }

  #longLength(first: number): number {
    const { view } = this.source
    if (first === 0x80) {
      this.need(4)
      this.at += 4
      return view.getUint32(this.at - 4, false)
    }
    if (first !== 0x81) throw new RdbDamage(`${first} begins no length`)
    this.need(8)
    const value = view.getUint32(this.at, false) * 2 ** 32 + view.getUint32(this.at + 4, false)
    if (value > Number.MAX_SAFE_INTEGER) throw new RdbDamage('a length is beyond all bounds')
    this.at += 8
    return value
  }

  /** Reads a 64-bit number that is encoded as a length: part of a stream's id, a counter. */
  uint64(): bigint {
    if (this.at < this.end && this.source.u8[this.at] === 0x81) {
      this.need(9)
      this.at += 9
      return this.source.view.getBigUint64(this.at - 8, false)
    }
    return BigInt(this.length())
  }

  /** Reads how many pieces of at least `bytes` bytes each follow. */
  count(bytes: number): number {
    const count = this.length()
    if (count * bytes > this.left) throw new RdbDamage(`${count} pieces are expected in ${this.left} bytes`)
    return count
  }

  /**
   * Points a window at a string: in the chunk if it is stored there as it is, else at a copy that
   * the fourth such string after it overwrites. A large string that was compressed has its source
   * for itself (see `owned`).
   */
  string(window: Bytes): Bytes {
    const first = this.byte()
    let length = first
    if (first >= 0x40) {
      if (first >= 0xc0) return this.#encodedString(first & 0x3f, window)
      length = first < 0x80 ? ((first & 0x3f) << 8) | this.byte() : this.#longLength(first)
    }
    const start = this.at
    if (length > this.end - start) this.need(length)
    this.at = start + length
    return window.set(this.source, start, length)
  }

  /** Tells whether a string that was just read may be kept with its source. */
  owned(window: Bytes): boolean {
    return window.start === 0 && window.source !== this.source && window.length >= OWNED_STRING_BYTES_MIN
  }

  #encodedString(encoding: number, window: Bytes): Bytes {
    switch (encoding) {
      case ENCODED_INT8:
        this.need(1)
        return this.#integerString(this.source.view.getInt8(this.at++), window)
      case ENCODED_INT16:
        this.need(2)
        this.at += 2
        return this.#integerString(this.source.view.getInt16(this.at - 2, true), window)
      case ENCODED_INT32:
        this.need(4)
        this.at += 4
        return this.#integerString(this.source.view.getInt32(this.at - 4, true), window)
      case ENCODED_LZF:
        return this.#compressedString(window)
      default:
        throw new RdbDamage(`${encoding} is no encoding of a string`)
    }
  }

  #integerString(value: number, window: Bytes): Bytes {
    const slot = this.#nextSlot(16)
    return window.set(slot, 0, writeInteger(value, slot.u8, 0))
  }

  #compressedString(window: Bytes): Bytes {
    const packed = this.length()
    const length = this.length()
    if (length > packed * LZF_EXPANSION_MAX || length > STRING_BYTES_MAX) {
      throw new RdbDamage(`${packed} compressed bytes cannot become ${length}`)
    }
    this.need(packed)
    const target = length >= OWNED_STRING_BYTES_MIN ? Source.allocate(length) : this.#nextSlot(length)
    if (!lzfDecompress(this.source, this.at, packed, target, 0, length)) {
      throw new RdbDamage('a compressed string is damaged')
    }
    this.at += packed
    return window.set(target, 0, length)
  }

  #nextSlot(length: number): Source {
    const index = this.#slot
    this.#slot = (index + 1) % SLOTS
    let slot = itemAt(this.#slots, index)
    if (slot.u8.length < length) {
      slot = Source.allocate(Math.max(length, 2 * slot.u8.length))
      this.#slots[index] = slot
    }
    return slot
  }

  /** Reads a string that holds a structure of its own, as a window that the next `blob` moves. */
  blob(): Bytes {
    return this.string(this.#blob)
  }

  /** Reads a sorted set's score as text. */
  textDouble(): number {
    const length = this.byte()
    if (length === 253) return Number.NaN
    if (length === 254) return Number.POSITIVE_INFINITY
    if (length === 255) return Number.NEGATIVE_INFINITY
    this.need(length)
    const text = this.source.u8.toString('latin1', this.at, this.at + length)
    this.at += length
    const value = Number(text)
    if (text.trim() === '' || (Number.isNaN(value) && !/^-?nan$/i.test(text))) {
      throw new RdbDamage('a score is no number')
    }
    return value
  }
}
