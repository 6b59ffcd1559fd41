// Bytes in place: a window on memory somebody else owns.
//
// A request's argument, a stored key, a value on its way out are all `Bytes`: a
// source, a start and a length. Nothing is copied and no string is made until
// somebody asks for one. A source pairs the two views the hot loops want: a
// Buffer for single bytes and bulk moves, a DataView for four unaligned bytes at
// a time (V8 turns both into plain loads and stores).

import { textOf } from './text.ts'

/** A source of this size is worth the look of the collector when it is gone. */
const LARGE_BYTES_MIN = 1024 * 1024

/** Memory with the two views through which it is read and written. */
export class Source {
  /** Bytes of all large sources that were ever allocated: who follows it knows that there may be garbage. */
  static largeBytes = 0
  readonly u8: Buffer
  readonly view: DataView
  /** Nobody else has a part of this memory. */
  readonly isWhole: boolean

  constructor(u8: Buffer, isWhole = u8.buffer.byteLength === u8.byteLength) {
    this.u8 = u8
    this.view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength)
    this.isWhole = isWhole
  }

  /** Bytes of memory: a buffer that was used before may be larger than what is seen of it. */
  get bytes(): number {
    return this.isWhole ? this.u8.buffer.byteLength : this.u8.length
  }

  /** Allocates a source of its own; the content is undefined. */
  static allocate(length: number): Source {
    if (length >= LARGE_BYTES_MIN) Source.largeBytes += length
    return new Source(Buffer.allocUnsafeSlow(length))
  }
}

const EMPTY = new Source(Buffer.alloc(0))

/** Copies and comparisons of more than this are handed to the runtime; below it a loop of words is faster than the call. */
const WORD_COPY_BYTES_MAX = 256
const WORD_COMPARE_BYTES_MAX = 160

/** A window of `length` bytes at `start` in `source`. Windows are reused: copy what must outlive the turn. */
export class Bytes {
  source: Source
  start: number
  length: number
  /** Memo of the key hash; 0 = not computed yet. Whoever moves the window resets it. */
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
    return this.source.u8[this.start + index]!
  }

  /** Returns the bytes as a latin1 string (one char a byte). */
  toString(): string {
    return textOf(this.source.u8, this.start, this.length)
  }

  /** Returns a copy in a Buffer of its own. */
  toBuffer(): Buffer {
    return Buffer.from(this.source.u8.subarray(this.start, this.start + this.length))
  }

  /** Returns a window over a copy of its own. */
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
      let byte = u8[this.start + i]!
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
    // Within one buffer no view is needed: three times as fast, and nothing for the collector.
    if (to === from) to.u8.copyWithin(toStart, fromStart, fromStart + length)
    else to.u8.set(from.u8.subarray(fromStart, fromStart + length), toStart)
    return
  }
  if (length < 4) {
    for (let i = 0; i < length; i++) to.u8[toStart + i] = from.u8[fromStart + i]!
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
  // The last word goes back over what the one before has written.
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
  // The last word may have bytes in common with the one before.
  return one.getInt32(aStart + last, true) === other.getInt32(bStart + last, true)
}
