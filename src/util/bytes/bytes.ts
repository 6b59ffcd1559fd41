// Bytes in place: a window on memory with another owner.
//
// A request's argument, a stored key and a value that is sent are all `Bytes`: a source, a start
// and a length. No byte is copied and no string is made before the caller asks for one. A source
// pairs the two views that hot loops need: a Buffer for single bytes and bulk moves, and a DataView
// for four unaligned bytes at a time. V8 turns both into plain loads and stores.

import { byteAt } from '../array-reads.ts'
import { textOf } from './text.ts'

/** From this size on a released source makes a garbage collection worthwhile. */
const LARGE_BYTES_MIN = 1024 * 1024

/** Memory with the two views through which it is read and written. */
export class Source {
  /**
   * Bytes of all large sources that were ever allocated. Its growth shows that there may be
   * garbage.
   */
  static largeBytes = 0
  readonly u8: Buffer
  readonly view: DataView
  /** True when no other source has a part of this memory. */
  readonly isWhole: boolean

  constructor(u8: Buffer, isWhole = u8.buffer.byteLength === u8.byteLength) {
    this.u8 = u8
    this.view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength)
    this.isWhole = isWhole
  }

  /** Bytes of memory. A reused buffer may be larger than the part in use. */
  get bytes(): number {
    return this.isWhole ? this.u8.buffer.byteLength : this.u8.length
  }

  /** Allocates a source with memory of its own; the content is undefined. */
  static allocate(length: number): Source {
    if (length >= LARGE_BYTES_MIN) Source.largeBytes += length
    return new Source(Buffer.allocUnsafeSlow(length))
  }
}

const EMPTY = new Source(Buffer.alloc(0))

/**
 * Copies and comparisons of more than this are left to the runtime. Below it a loop of words is
 * faster than the call.
 */
const WORD_COPY_BYTES_MAX = 256
const WORD_COMPARE_BYTES_MAX = 160

/**
 * A window of `length` bytes at `start` in `source`. Windows are reused: copy what must outlive the
 * turn.
 */
export class Bytes {
  source: Source
  start: number
  length: number
  /** The key hash, computed once; 0 = not computed yet. `set` resets it. */
  hash: number

  constructor(source: Source = EMPTY, start = 0, length = 0) {
    this.source = source
    this.start = start
    this.length = length
    this.hash = 0
  }

  /** Makes a window over its own copy of a latin1 string's bytes. */
  static from(text: string): Bytes {
    const u8 = Buffer.from(text, 'latin1')
    return new Bytes(new Source(u8), 0, u8.length)
  }

  /** Makes a window over a buffer, without copying. */
  static over(u8: Buffer): Bytes {
    return new Bytes(new Source(u8), 0, u8.length)
  }

  /** Moves this window. */
  set(source: Source, start: number, length: number): this {
    this.source = source
    this.start = start
    this.length = length
    this.hash = 0
    return this
  }

  /** Returns the byte at `index`, 0 ≤ index < length. */
  at(index: number): number {
    return byteAt(this.source.u8, this.start + index)
  }

  /** Returns the bytes as a latin1 string (one character for each byte). */
  toString(): string {
    return textOf(this.source.u8, this.start, this.length)
  }

  /** Returns a copy in a new Buffer. */
  toBuffer(): Buffer {
    return Buffer.from(this.source.u8.subarray(this.start, this.start + this.length))
  }

  /** Returns a window over a new copy. */
  copy(): Bytes {
    const copy = new Bytes(Source.allocate(this.length), 0, this.length)
    copyBytes(copy.source, 0, this.source, this.start, this.length)
    copy.hash = this.hash
    return copy
  }

  equals(other: Bytes): boolean {
    return this.length === other.length && equalBytes(this.source, this.start, other.source, other.start, this.length)
  }

  /** Compares with an upper-case ASCII word, ignoring the case of these bytes. */
  equalsIgnoreCase(upperCase: string): boolean {
    if (this.length !== upperCase.length) return false
    const { u8 } = this.source
    for (let i = 0; i < upperCase.length; i++) {
      let byte = byteAt(u8, this.start + i)
      if (byte >= 97 && byte <= 122) byte -= 32
      if (byte !== upperCase.charCodeAt(i)) return false
    }
    return true
  }

  /** Orders as memcmp does, the shorter first when one is a prefix of the other. */
  compare(other: Bytes): number {
    return this.source.u8.compare(
      other.source.u8,
      other.start,
      other.start + other.length,
      this.start,
      this.start + this.length,
    )
  }
}

/** Copies `length` bytes; the regions must not overlap within one source. */
export function copyBytes(to: Source, toStart: number, from: Source, fromStart: number, length: number): void {
  if (length > WORD_COPY_BYTES_MAX) {
    // Within one buffer this needs no view: three times as fast, and no garbage.
    if (to === from) to.u8.copyWithin(toStart, fromStart, fromStart + length)
    else to.u8.set(from.u8.subarray(fromStart, fromStart + length), toStart)
    return
  }
  if (length < 4) {
    for (let i = 0; i < length; i++) to.u8[toStart + i] = byteAt(from.u8, fromStart + i)
    return
  }
  const target = to.view
  const origin = from.view
  let i = 0
  // Four words at a time take two thirds of the time of one at a time.
  for (const last = length - 16; i <= last; i += 16) {
    const a = origin.getInt32(fromStart + i, true)
    const b = origin.getInt32(fromStart + i + 4, true)
    const c = origin.getInt32(fromStart + i + 8, true)
    const d = origin.getInt32(fromStart + i + 12, true)
    target.setInt32(toStart + i, a, true)
    target.setInt32(toStart + i + 4, b, true)
    target.setInt32(toStart + i + 8, c, true)
    target.setInt32(toStart + i + 12, d, true)
  }
  // The last word may overlap the one before.
  const last = length - 4
  for (; i < last; i += 4) target.setInt32(toStart + i, origin.getInt32(fromStart + i, true), true)
  target.setInt32(toStart + last, origin.getInt32(fromStart + last, true), true)
}

/** Tells whether two regions hold the same bytes. */
export function equalBytes(a: Source, aStart: number, b: Source, bStart: number, length: number): boolean {
  if (length > WORD_COMPARE_BYTES_MAX) {
    return a.u8.compare(b.u8, bStart, bStart + length, aStart, aStart + length) === 0
  }
  if (length < 4) {
    for (let i = 0; i < length; i++) if (a.u8[aStart + i] !== b.u8[bStart + i]) return false
    return true
  }
  const one = a.view
  const other = b.view
  const last = length - 4
  for (let i = 0; i < last; i += 4) {
    if (one.getInt32(aStart + i, true) !== other.getInt32(bStart + i, true)) return false
  }
  // The last word may overlap the one before.
  return one.getInt32(aStart + last, true) === other.getInt32(bStart + last, true)
}
