// Numbers as Redis parses and prints them.
//
// Integers mean 64 bits: a JS number while |n| ≤ 2^53 - 1, a bigint beyond. Only the canonical
// spelling is an integer ("01", "+1", "-0" and " 1" are not), because a string of that spelling is
// stored and shown as one.

import { byteAt, itemAt } from '../array-reads.ts'
import type { Bytes } from '../bytes/bytes.ts'
import { findDigits, found } from './double-digits.ts'
import { roundBinary, scaleBinary } from './long-double.ts'

export const INT64_MAX = 9223372036854775807n
export const INT64_MIN = -9223372036854775808n

/** Reads a canonical signed 64-bit integer; undefined for other bytes. */
export function parseInteger(bytes: Bytes): number | bigint | undefined {
  const { length } = bytes
  const { u8 } = bytes.source
  let i = bytes.start
  const end = i + length
  if (length === 0 || length > 20) return undefined
  let negative = false
  let byte = byteAt(u8, i)
  if (byte === 45) {
    negative = true
    if (++i === end) return undefined
    byte = byteAt(u8, i)
  }
  if (byte === 48) return end - i === 1 && !negative ? 0 : undefined
  const digits = end - i
  let value = 0
  for (; i < end; i++) {
    byte = byteAt(u8, i) - 48
    if (byte < 0 || byte > 9) return undefined
    value = value * 10 + byte
  }
  if (digits <= 15) return negative ? -value : value
  return narrow(BigInt(bytes.toString()))
}

/** Converts a bigint to int64, as a number where it is safe; undefined when out of range. */
export function narrow(value: bigint): number | bigint | undefined {
  if (value >= -9007199254740991n && value <= 9007199254740991n) return Number(value)
  return value > INT64_MAX || value < INT64_MIN ? undefined : value
}

/** Adds in int64; undefined on overflow. */
export function addInteger(a: number | bigint, b: number | bigint): number | bigint | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return narrow(BigInt(a) + BigInt(b))
}

/**
 * Writes a safe integer in decimal at `at` and returns the number of bytes (at most 17). Hot
 * counters use it, because it makes no string.
 */
export function writeInteger(value: number, u8: Buffer, at: number): number {
  let sign = 0
  if (value < 0) {
    u8[at++] = 45
    sign = 1
    value = -value
  }
  if (value < 1e9) return sign + writeDigits(value, u8, at)
  const high = Math.floor(value / 1e9)
  const digits = writeDigits(high, u8, at)
  at += digits
  let low = (value - high * 1e9) | 0
  for (let i = at + 8; i >= at; i--) {
    const quotient = (low / 10) | 0
    u8[i] = 48 + low - quotient * 10
    low = quotient
  }
  return sign + digits + 9
}

/** Writes 0 ≤ value < 2^31. */
function writeDigits(value: number, u8: Buffer, at: number): number {
  let digits = 1
  for (let bound = 10; value >= bound; bound *= 10) digits++
  let rest = value | 0
  for (let i = at + digits - 1; i >= at; i--) {
    const quotient = (rest / 10) | 0
    u8[i] = 48 + rest - quotient * 10
    rest = quotient
  }
  return digits
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/
const INFINITE = /^([+-]?)(?:inf|infinity)$/i

/** The longest text of digits whose value is exact wherever it is below 2^53. */
const DIGITS_MAX = 16

/**
 * Reads a text of digits only, as most numbers are; -1 for other texts, or when the value may not
 * be exact.
 */
export function parseDigits(text: string): number {
  const { length } = text
  if (length === 0 || length > DIGITS_MAX) return -1
  let value = 0
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1
}

/**
 * Reads a double as Redis does (`strtod` over the whole text): decimal and exponent forms, `inf`,
 * `infinity`, hexadecimal.
 *
 * Returns undefined for NaN, empty text and blanks. It does so too for numbers that a double cannot
 * hold: too large, or so small that they would become zero.
 */
export function parseDouble(text: string): number | undefined {
  const whole = parseDigits(text)
  if (whole >= 0) return whole
  if (DECIMAL.test(text)) {
    const value = Number(text)
    if (value === 0) return /^[^eE]*[1-9]/.test(text) ? undefined : value
    return Number.isFinite(value) ? value : undefined
  }
  const infinite = INFINITE.exec(text)
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const hexadecimal = HEXADECIMAL.exec(text)
  if (hexadecimal === null) return undefined
  const fraction = hexadecimal[3] ?? ''
  const digits = itemAt(hexadecimal, 2) + fraction
  if (digits === '') return undefined
  const bits = BigInt(`0x${digits}`)
  const magnitude = bits === 0n ? 0 : fromBits(bits, Number(hexadecimal[4] ?? 0) - 4 * fraction.length)
  if (magnitude === undefined) return undefined
  return hexadecimal[1] === '-' ? -magnitude : magnitude
}

function fromBits(bits: bigint, exponent: number): number | undefined {
  // At most four bits for each digit can compensate this exponent. Beyond them the result is known,
  // and the shift would be absurd.
  const magnitude = exponent + 4 * bits.toString(16).length
  if (magnitude > 2000 || magnitude < -2000) return undefined
  const rounded = roundBinary(bits, exponent, DOUBLE_BITS, DOUBLE_EXPONENT_MIN)
  const value = scaleBinary(rounded.significand, rounded.exponent)
  return value === 0 || value === Number.POSITIVE_INFINITY ? undefined : value
}

const DOUBLE_BITS = 53
/** Exponent of the least bit of the smallest doubles. */
const DOUBLE_EXPONENT_MIN = -1074
/** Redis prints whole doubles up to here (half of int64) as integers. */
const WHOLE_DOUBLE_MAX = 2 ** 62

/** The longest text of a double: a sign, 17 digits and seven zeros. */
export const DOUBLE_TEXT_BYTES_MAX = 25

const text = Buffer.alloc(DOUBLE_TEXT_BYTES_MAX)

/**
 * Prints a double as Redis 7.2's replies and scores do, with digits that read back the same, nearly
 * always the fewest. The layout follows rules of its own: `3`, `0.1`, `1e+20`, `1.5e-7`,
 * `1.2345671234567e+6`, `inf`, `-inf`, `nan`, `-0`. (Redis 7.0 printed `%.17g`.)
 */
export function formatDouble(value: number): string {
  return hasDigits(value) ? text.toString('latin1', 0, writeDigitsOf(value, text, 0)) : formatSimple(value)
}

/**
 * Like `formatDouble`, but whole numbers follow the same rules as others: `1e+18`. DEBUG DIGEST
 * uses this form.
 */
export function formatDoubleDigits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return formatSimple(value)
  return text.toString('latin1', 0, writeDigitsOf(value, text, 0))
}

/**
 * Writes the text of `formatDouble` at `at`, for most doubles without making a string; returns the
 * number of bytes.
 */
export function writeDouble(value: number, u8: Buffer, at: number): number {
  return hasDigits(value) ? writeDigitsOf(value, u8, at) : u8.write(formatSimple(value), at, 'latin1')
}

/** Tells whether a double is printed by its digits: it is not whole, infinite or NaN. */
function hasDigits(value: number): boolean {
  const magnitude = Math.abs(value)
  return magnitude > WHOLE_DOUBLE_MAX ? magnitude !== Number.POSITIVE_INFINITY : Math.floor(magnitude) < magnitude
}

function formatSimple(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'inf'
  if (value === Number.NEGATIVE_INFINITY) return '-inf'
  if (Number.isNaN(value)) return 'nan'
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value)
  return BigInt(value).toString()
}

/** Lays out digits as the conversion library of Redis 7.2 does. */
function writeDigitsOf(value: number, u8: Buffer, start: number): number {
  findDigits(Math.abs(value))
  const { digits, count, power } = found
  const exponent = power + count - 1
  const magnitude = Math.abs(exponent)
  let at = start
  if (value < 0) u8[at++] = MINUS
  /** Number of digits before the point. */
  let whole = 1
  const isPlain = power >= 0 ? magnitude < count + 7 : power > -7 || magnitude < 4
  if (isPlain) {
    whole = count + power
    if (whole <= 0) {
      u8[at++] = ZERO
      u8[at++] = POINT
      for (let i = whole; i < 0; i++) u8[at++] = ZERO
    }
  }
  for (let i = 0; i < count; i++) {
    if (i === whole && i > 0) u8[at++] = POINT
    u8[at++] = ZERO + byteAt(digits, i)
  }
  if (isPlain) {
    for (let i = count; i < whole; i++) u8[at++] = ZERO
  } else {
    u8[at++] = LETTER_E
    u8[at++] = exponent < 0 ? MINUS : PLUS
    at += writeDigits(magnitude, u8, at)
  }
  return at - start
}

const PLUS = 43
const MINUS = 45
const POINT = 46
const ZERO = 48
const LETTER_E = 101

/**
 * Prints a double as C's `%.17g`: 17 significant digits without trailing zeros, `1e+20`,
 * `0.10000000000000001`, `-0`, `inf`.
 */
export function formatDouble17(value: number): string {
  if (!Number.isFinite(value) || value === 0 || Number.isSafeInteger(value)) return formatDouble(value)
  const magnitude = Math.abs(value)
  let text = magnitude.toExponential(16)
  // C rounds an exact middle to the even digit, JavaScript rounds it up.
  const exact = magnitude.toExponential(60)
  if (/^.\..{15}[02468]50*e/.test(exact)) text = exact.slice(0, 18) + exact.slice(exact.indexOf('e'))
  const e = text.indexOf('e')
  const digits = (text[0]! + text.slice(2, e)).replace(/0+$/, '')
  const exponent = Number(text.slice(e + 1))
  const sign = value < 0 ? '-' : ''
  if (exponent < -4 || exponent >= 17) {
    const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  if (digits.length <= exponent + 1) return sign + digits + '0'.repeat(exponent + 1 - digits.length)
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}
