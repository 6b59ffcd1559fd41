// Counting, finding and combining bits of byte strings, 32 bits at a time.
//
// Bit 0 is the highest bit of byte 0, as Redis counts them. The words are read
// through the source's DataView, which V8 turns into plain loads at any
// alignment; only counting many megabytes has a faster way (`countBlocks`).

import { assert } from './assert.ts'
import type { Source } from './bytes.ts'

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
  for (; at < end; at++) count += countWord(u8[at]!)
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
 * Counts blocks of sixteen words with carry-save adders (Harley and Seal): sixteen words become one word of sixteens, one each of
 * eights, fours, twos and ones that go on to the next block, so only one word in sixteen is counted. Half the work of counting
 * every word.
 */
function countBlocks(view: DataView, at: number, blocks: number): number {
  let ones = 0
  let twos = 0
  let fours = 0
  let eights = 0
  let sixteens = 0
  for (const end = at + blocks * BLOCK_BYTES; at < end; at += BLOCK_BYTES) {
    // Each pair of lines adds two words to a running one: the sum stays, the carry has twice the weight.
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

/** Returns the position of the first bit that equals `bit`, counted from bit `from` of `source`'s byte `start`; -1 when none is before bit `to`. */
export function findBit(source: Source, start: number, from: number, to: number, bit: 0 | 1): number {
  const { u8, view } = source
  // Looking for a 0 is looking for a 1 in the complement.
  const flip = bit === 0 ? 0xff : 0
  let byte = Math.floor(from / 8)
  const end = Math.ceil(to / 8)
  if (byte >= end) return -1
  let found = (u8[start + byte]! ^ flip) & (0xff >>> (from % 8))
  if (found === 0) {
    byte++
    const skip = bit === 0 ? -1 : 0
    while (byte + 4 <= end && view.getInt32(start + byte, true) === skip) byte += 4
    while (byte < end && u8[start + byte] === flip) byte++
    if (byte === end) return -1
    found = u8[start + byte]! ^ flip
  }
  const position = 8 * byte + Math.clz32(found) - 24
  return position < to ? position : -1
}

export type BitOperation = 'AND' | 'OR' | 'XOR'

/**
 * Combines `to` with `from`, byte by byte, leaving the result in `to`. Only the bytes that both have are touched: what a longer
 * `to` has besides is the caller's concern.
 */
export function combineBits(
  operation: BitOperation,
  to: Source,
  toStart: number,
  from: Source,
  fromStart: number,
  length: number,
): void {
  assert(to !== from, 'a result has memory of its own')
  // Three loops, so that what each does is known where it is compiled.
  if (operation === 'AND') andBits(to, toStart, from, fromStart, length)
  else if (operation === 'OR') orBits(to, toStart, from, fromStart, length)
  else xorBits(to, toStart, from, fromStart, length)
}

function andBits(to: Source, toStart: number, from: Source, fromStart: number, length: number): void {
  const target = to.view
  const origin = from.view
  let i = 0
  for (; i + 8 <= length; i += 8) {
    const a = target.getInt32(toStart + i, true) & origin.getInt32(fromStart + i, true)
    const b = target.getInt32(toStart + i + 4, true) & origin.getInt32(fromStart + i + 4, true)
    target.setInt32(toStart + i, a, true)
    target.setInt32(toStart + i + 4, b, true)
  }
  for (; i < length; i++) to.u8[toStart + i]! &= from.u8[fromStart + i]!
}

function orBits(to: Source, toStart: number, from: Source, fromStart: number, length: number): void {
  const target = to.view
  const origin = from.view
  let i = 0
  for (; i + 8 <= length; i += 8) {
    const a = target.getInt32(toStart + i, true) | origin.getInt32(fromStart + i, true)
    const b = target.getInt32(toStart + i + 4, true) | origin.getInt32(fromStart + i + 4, true)
    target.setInt32(toStart + i, a, true)
    target.setInt32(toStart + i + 4, b, true)
  }
  for (; i < length; i++) to.u8[toStart + i]! |= from.u8[fromStart + i]!
}

function xorBits(to: Source, toStart: number, from: Source, fromStart: number, length: number): void {
  const target = to.view
  const origin = from.view
  let i = 0
  for (; i + 8 <= length; i += 8) {
    const a = target.getInt32(toStart + i, true) ^ origin.getInt32(fromStart + i, true)
    const b = target.getInt32(toStart + i + 4, true) ^ origin.getInt32(fromStart + i + 4, true)
    target.setInt32(toStart + i, a, true)
    target.setInt32(toStart + i + 4, b, true)
  }
  for (; i < length; i++) to.u8[toStart + i]! ^= from.u8[fromStart + i]!
}

/** Writes the complement of `length` bytes. */
export function invertBits(to: Source, toStart: number, from: Source, fromStart: number, length: number): void {
  const target = to.view
  const origin = from.view
  let i = 0
  for (; i + 4 <= length; i += 4) target.setInt32(toStart + i, ~origin.getInt32(fromStart + i, true), true)
  for (; i < length; i++) to.u8[toStart + i] = ~from.u8[fromStart + i]!
}
