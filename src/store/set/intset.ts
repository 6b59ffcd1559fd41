// The small form of a set of integers: ascending in one arena block, all as wide as the widest
// needs.
//
//   block content = [width u32: 2, 4 or 8][integer][integer]…      little-endian, signed
//
// Ref 0 is the empty sequence. As in packed.ts, each function that changes the sequence returns its
// new ref. Integers are 64 bits wide and exact. In JavaScript they are two halves in an Int64, so
// no bigint is made for integers within ±2^53.

import { assert } from '../../util/assert.ts'
import { type Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { parseInteger, writeInteger } from '../../util/numbers/numbers.ts'
import { type Arena, allocateIfFree } from '../memory/arena.ts'

/**
 * The most integers of a sequence. A block holds twice as many, and moving half of them costs a
 * microsecond.
 */
export const INTEGERS_MAX = 4096

const HEADER_BYTES = 4
const UINT32_RANGE = 4294967296
/** A high half in [-2^21, 2^21) makes a safe integer. */
const HIGH_SAFE = 1 << 21

/** A signed 64-bit integer. */
export class Int64 {
  /** Signed. */
  high = 0
  /** The lower 32 bits, as a signed integer. */
  low = 0

  /** Reads a canonical integer; false when the bytes are not one. */
  read(bytes: Bytes): boolean {
    const value = parseInteger(bytes)
    if (value === undefined) return false
    if (typeof value === 'number') {
      this.high = Math.floor(value / UINT32_RANGE)
      this.low = value | 0
    } else {
      this.high = Number(value >> 32n)
      this.low = Number(BigInt.asIntN(32, value))
    }
    return true
  }

  /** The bytes that it takes: 2, 4 or 8. */
  get width(): number {
    const { low } = this
    if (this.high !== low >> 31) return 8
    return low === (low << 16) >> 16 ? 2 : 4
  }

  /** Writes it in decimal at `at`; returns the number of bytes, at most 20. */
  write(u8: Buffer, at: number): number {
    const { high, low } = this
    if (high === low >> 31) return writeInteger(low, u8, at)
    if (high >= -HIGH_SAFE && high < HIGH_SAFE && (high !== -HIGH_SAFE || low !== 0)) {
      return writeInteger(high * UINT32_RANGE + (low >>> 0), u8, at)
    }
    return u8.write(String((BigInt(high) << 32n) | BigInt(low >>> 0)), at, 'latin1')
  }
}

/** Returns the number of integers of a sequence. */
export function integersCount(arena: Arena, ref: number): number {
  if (ref === 0) return 0
  const bytes = arena.length(ref) - HEADER_BYTES
  const width = arena.source(ref).view.getInt32(arena.start(ref), true)
  return width === 2 ? bytes >>> 1 : width === 4 ? bytes >>> 2 : bytes >>> 3
}

/**
 * Returns the index of an integer. When it is missing, returns -1 minus the index it would have.
 */
export function integersFind(arena: Arena, ref: number, value: Int64): number {
  if (ref === 0) return -1
  const { view } = arena.source(ref)
  const start = arena.start(ref)
  const width = view.getInt32(start, true)
  const count = integersCount(arena, ref)
  // An integer wider than all in the sequence is less or greater than all of them.
  if (value.width > width) return value.high < 0 ? -1 : -1 - count
  const base = start + HEADER_BYTES
  if (width === 8) return findWide(view, base, count, value)
  const { low } = value
  let from = 0
  let to = count
  while (from < to) {
    const middle = (from + to) >>> 1
    const found = width === 2 ? view.getInt16(base + 2 * middle, true) : view.getInt32(base + 4 * middle, true)
    if (found === low) return middle
    if (found < low) from = middle + 1
    else to = middle
  }
  return -1 - from
}

function findWide(view: DataView, base: number, count: number, value: Int64): number {
  const { high, low } = value
  let from = 0
  let to = count
  while (from < to) {
    const middle = (from + to) >>> 1
    const foundHigh = view.getInt32(base + 8 * middle + 4, true)
    const foundLow = view.getInt32(base + 8 * middle, true)
    if (foundHigh === high && foundLow === low) return middle
    if (foundHigh < high || (foundHigh === high && foundLow >>> 0 < low >>> 0)) from = middle + 1
    else to = middle
  }
  return -1 - from
}

/** Reads the integer at an index. */
export function integersGet(arena: Arena, ref: number, index: number, value: Int64): Int64 {
  const { view } = arena.source(ref)
  const start = arena.start(ref)
  get(view, start + HEADER_BYTES, view.getInt32(start, true), index, value)
  return value
}

/** Inserts an integer at the index it belongs to. Throws ArenaFull, having changed nothing. */
export function integersInsert(arena: Arena, ref: number, index: number, value: Int64): number {
  const count = integersCount(arena, ref)
  if (CHECKED) assert(index >= 0 && index <= count, 'an integer is inserted within its sequence')
  const oldWidth = ref === 0 ? 0 : widthOf(arena, ref)
  const width = Math.max(oldWidth, value.width)
  const bytes = HEADER_BYTES + width * (count + 1)
  let moved = ref
  if (width !== oldWidth || bytes > arena.capacity(ref)) {
    moved = arena.allocate(bytes)
    if (width === oldWidth)
      copyBytes(arena.source(moved), arena.start(moved), arena.source(ref), arena.start(ref), bytes - width)
    else if (ref !== 0) widen(arena, ref, moved, width, count)
    if (ref !== 0) arena.free(ref)
  } else {
    arena.setLength(ref, bytes)
  }
  const { view, u8 } = arena.source(moved)
  const start = arena.start(moved)
  view.setInt32(start, width, true)
  const base = start + HEADER_BYTES
  if (index < count) u8.copyWithin(base + width * (index + 1), base + width * index, base + width * count)
  put(view, base, width, index, value)
  return moved
}

/** Removes the integer at an index; returns 0 when none is left. */
export function integersRemove(arena: Arena, ref: number, index: number): number {
  const count = integersCount(arena, ref) - 1
  if (CHECKED) assert(index >= 0 && index <= count, 'an integer that is removed is in the sequence')
  if (count === 0) {
    arena.free(ref)
    return 0
  }
  const source = arena.source(ref)
  const start = arena.start(ref)
  const width = source.view.getInt32(start, true)
  const base = start + HEADER_BYTES
  source.u8.copyWithin(base + width * index, base + width * (index + 1), base + width * (count + 1))
  const bytes = HEADER_BYTES + width * count
  arena.setLength(ref, bytes)
  const capacity = arena.capacity(ref)
  if (capacity <= 64 || 2 * bytes > capacity) return ref
  // The block is mostly empty, so a smaller one replaces it. A removal never fails for memory.
  const moved = allocateIfFree(arena, bytes)
  if (moved === 0) return ref
  copyBytes(arena.source(moved), arena.start(moved), source, start, bytes)
  arena.free(ref)
  return moved
}

/**
 * Number of texts that are valid at a time: a window on an integer's text is valid until this many
 * others were made.
 */
const TEXTS = 64
/** Room for the text of an integer. */
export const TEXT_BYTES = 24
const texts = Source.allocate(TEXTS * TEXT_BYTES)
/** The place of the text that was made last. */
const textRing = {
  at: 0,
}
const shown = new Int64()

/**
 * Points `window` at the text of the integer at an index. It is overwritten after at most 64
 * others.
 */
export function integersText(arena: Arena, ref: number, index: number, window: Bytes): Bytes {
  textRing.at = textRing.at === TEXTS - 1 ? 0 : textRing.at + 1
  return integersTextIn(arena, ref, index, window, texts, textRing.at * TEXT_BYTES)
}

/** Like `integersText`, with the text written at `at` in `source`. */
export function integersTextIn(
  arena: Arena,
  ref: number,
  index: number,
  window: Bytes,
  source: Source,
  at: number,
): Bytes {
  return window.set(source, at, integersGet(arena, ref, index, shown).write(source.u8, at))
}

/** Walks the integers in the checked build. */
export function integersCheck(arena: Arena, ref: number): void {
  if (ref === 0) return
  const count = integersCount(arena, ref)
  const width = widthOf(arena, ref)
  assert(width === 2 || width === 4 || width === 8, 'integers have 2, 4 or 8 bytes')
  assert(count > 0 && arena.length(ref) === HEADER_BYTES + width * count, 'a sequence has whole integers')
  const { view } = arena.source(ref)
  const base = arena.start(ref) + HEADER_BYTES
  for (let i = 1; i < count; i++) {
    get(view, base, width, i, shown)
    const found = width === 8 ? findWide(view, base, count, shown) : i
    assert(found === i, 'integers are in order')
    if (width === 8) continue
    const { low } = shown
    get(view, base, width, i - 1, shown)
    assert(shown.low < low, 'each integer is above the one before')
  }
}

function widthOf(arena: Arena, ref: number): number {
  return arena.source(ref).view.getInt32(arena.start(ref), true)
}

const widened = new Int64()

/** Copies all integers to a block where they are wider. */
function widen(arena: Arena, ref: number, to: number, width: number, count: number): void {
  const from = arena.source(ref).view
  const fromStart = arena.start(ref)
  const fromWidth = from.getInt32(fromStart, true)
  const { view } = arena.source(to)
  const base = arena.start(to) + HEADER_BYTES
  for (let i = 0; i < count; i++) {
    get(from, fromStart + HEADER_BYTES, fromWidth, i, widened)
    put(view, base, width, i, widened)
  }
}

function get(view: DataView, base: number, width: number, index: number, value: Int64): void {
  if (width === 8) {
    value.low = view.getInt32(base + 8 * index, true)
    value.high = view.getInt32(base + 8 * index + 4, true)
  } else {
    value.low = width === 2 ? view.getInt16(base + 2 * index, true) : view.getInt32(base + 4 * index, true)
    value.high = value.low >> 31
  }
}

function put(view: DataView, base: number, width: number, index: number, value: Int64): void {
  if (width === 2) {
    view.setInt16(base + 2 * index, value.low, true)
  } else if (width === 4) {
    view.setInt32(base + 4 * index, value.low, true)
  } else {
    view.setInt32(base + 8 * index, value.low, true)
    view.setInt32(base + 8 * index + 4, value.high, true)
  }
}
