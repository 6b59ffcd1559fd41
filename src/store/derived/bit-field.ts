// Integers of any width at any bit of a byte string, as BITFIELD addresses them.
//
// Bit 0 is the highest bit of byte 0, and an integer's highest bit comes first. Up to 48 bits plain
// numbers are exact. Wider fields go through bigints. Bits beyond the end of the string read as
// zeros.

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { narrow } from '../../util/numbers/numbers.ts'

/**
 * What happens to a value that does not fit: it wraps around, stays at the limit, or the operation
 * does nothing.
 */
export type Overflow = 'WRAP' | 'SAT' | 'FAIL'

/**
 * A field's type: `i5` is { signed: true, bits: 5 }. Signed fields have 1–64 bits, unsigned 1–63.
 */
export interface FieldType {
  signed: boolean
  bits: number
}

/** The widest field that plain numbers compute. With an increment below 2^52 every sum is exact. */
const NUMBER_BITS_MAX = 48
const NUMBER_VALUE_MAX = 2 ** 52

/** Reads the field at bit `offset` of `bytes`. */
export function readField(bytes: Bytes, offset: number, { signed, bits }: FieldType): number | bigint {
  if (bits <= NUMBER_BITS_MAX) {
    const value = readUnsigned(bytes, offset, bits)
    return signed && value >= 2 ** (bits - 1) ? value - 2 ** bits : value
  }
  const high = readUnsigned(bytes, offset, bits - 32)
  const low = readUnsigned(bytes, offset + bits - 32, 32)
  const value = (BigInt(high) << 32n) | BigInt(low)
  return narrow(signed ? BigInt.asIntN(bits, value) : value)!
}

/** Writes the low bits of `value` into the field at bit `offset`, which must lie within `bytes`. */
export function writeField(bytes: Bytes, offset: number, { bits }: FieldType, value: number | bigint): void {
  if (bits <= NUMBER_BITS_MAX && typeof value === 'number') {
    writeUnsigned(bytes, offset, bits, value < 0 ? value + 2 ** bits : value)
    return
  }
  const unsigned = BigInt.asUintN(bits, BigInt(value))
  if (bits > 32) writeUnsigned(bytes, offset, bits - 32, Number(unsigned >> 32n))
  writeUnsigned(bytes, offset + Math.max(0, bits - 32), Math.min(32, bits), Number(unsigned & 0xffffffffn))
}

/** Reads up to 48 bits, the highest first. */
function readUnsigned(bytes: Bytes, offset: number, bits: number): number {
  const { u8 } = bytes.source
  let byte = Math.floor(offset / 8)
  /** Bits of the current byte before the field. */
  let before = offset % 8
  let value = 0
  while (bits > 0) {
    const taken = Math.min(bits, 8 - before)
    const content = byte < bytes.length ? byteAt(u8, bytes.start + byte) : 0
    value = value * 2 ** taken + ((content >>> (8 - before - taken)) & ((1 << taken) - 1))
    bits -= taken
    before = 0
    byte++
  }
  return value
}

/** Writes up to 48 bits, the lowest first; 0 ≤ value < 2^bits. */
function writeUnsigned(bytes: Bytes, offset: number, bits: number, value: number): void {
  const { u8 } = bytes.source
  let end = offset + bits
  if (CHECKED) assert(end <= 8 * bytes.length, 'a field that is written lies within the string')
  while (bits > 0) {
    const at = bytes.start + Math.floor((end - 1) / 8)
    /** Bits of the current byte behind the field. */
    const behind = 7 - ((end - 1) % 8)
    const taken = Math.min(bits, 8 - behind)
    const mask = ((1 << taken) - 1) << behind
    const rest = Math.floor(value / 2 ** taken)
    u8[at] = (byteAt(u8, at) & ~mask) | ((value - rest * 2 ** taken) << behind)
    value = rest
    bits -= taken
    end -= taken
  }
}

/**
 * Returns the new value of a field when `increment` is added to `value`; undefined when that does
 * not fit and the overflow is FAIL.
 */
export function addToField(
  type: FieldType,
  value: number | bigint,
  increment: number | bigint,
  overflow: Overflow,
): number | bigint | undefined {
  const { signed, bits } = type
  if (
    bits <= NUMBER_BITS_MAX &&
    typeof value === 'number' &&
    typeof increment === 'number' &&
    Math.abs(increment) < NUMBER_VALUE_MAX
  ) {
    const sum = value + increment
    const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1
    const min = signed ? -max - 1 : 0
    if (sum >= min && sum <= max) return sum
    if (overflow === 'FAIL') return undefined
    if (overflow === 'SAT') return sum > max ? max : min
  }
  const sum = BigInt(value) + BigInt(increment)
  const max = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n
  const min = signed ? -max - 1n : 0n
  return settle(type, sum, sum < min ? min : sum > max ? max : sum, overflow)
}

/**
 * Returns the new value of a field that is set to `value`, a signed 64-bit integer; undefined when
 * that does not fit and the overflow is FAIL.
 */
export function setField(type: FieldType, value: number | bigint, overflow: Overflow): number | bigint | undefined {
  const { signed, bits } = type
  if (bits <= NUMBER_BITS_MAX && typeof value === 'number') {
    const limit = 2 ** (signed ? bits - 1 : bits)
    if (value < limit && value >= (signed ? -limit : 0)) return value
  }
  const wanted = BigInt(value)
  if (!signed) {
    // Redis takes the 64 bits as unsigned, so a negative number is a huge one.
    const unsigned = BigInt.asUintN(64, wanted)
    const max = (1n << BigInt(bits)) - 1n
    return settle(type, unsigned, unsigned > max ? max : unsigned, overflow)
  }
  const max = (1n << BigInt(bits - 1)) - 1n
  const min = -max - 1n
  if (wanted >= min && wanted <= max) return value
  // Redis subtracts in 64 bits to see how far it is to the limit, so the most negative numbers
  // count as too large: BITFIELD k OVERFLOW SAT SET i8 0 -9223372036854775808 leaves 127.
  const tooLarge = wanted > max || (bits < 64 && BigInt.asIntN(64, max - wanted) < 0n)
  return settle(type, wanted, tooLarge ? max : min, overflow)
}

/** Chooses between the value within the limits and the low bits of the exact one. */
function settle(
  { signed, bits }: FieldType,
  exact: bigint,
  limited: bigint,
  overflow: Overflow,
): number | bigint | undefined {
  if (exact === limited || overflow === 'SAT') return narrow(limited)
  if (overflow === 'FAIL') return undefined
  return narrow(signed ? BigInt.asIntN(bits, exact) : BigInt.asUintN(bits, exact))
}
