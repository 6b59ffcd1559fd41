// Numbers as Redis parses and prints them.
//
// Integers are 64-bit in meaning: a JS number while |n| ≤ 2^53 - 1, a bigint
// beyond. Only the canonical spelling is an integer ("01", "+1", "-0" and " 1"
// are not), because a string of that spelling is stored and shown as one.

import type { Bytes } from './bytes.ts'

export const INT64_MAX = 9223372036854775807n
export const INT64_MIN = -9223372036854775808n

/** Reads a canonical signed 64-bit integer; undefined when the bytes are anything else. */
export function parseInteger(bytes: Bytes): number | bigint | undefined {
  const { length } = bytes
  const { u8 } = bytes.source
  let i = bytes.start
  const end = i + length
  if (length === 0 || length > 20) return undefined
  let negative = false
  let byte = u8[i]!
  if (byte === 45) {
    negative = true
    if (++i === end) return undefined
    byte = u8[i]!
  }
  if (byte === 48) return end - i === 1 && !negative ? 0 : undefined
  const digits = end - i
  let value = 0
  for (; i < end; i++) {
    byte = u8[i]! - 48
    if (byte < 0 || byte > 9) return undefined
    value = value * 10 + byte
  }
  if (digits <= 15) return negative ? -value : value
  return narrow(BigInt(bytes.toString()))
}

/** Brings a bigint into int64, as a number where it is safe; undefined when out of range. */
export function narrow(value: bigint): number | bigint | undefined {
  if (value >= -9007199254740991n && value <= 9007199254740991n) return Number(value)
  return value > INT64_MAX || value < INT64_MIN ? undefined : value
}

/** Reads a canonical 64-bit integer from a latin1 string, as {@link parseInteger} does from bytes. */
export function parseIntegerText(text: string): number | bigint | undefined {
  if (text.length > 20 || !/^(0|-?[1-9][0-9]*)$/.test(text)) return undefined
  return text.length <= 15 ? Number(text) : narrow(BigInt(text))
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
 * Reads a double as Redis does (`strtod` over the whole text): decimal and exponent forms, `inf`, `infinity`, hexadecimal.
 * undefined for NaN, empty text, leading or trailing blanks.
 */
export function parseDouble(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)$/.test(text)) return Number(text)
  const special = /^([+-]?)(inf|infinity)$/i.exec(text)
  if (special !== null) return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const hex = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?\d+))?$/.exec(text)
  if (hex === null || (hex[2] === '' && hex[3] === '')) return undefined
  const fraction = hex[3] ?? ''
  const mantissa = Number(BigInt(`0x${hex[2]}${fraction}`))
  const value = mantissa * 2 ** (Number(hex[4] ?? 0) - 4 * fraction.length)
  return hex[1] === '-' ? -value : value
}

/**
 * Prints a double as `%.17g` trimmed to the shortest text that reads back the same, the way Redis's RESP3 doubles and
 * scores look: `1e+20`, `3`, `0.1`, `inf`, `-inf`, `nan`, `-0`.
 */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e17) return Object.is(value, -0) ? '-0' : String(value)
  if (value === Number.POSITIVE_INFINITY) return 'inf'
  if (value === Number.NEGATIVE_INFINITY) return '-inf'
  if (Number.isNaN(value)) return 'nan'
  const text = value.toPrecision(17)
  return trimPrecision(text)
}

/** Turns JS's `toPrecision` spelling into C's `%g`: no trailing zeros, a signed two-digit exponent, e-05 below 1e-4. */
function trimPrecision(text: string): string {
  let [mantissa, exponent] = text.split('e') as [string, string | undefined]
  if (exponent === undefined) {
    const value = Number(text)
    const magnitude = Math.floor(Math.log10(Math.abs(value)))
    if (magnitude < -4) return trimPrecision(value.toExponential(16))
  }
  if (mantissa.includes('.')) mantissa = mantissa.replace(/\.?0+$/, '')
  if (exponent === undefined) return mantissa
  const sign = exponent.startsWith('-') ? '-' : '+'
  exponent = exponent.replace(/^[+-]/, '')
  return `${mantissa}e${sign}${exponent.length < 2 ? `0${exponent}` : exponent}`
}
