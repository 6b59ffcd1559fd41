// C's `long double` as x86 has it: the arithmetic of INCRBYFLOAT.
//
// Redis reads both operands with strtold, adds them in 80-bit extended precision and prints
// `%.17Lf` without trailing zeros. A double would give other digits (0.1 + 0.2 is 0.3 there), so
// the format is computed exactly: a 64-bit significand as a bigint, and every rounding to nearest,
// ties to even.
//
//   value = (-1)^negative × significand × 2^exponent
//   significand < 2^64; exponent ≥ -16445, where subnormals are; above 2^16384 there is only infinity
//
// Missing are NaN and the sign of zero. Redis accepts no text that is NaN, and inf + -inf has its
// own result; Redis prints no sign of zero.

import type { Bytes } from '../bytes/bytes.ts'

/** Bits of the significand. */
const PRECISION = 64
/** Exponent of the least bit of the smallest numbers. */
const EXPONENT_MIN = -16445
/** Exponent of the least bit of the largest finite numbers. */
const EXPONENT_MAX = 16320
/**
 * Texts of this length or more are refused unread, because Redis copies the text into a buffer of 5
 * KiB.
 */
const TEXT_LENGTH_MAX = 5 * 1024
/**
 * A decimal exponent beyond this decides the result alone, whatever the (at most TEXT_LENGTH_MAX)
 * digits are.
 */
const DECIMAL_EXPONENT_MAX = 20000
const HEX_EXPONENT_MAX = 80000
/** Digits that `%.17Lf` prints after the point. */
const DECIMALS = 17
const DECIMAL_SCALE = 10n ** BigInt(DECIMALS)

/** A number in extended precision. If it is `infinite`, only the sign counts besides. */
export interface LongDouble {
  readonly negative: boolean
  readonly infinite: boolean
  readonly significand: bigint
  readonly exponent: number
}

/** The result of {@link roundBinary}: significand × 2^exponent. */
export interface Rounded {
  significand: bigint
  exponent: number
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/
const INFINITE = /^([+-]?)(?:inf|infinity)$/i

/**
 * Reads a number as strtold does, decimal, hexadecimal or infinite, over the whole text.
 *
 * Returns undefined for other texts, for NaN, and for numbers that are too large for the format or
 * so small that they would round to zero.
 */
export function parseLongDouble(words: string | Bytes): LongDouble | undefined {
  if (words.length === 0 || words.length >= TEXT_LENGTH_MAX) return undefined
  const text = words.toString()
  const decimal = DECIMAL.exec(text)
  if (decimal !== null) {
    const fraction = decimal[3] ?? ''
    const digits = decimal[2] + fraction
    if (digits === '') return undefined
    return fromDecimal(decimal[1] === '-', BigInt(digits), Number(decimal[4] ?? 0) - fraction.length)
  }
  const hexadecimal = HEXADECIMAL.exec(text)
  if (hexadecimal !== null) {
    const fraction = hexadecimal[3] ?? ''
    const digits = hexadecimal[2] + fraction
    if (digits === '') return undefined
    const exponent = Number(hexadecimal[4] ?? 0) - 4 * fraction.length
    return fromBinary(hexadecimal[1] === '-', BigInt(`0x${digits}`), exponent)
  }
  const infinite = INFINITE.exec(text)
  if (infinite === null) return undefined
  return { negative: infinite[1] === '-', infinite: true, significand: 0n, exponent: 0 }
}

/** Adds, rounding once; undefined when the sum is NaN. The sum of large numbers may be infinite. */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble | undefined {
  if (a.infinite || b.infinite) {
    if (a.infinite && b.infinite && a.negative !== b.negative) return undefined
    return a.infinite ? a : b
  }
  const exponent = Math.min(a.exponent, b.exponent)
  const sum = aligned(a, exponent) + aligned(b, exponent)
  const negative = sum < 0n
  const { significand, exponent: rounded } = roundBinary(negative ? -sum : sum, exponent, PRECISION, EXPONENT_MIN)
  return { negative, infinite: rounded > EXPONENT_MAX, significand, exponent: rounded }
}

/** Prints as `%.17Lf` does, without trailing zeros and without a minus before zero. */
export function formatLongDouble(value: LongDouble): string {
  const { negative, infinite, significand, exponent } = value
  if (infinite) return negative ? '-inf' : 'inf'
  let scaled = significand * DECIMAL_SCALE
  scaled = exponent >= 0 ? scaled << BigInt(exponent) : shiftRightToEven(scaled, -exponent)
  if (scaled === 0n) return '0'
  const digits = scaled.toString().padStart(DECIMALS + 1, '0')
  let end = digits.length
  const point = end - DECIMALS
  while (end > point && digits.charCodeAt(end - 1) === 48) end--
  const text = end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`
  return negative ? `-${text}` : text
}

/** Returns the nearest double. */
export function longDoubleToNumber(value: LongDouble): number {
  let magnitude = Number.POSITIVE_INFINITY
  if (!value.infinite) {
    const { significand, exponent } = roundBinary(value.significand, value.exponent, 53, -1074)
    magnitude = scaleBinary(significand, exponent)
  }
  return value.negative ? -magnitude : magnitude
}

/**
 * Rounds significand × 2^exponent to at most `precision` bits and an exponent of at least
 * `exponentMin`: to nearest, ties to even. Zero has exponent 0.
 */
export function roundBinary(significand: bigint, exponent: number, precision: number, exponentMin: number): Rounded {
  if (significand === 0n) return { significand, exponent: 0 }
  const excess = Math.max(bitLength(significand) - precision, exponentMin - exponent)
  if (excess > 0) {
    significand = shiftRightToEven(significand, excess)
    exponent += excess
  }
  // Rounding up may have added a bit, or left none.
  const length = bitLength(significand)
  if (length > precision) {
    significand >>= 1n
    exponent++
  } else if (length < precision && exponent > exponentMin && significand !== 0n) {
    // The least bit's exponent tells the size of the number only when all bits are used.
    const shift = Math.min(precision - length, exponent - exponentMin)
    significand <<= BigInt(shift)
    exponent -= shift
  }
  return significand === 0n ? { significand, exponent: 0 } : { significand, exponent }
}

/**
 * Returns significand × 2^exponent for a significand of at most 53 bits and an exponent of at least
 * -1074.
 */
export function scaleBinary(significand: bigint, exponent: number): number {
  // 2^exponent alone may be too large for a double where the product is not, never the other way
  // round.
  if (exponent > 971) return significand === 0n ? 0 : Number.POSITIVE_INFINITY
  return Number(significand) * 2 ** exponent
}

function fromDecimal(negative: boolean, digits: bigint, exponent: number): LongDouble | undefined {
  if (digits === 0n) return { negative, infinite: false, significand: 0n, exponent: 0 }
  if (exponent > DECIMAL_EXPONENT_MAX || exponent < -DECIMAL_EXPONENT_MAX) return undefined
  if (exponent >= 0) return fromBinary(negative, digits * 10n ** BigInt(exponent), 0)
  // Two bits more than the precision, and a last one for any remainder: enough for every rounding.
  const divisor = 10n ** BigInt(-exponent)
  const shift = Math.max(0, PRECISION + 2 - (bitLength(digits) - bitLength(divisor)))
  const dividend = digits << BigInt(shift)
  const quotient = dividend / divisor
  const sticky = quotient * divisor === dividend ? 0n : 1n
  return fromBinary(negative, (quotient << 1n) | sticky, -shift - 1)
}

function fromBinary(negative: boolean, bits: bigint, exponent: number): LongDouble | undefined {
  if (bits !== 0n && (exponent > HEX_EXPONENT_MAX || exponent < -HEX_EXPONENT_MAX)) return undefined
  const rounded = roundBinary(bits, exponent, PRECISION, EXPONENT_MIN)
  if (rounded.exponent > EXPONENT_MAX || (rounded.significand === 0n && bits !== 0n)) return undefined
  return { negative, infinite: false, significand: rounded.significand, exponent: rounded.exponent }
}

function aligned(value: LongDouble, exponent: number): bigint {
  if (value.significand === 0n) return 0n
  const magnitude = value.significand << BigInt(value.exponent - exponent)
  return value.negative ? -magnitude : magnitude
}

function shiftRightToEven(value: bigint, bits: number): bigint {
  const count = BigInt(bits)
  const quotient = value >> count
  const rest = value - (quotient << count)
  const half = 1n << (count - 1n)
  if (rest > half || (rest === half && (quotient & 1n) === 1n)) return quotient + 1n
  return quotient
}

/** Number of bits of a non-negative bigint. */
function bitLength(value: bigint): number {
  if (value === 0n) return 0
  const hex = value.toString(16)
  return 4 * (hex.length - 1) + 32 - Math.clz32(Number.parseInt(hex[0]!, 16))
}
