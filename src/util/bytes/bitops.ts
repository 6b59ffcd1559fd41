// Counting, finding and combining bits of byte strings, 32 bits at a time.
//
// Bit 0 is the highest bit of byte 0, as Redis counts them. For megabytes the methods that measured
// fastest are used: carry-save adders count, the runtime's memcmp searches, and words of 64 bits
// are combined.

import { byteAt, numberAt } from '../array-reads.ts'
import type { Bytes, Source } from './bytes.ts'

/** Bytes that one round of `countBlocks` takes: sixteen words. */
const BLOCK_BYTES = 64

/** Counts the bits that are set. */
export function countBits(source: Source, start: number, length: number): number {
  const { u8, view } = source
  const end = start + length
  let at = start
  let count = 0
  if (length >= 2 * BLOCK_BYTES) {
    const blocks = Math.floor(length / BLOCK_BYTES)
    count = countBlocks(view, at, blocks)
    at += blocks * BLOCK_BYTES
  }
  for (; at + 4 <= end; at += 4) count += countWord(view.getInt32(at, true))
  for (; at < end; at++) count += countWord(byteAt(u8, at))
  return count
}

/** Counts the bits of a 32-bit word. */
function countWord(word: number): number {
  word -= (word >>> 1) & 0x55555555
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
  word = (word + (word >>> 4)) & 0x0f0f0f0f
  return Math.imul(word, 0x01010101) >>> 24
}

/**
 * Counts blocks of sixteen words with carry-save adders (Harley and Seal). Sixteen words become one
 * word of sixteens; one word each of eights, fours, twos and ones is carried to the next block. So
 * only one word in sixteen is counted, which is half the work of counting every word.
 */
function countBlocks(view: DataView, at: number, blocks: number): number {
  let ones = 0
  let twos = 0
  let fours = 0
  let eights = 0
  let sixteens = 0
  for (const end = at + blocks * BLOCK_BYTES; at < end; at += BLOCK_BYTES) {
    // Each pair of lines adds two words to a running one: the sum stays, the carry has twice the
    // weight.
    let a = view.getInt32(at, true)
    let b = view.getInt32(at + 4, true)
    const twosA = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    a = view.getInt32(at + 8, true)
    b = view.getInt32(at + 12, true)
    const twosB = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    const foursA = (twos & twosA) | ((twos ^ twosA) & twosB)
    twos = twos ^ twosA ^ twosB
    a = view.getInt32(at + 16, true)
    b = view.getInt32(at + 20, true)
    const twosC = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    a = view.getInt32(at + 24, true)
    b = view.getInt32(at + 28, true)
    const twosD = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    const foursB = (twos & twosC) | ((twos ^ twosC) & twosD)
    twos = twos ^ twosC ^ twosD
    const eightsA = (fours & foursA) | ((fours ^ foursA) & foursB)
    fours = fours ^ foursA ^ foursB
    a = view.getInt32(at + 32, true)
    b = view.getInt32(at + 36, true)
    const twosE = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    a = view.getInt32(at + 40, true)
    b = view.getInt32(at + 44, true)
    const twosF = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    const foursC = (twos & twosE) | ((twos ^ twosE) & twosF)
    twos = twos ^ twosE ^ twosF
    a = view.getInt32(at + 48, true)
    b = view.getInt32(at + 52, true)
    const twosG = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    a = view.getInt32(at + 56, true)
    b = view.getInt32(at + 60, true)
    const twosH = (ones & a) | ((ones ^ a) & b)
    ones = ones ^ a ^ b
    const foursD = (twos & twosG) | ((twos ^ twosG) & twosH)
    twos = twos ^ twosG ^ twosH
    const eightsB = (fours & foursC) | ((fours ^ foursC) & foursD)
    fours = fours ^ foursC ^ foursD
    sixteens += countWord((eights & eightsA) | ((eights ^ eightsA) & eightsB))
    eights = eights ^ eightsA ^ eightsB
  }
  return 16 * sixteens + 8 * countWord(eights) + 4 * countWord(fours) + 2 * countWord(twos) + countWord(ones)
}

/**
 * Returns the position of the first bit that equals `bit`, counted from bit `from` of `source`'s
 * byte `start`; -1 when none is before bit `to`.
 */
export function findBit(source: Source, start: number, from: number, to: number, bit: 0 | 1): number {
  const { u8 } = source
  // Searching for a 0 is searching for a 1 in the complement.
  const flip = bit === 0 ? 0xff : 0
  const first = Math.floor(from / 8)
  const end = Math.ceil(to / 8)
  if (first >= end) return -1
  let at = start + first
  let found = (byteAt(u8, at) ^ flip) & (0xff >>> (from % 8))
  if (found === 0) {
    at = skipBytes(source, at + 1, start + end, flip)
    if (at === start + end) return -1
    found = byteAt(u8, at) ^ flip
  }
  const position = 8 * (at - start) + Math.clz32(found) - 24
  return position < to ? position : -1
}

/** Bytes that are compared at once with a page of equal bytes. */
const PAGE_BYTES = 16 * 1024
const zeros = Buffer.alloc(PAGE_BYTES)
const ones = Buffer.alloc(PAGE_BYTES, 0xff)

/**
 * Returns the position of the first byte other than `byte`, 0 or 0xff; `end` when there is none.
 */
function skipBytes({ u8, view }: Source, at: number, end: number, byte: number): number {
  // The runtime's memcmp passes over a page seven times as fast as a loop of words.
  const page = byte === 0 ? zeros : ones
  while (at + PAGE_BYTES <= end && u8.compare(page, 0, PAGE_BYTES, at, at + PAGE_BYTES) === 0) at += PAGE_BYTES
  const word = byte === 0 ? 0 : -1
  while (at + 4 <= end && view.getInt32(at, true) === word) at += 4
  while (at < end && u8[at] === byte) at++
  return at
}

export type BitOperation = 'AND' | 'OR' | 'XOR'

/** For fewer bytes, making views of whole words costs more than it saves. */
const VIEWS_BYTES_MIN = 512

/**
 * From this size on words have 64 bits: 4 MiB are combined in 0.65 ms, in 32-bit words in 1.2 ms.
 * Before V8 has compiled these loops each word is a bigint on the heap, a cost that short strings
 * would never recover.
 */
const LONGS_BYTES_MIN = 16 * 1024
/** Bytes of one round of the loops over 64-bit words. */
const LONGS_ROUND_BYTES = 64

/**
 * Combines the first `length` bytes of `a` and `b`, byte by byte, and writes them to the beginning
 * of `to`. `to` may be the window `a` or `b`, but must not overlap them otherwise.
 */
export function combineBits(operation: BitOperation, to: Bytes, a: Bytes, b: Bytes, length: number): void {
  let done = 0
  if (length >= LONGS_BYTES_MIN && offsetIn(to, 8) === 0 && offsetIn(a, 8) === 0 && offsetIn(b, 8) === 0) {
    const count = 8 * Math.floor(length / LONGS_ROUND_BYTES)
    // One loop for each operation, so that the compiler knows the operation.
    if (operation === 'AND') andLongs(longsOf(to, count), longsOf(a, count), longsOf(b, count))
    else if (operation === 'OR') orLongs(longsOf(to, count), longsOf(a, count), longsOf(b, count))
    else xorLongs(longsOf(to, count), longsOf(a, count), longsOf(b, count))
    done = 8 * count
  } else if (length >= VIEWS_BYTES_MIN && offsetIn(to, 4) === 0 && offsetIn(a, 4) === 0 && offsetIn(b, 4) === 0) {
    const count = (length >>> 4) << 2
    if (operation === 'AND') andWords(wordsOf(to, count), wordsOf(a, count), wordsOf(b, count))
    else if (operation === 'OR') orWords(wordsOf(to, count), wordsOf(a, count), wordsOf(b, count))
    else xorWords(wordsOf(to, count), wordsOf(a, count), wordsOf(b, count))
    done = 4 * count
  }
  const target = to.source.u8
  for (; done < length; done++) {
    const x = a.at(done)
    const y = b.at(done)
    target[to.start + done] = operation === 'AND' ? x & y : operation === 'OR' ? x | y : x ^ y
  }
}

/**
 * Writes the complement of the first `length` bytes of `from` to the beginning of `to`, which may
 * be the same window.
 */
export function invertBits(to: Bytes, from: Bytes, length: number): void {
  let i = 0
  if (length >= LONGS_BYTES_MIN && offsetIn(to, 8) === 0 && offsetIn(from, 8) === 0) {
    const count = 8 * Math.floor(length / LONGS_ROUND_BYTES)
    invertLongs(longsOf(to, count), longsOf(from, count))
    i = 8 * count
  }
  const target = to.source.view
  const origin = from.source.view
  for (; i + 4 <= length; i += 4) target.setInt32(to.start + i, ~origin.getInt32(from.start + i, true), true)
  for (; i < length; i++) to.source.u8[to.start + i] = ~from.at(i)
}

/** Returns how many bytes behind a multiple of `unit` a window begins in its memory. */
function offsetIn({ source, start }: Bytes, unit: 4 | 8): number {
  return (source.u8.byteOffset + start) % unit
}

function wordsOf({ source, start }: Bytes, count: number): Int32Array {
  return new Int32Array(source.u8.buffer, source.u8.byteOffset + start, count)
}

function longsOf({ source, start }: Bytes, count: number): BigInt64Array {
  return new BigInt64Array(source.u8.buffer, source.u8.byteOffset + start, count)
}

function andWords(to: Int32Array, a: Int32Array, b: Int32Array): void {
  for (let i = 0; i < to.length - 3; i += 4) {
    to[i] = numberAt(a, i) & numberAt(b, i)
    to[i + 1] = numberAt(a, i + 1) & numberAt(b, i + 1)
    to[i + 2] = numberAt(a, i + 2) & numberAt(b, i + 2)
    to[i + 3] = numberAt(a, i + 3) & numberAt(b, i + 3)
  }
}

function orWords(to: Int32Array, a: Int32Array, b: Int32Array): void {
  for (let i = 0; i < to.length - 3; i += 4) {
    to[i] = numberAt(a, i) | numberAt(b, i)
    to[i + 1] = numberAt(a, i + 1) | numberAt(b, i + 1)
    to[i + 2] = numberAt(a, i + 2) | numberAt(b, i + 2)
    to[i + 3] = numberAt(a, i + 3) | numberAt(b, i + 3)
  }
}

function xorWords(to: Int32Array, a: Int32Array, b: Int32Array): void {
  for (let i = 0; i < to.length - 3; i += 4) {
    to[i] = numberAt(a, i) ^ numberAt(b, i)
    to[i + 1] = numberAt(a, i + 1) ^ numberAt(b, i + 1)
    to[i + 2] = numberAt(a, i + 2) ^ numberAt(b, i + 2)
    to[i + 3] = numberAt(a, i + 3) ^ numberAt(b, i + 3)
  }
}

function andLongs(to: BigInt64Array, a: BigInt64Array, b: BigInt64Array): void {
  for (let i = 0; i < to.length - 7; i += 8) {
    to[i] = a[i]! & b[i]!
    to[i + 1] = a[i + 1]! & b[i + 1]!
    to[i + 2] = a[i + 2]! & b[i + 2]!
    to[i + 3] = a[i + 3]! & b[i + 3]!
    to[i + 4] = a[i + 4]! & b[i + 4]!
    to[i + 5] = a[i + 5]! & b[i + 5]!
    to[i + 6] = a[i + 6]! & b[i + 6]!
    to[i + 7] = a[i + 7]! & b[i + 7]!
  }
}

function orLongs(to: BigInt64Array, a: BigInt64Array, b: BigInt64Array): void {
  for (let i = 0; i < to.length - 7; i += 8) {
    to[i] = a[i]! | b[i]!
    to[i + 1] = a[i + 1]! | b[i + 1]!
    to[i + 2] = a[i + 2]! | b[i + 2]!
    to[i + 3] = a[i + 3]! | b[i + 3]!
    to[i + 4] = a[i + 4]! | b[i + 4]!
    to[i + 5] = a[i + 5]! | b[i + 5]!
    to[i + 6] = a[i + 6]! | b[i + 6]!
    to[i + 7] = a[i + 7]! | b[i + 7]!
  }
}

function xorLongs(to: BigInt64Array, a: BigInt64Array, b: BigInt64Array): void {
  for (let i = 0; i < to.length - 7; i += 8) {
    to[i] = a[i]! ^ b[i]!
    to[i + 1] = a[i + 1]! ^ b[i + 1]!
    to[i + 2] = a[i + 2]! ^ b[i + 2]!
    to[i + 3] = a[i + 3]! ^ b[i + 3]!
    to[i + 4] = a[i + 4]! ^ b[i + 4]!
    to[i + 5] = a[i + 5]! ^ b[i + 5]!
    to[i + 6] = a[i + 6]! ^ b[i + 6]!
    to[i + 7] = a[i + 7]! ^ b[i + 7]!
  }
}

/**
 * XOR with all ones: V8 compiles it to one instruction, which it does not do with `~` of a bigint.
 */
function invertLongs(to: BigInt64Array, from: BigInt64Array): void {
  for (let i = 0; i < to.length - 7; i += 8) {
    to[i] = from[i]! ^ -1n
    to[i + 1] = from[i + 1]! ^ -1n
    to[i + 2] = from[i + 2]! ^ -1n
    to[i + 3] = from[i + 3]! ^ -1n
    to[i + 4] = from[i + 4]! ^ -1n
    to[i + 5] = from[i + 5]! ^ -1n
    to[i + 6] = from[i + 6]! ^ -1n
    to[i + 7] = from[i + 7]! ^ -1n
  }
}
