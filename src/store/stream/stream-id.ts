// The id of a stream's entry: two unsigned 64-bit numbers, a time in milliseconds and a sequence.
//
// Each number is kept as two 32-bit halves. So the whole range is exact, ids compare by small
// integers, and no object is allocated. An id is spelled `<ms>-<seq>`.

import { byteAt, itemAt } from '../../util/array-reads.ts'
import { type Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { writeInteger } from '../../util/numbers/numbers.ts'

const WORD = 2 ** 32
/** High halves below this make a number that a double holds exactly. */
const SAFE_HIGH = 2 ** 21

/** Bytes of the longest id: two numbers of twenty digits and a dash. */
export const ID_TEXT_BYTES_MAX = 41
/** Bytes of an id in a record: four words, the high ones first. */
export const ID_BYTES = 16

export class StreamId {
  // The halves as signed integers, whose sign has no meaning: they are small integers to V8.
  msHigh = 0
  msLow = 0
  seqHigh = 0
  seqLow = 0

  /** Makes an id from numbers of up to 64 bits. */
  static of(ms: number | bigint, seq: number | bigint): StreamId {
    const id = new StreamId()
    const time = BigInt(ms)
    const sequence = BigInt(seq)
    return id.set(
      Number(BigInt.asIntN(32, time >> 32n)),
      Number(BigInt.asIntN(32, time)),
      Number(BigInt.asIntN(32, sequence >> 32n)),
      Number(BigInt.asIntN(32, sequence)),
    )
  }

  set(msHigh: number, msLow: number, seqHigh: number, seqLow: number): this {
    this.msHigh = msHigh
    this.msLow = msLow
    this.seqHigh = seqHigh
    this.seqLow = seqLow
    return this
  }

  copyFrom(other: StreamId): this {
    return this.set(other.msHigh, other.msLow, other.seqHigh, other.seqLow)
  }

  /** Makes this `ms`-0, 0 ≤ ms ≤ 2^53. */
  setTime(ms: number): this {
    return this.set((ms / WORD) | 0, ms | 0, 0, 0)
  }

  /** Makes this the smallest id, which no entry has. */
  setZero(): this {
    return this.set(0, 0, 0, 0)
  }

  /** Makes this the largest id. */
  setMax(): this {
    return this.set(-1, -1, -1, -1)
  }

  get isZero(): boolean {
    return (this.msHigh | this.msLow | this.seqHigh | this.seqLow) === 0
  }

  get isMax(): boolean {
    return (this.msHigh & this.msLow & this.seqHigh & this.seqLow) === -1
  }

  /** The time as a bigint. */
  get ms(): bigint {
    return wide(this.msHigh, this.msLow)
  }

  /** The sequence as a bigint. */
  get seq(): bigint {
    return wide(this.seqHigh, this.seqLow)
  }

  sameTime(other: StreamId): boolean {
    return this.msHigh === other.msHigh && this.msLow === other.msLow
  }

  get sequenceIsMax(): boolean {
    return (this.seqHigh & this.seqLow) === -1
  }

  equals(other: StreamId): boolean {
    return (
      this.msLow === other.msLow &&
      this.seqLow === other.seqLow &&
      this.msHigh === other.msHigh &&
      this.seqHigh === other.seqHigh
    )
  }

  compare(other: StreamId): number {
    if (this.msHigh !== other.msHigh) return this.msHigh >>> 0 < other.msHigh >>> 0 ? -1 : 1
    if (this.msLow !== other.msLow) return this.msLow >>> 0 < other.msLow >>> 0 ? -1 : 1
    if (this.seqHigh !== other.seqHigh) return this.seqHigh >>> 0 < other.seqHigh >>> 0 ? -1 : 1
    if (this.seqLow !== other.seqLow) return this.seqLow >>> 0 < other.seqLow >>> 0 ? -1 : 1
    return 0
  }

  /** Moves to the next id. From the largest it moves to 0-0, and returns false. */
  increment(): boolean {
    this.seqLow = (this.seqLow + 1) | 0
    if (this.seqLow !== 0) return true
    this.seqHigh = (this.seqHigh + 1) | 0
    if (this.seqHigh !== 0) return true
    this.msLow = (this.msLow + 1) | 0
    if (this.msLow !== 0) return true
    this.msHigh = (this.msHigh + 1) | 0
    return this.msHigh !== 0
  }

  /** Moves to the id before. From 0-0 it moves to the largest, and returns false. */
  decrement(): boolean {
    this.seqLow = (this.seqLow - 1) | 0
    if (this.seqLow !== -1) return true
    this.seqHigh = (this.seqHigh - 1) | 0
    if (this.seqHigh !== -1) return true
    this.msLow = (this.msLow - 1) | 0
    if (this.msLow !== -1) return true
    this.msHigh = (this.msHigh - 1) | 0
    return this.msHigh !== -1
  }

  /** Writes the id as text and returns the number of bytes, at most ID_TEXT_BYTES_MAX. */
  write(target: Source, at: number): number {
    if (this.msLow !== printedLow || this.msHigh !== printedHigh) this.#printTime()
    copyBytes(target, at, timeText, 0, timeBytes)
    return timeBytes + writeWide(this.seqHigh, this.seqLow, target.u8, at + timeBytes)
  }

  #printTime(): void {
    printedHigh = this.msHigh
    printedLow = this.msLow
    timeBytes = writeWide(printedHigh, printedLow, timeText.u8, 0)
    timeText.u8[timeBytes++] = DASH
  }

  toString(): string {
    return idText.u8.toString('latin1', 0, this.write(idText, 0))
  }

  /** Writes the id as four words of a record. */
  store(source: Source, at: number): void {
    const { view } = source
    view.setInt32(at, this.msHigh, true)
    view.setInt32(at + 4, this.msLow, true)
    view.setInt32(at + 8, this.seqHigh, true)
    view.setInt32(at + 12, this.seqLow, true)
  }

  /** Reads the id from four words of a record. */
  load(source: Source, at: number): this {
    const { view } = source
    return this.set(
      view.getInt32(at, true),
      view.getInt32(at + 4, true),
      view.getInt32(at + 8, true),
      view.getInt32(at + 12, true),
    )
  }

  /** Compares the id of a record with this one: negative when the record's is smaller. */
  compareRecord(source: Source, at: number): number {
    const { view } = source
    let word = view.getInt32(at, true)
    if (word !== this.msHigh) return word >>> 0 < this.msHigh >>> 0 ? -1 : 1
    word = view.getInt32(at + 4, true)
    if (word !== this.msLow) return word >>> 0 < this.msLow >>> 0 ? -1 : 1
    word = view.getInt32(at + 8, true)
    if (word !== this.seqHigh) return word >>> 0 < this.seqHigh >>> 0 ? -1 : 1
    word = view.getInt32(at + 12, true)
    if (word !== this.seqLow) return word >>> 0 < this.seqLow >>> 0 ? -1 : 1
    return 0
  }
}

const DASH = 45

const idText = Source.allocate(ID_TEXT_BYTES_MAX)

// The time that was printed last, its dash included: ids that follow each other mostly share it,
// and thirteen digits take 60 ns (bench: structures, XADD). These and the ones below are variables,
// not fields of an object: so an append to a stream is 3 to 5 % faster.
const timeText = Source.allocate(ID_TEXT_BYTES_MAX)
let printedHigh = 0
let printedLow = 0
let timeBytes = 2
timeText.u8.write('0-', 'latin1')

function wide(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

function writeWide(high: number, low: number, u8: Buffer, at: number): number {
  if (high >>> 0 < SAFE_HIGH) return writeInteger((high >>> 0) * WORD + (low >>> 0), u8, at)
  return u8.write(wide(high, low).toString(), at, 'latin1')
}

// ── reading ────────────────────────────────────────────────────────────────

/** The results of reading an id. */
export const ID_INVALID = 0
export const ID_COMPLETE = 1
/** `<ms>-*`: the sequence is to be generated; it is 0 so far. */
export const ID_WANTS_SEQUENCE = 2

/** A longer text is never an id. */
const ID_INPUT_BYTES_MAX = 127

/** The number that `parseWide` read last. */
let high = 0
let low = 0

/**
 * Reads `<ms>-<seq>` or `<ms>` from bytes, without the first `skip` of them. A missing sequence is
 * 0 or all ones (-1).
 *
 * `-` and `+`, the ends of a range, are not ids here.
 */
export function parseStreamId(
  bytes: Bytes,
  id: StreamId,
  missingSequence: 0 | -1 = 0,
  sequenceMayBeStar = false,
  skip = 0,
): typeof ID_INVALID | typeof ID_COMPLETE | typeof ID_WANTS_SEQUENCE {
  const { u8 } = bytes.source
  const start = bytes.start + skip
  let end = bytes.start + bytes.length
  if (end - start > ID_INPUT_BYTES_MAX) return ID_INVALID
  let dash = -1
  for (let i = start; i < end; i++) {
    const byte = byteAt(u8, i)
    if (byte === DASH && dash === -1) dash = i
    // For Redis the text ends at a NUL.
    if (byte === 0) end = i
  }
  if (!parseWide(u8, start, dash === -1 ? end : dash)) return ID_INVALID
  const msHigh = high
  const msLow = low
  if (dash === -1) {
    id.set(msHigh, msLow, missingSequence, missingSequence)
    return ID_COMPLETE
  }
  if (sequenceMayBeStar && end - dash === 2 && u8[dash + 1] === 42) {
    id.set(msHigh, msLow, 0, 0)
    return ID_WANTS_SEQUENCE
  }
  if (!parseWide(u8, dash + 1, end)) return ID_INVALID
  id.set(msHigh, msLow, high, low)
  return ID_COMPLETE
}

/** Reads an unsigned 64-bit number into `high` and `low`. */
function parseWide(u8: Buffer, start: number, end: number): boolean {
  const digits = end - start
  if (digits === 0) return false
  if (digits > 15) return parseOdd(u8, start, end)
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = byteAt(u8, i) - 48
    if (digit < 0 || digit > 9) return parseOdd(u8, start, end)
    value = value * 10 + digit
  }
  high = (value / WORD) | 0
  low = value | 0
  return true
}

/**
 * Reads a number that is not plain, or has more than fifteen digits. Redis leaves such numbers to
 * C's strtoull, signs and blanks included.
 */
function parseOdd(u8: Buffer, start: number, end: number): boolean {
  const text = u8.toString('latin1', start, end)
  const parts = /^[ \t-\r]*([+-]?)(\d+)$/.exec(text)
  if (parts === null) return false
  let value = BigInt(itemAt(parts, 2))
  if (parts[1] === '-') {
    // Redis sees a minus only in text that reads as a 64-bit integer: `-5` is refused, and `-05` is
    // 2^64 - 5.
    if (/^-[1-9]/.test(text) && value <= 1n << 63n) return false
    value = -value
  }
  if (value > 0xffffffffffffffffn || value < -0xffffffffffffffffn) return false
  high = Number(BigInt.asIntN(32, value >> 32n))
  low = Number(BigInt.asIntN(32, value))
  return true
}
