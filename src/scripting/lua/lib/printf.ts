// Formats numbers like C's printf: %d %u %o %x %e %f %g with flags, width and precision.
//
// JavaScript rounds exactly too, but on a tie it takes the larger neighbour where C takes the even
// one ("%.0f" of 0.5 is 0), and it stops at 1e21 and 100 digits. So its digits are used unless a
// tie is possible or the limits are near. Then the double is written out in full (a bigint) and
// rounded here.

/** A conversion: the options between `%` and its letter. */
export interface Conversion {
  readonly letter: string
  readonly leftAligned: boolean
  readonly plus: boolean
  readonly space: boolean
  readonly alternate: boolean
  readonly zeroPadded: boolean
  readonly width: number
  /** -1 when not given. */
  readonly precision: number
}

/** Digits of a positive number; the first one counts 10^exponent. */
interface Digits {
  digits: string
  exponent: number
}

/**
 * Most decimals that JavaScript's own functions are asked for. Their limit is 100, and four more
 * decimals show a tie.
 */
const NATIVE_DECIMALS_MAX = 96
/** From here on toFixed returns an exponent. */
const TO_FIXED_END = 1e21

/**
 * Formats a double by %e, %E, %f, %g or %G. `nan` is the word for NaN, whose sign JavaScript cannot
 * tell.
 */
export function formatDouble(value: number, conversion: Conversion, nan: string): string {
  const { letter, alternate, precision } = conversion
  const isUpper = letter === 'E' || letter === 'G'
  if (Number.isNaN(value)) return pad(isUpper ? nan.toUpperCase() : nan, '', conversion, false)
  const isNegative = value < 0 || Object.is(value, -0)
  const sign = isNegative ? '-' : conversion.plus ? '+' : conversion.space ? ' ' : ''
  const size = Math.abs(value)
  if (size === Number.POSITIVE_INFINITY) return pad(isUpper ? 'INF' : 'inf', sign, conversion, false)
  let body: string
  if (letter === 'f') body = fixed(size, precision < 0 ? 6 : precision, alternate)
  else if (letter === 'e' || letter === 'E') body = exponential(size, precision < 0 ? 6 : precision, alternate)
  else body = general(size, precision < 0 ? 6 : precision, alternate)
  return pad(isUpper ? body.toUpperCase() : body, sign, conversion, true)
}

/** Writes a finite positive double under %.Ng. */
export function general(value: number, precision: number, keepZeros = false): string {
  const wanted = precision === 0 ? 1 : precision
  const { digits, exponent } = significant(value, wanted)
  if (exponent < -4 || exponent >= wanted) {
    return withExponent(keepZeros ? digits : trimZeros(digits), exponent, keepZeros)
  }
  let whole: string
  let fraction: string
  if (exponent < 0) {
    whole = '0'
    fraction = '0'.repeat(-1 - exponent) + digits
  } else {
    whole = digits.substring(0, exponent + 1)
    fraction = digits.substring(exponent + 1)
  }
  if (keepZeros) return `${whole}.${fraction}`
  let end = fraction.length
  while (end > 0 && fraction.charCodeAt(end - 1) === 48) end--
  return end === 0 ? whole : `${whole}.${fraction.substring(0, end)}`
}

/** Writes a signed 64-bit integer under %d or %i. */
export function formatSigned(value: bigint, conversion: Conversion): string {
  const sign = value < 0n ? '-' : conversion.plus ? '+' : conversion.space ? ' ' : ''
  return integer((value < 0n ? -value : value).toString(), sign, conversion)
}

/** Writes an unsigned 64-bit integer under %u, %o, %x or %X. */
export function formatUnsigned(value: bigint, conversion: Conversion): string {
  switch (conversion.letter) {
    case 'o': {
      const digits = value === 0n ? '' : value.toString(8)
      const body = digits.padStart(conversion.precision < 0 ? 1 : conversion.precision, '0')
      return integer(conversion.alternate && !body.startsWith('0') ? `0${body}` : body, '', conversion)
    }
    case 'x':
      return integer(value.toString(16), conversion.alternate && value !== 0n ? '0x' : '', conversion)
    case 'X':
      return integer(value.toString(16).toUpperCase(), conversion.alternate && value !== 0n ? '0X' : '', conversion)
    default:
      return integer(value.toString(), '', conversion)
  }
}

/** Fills up to the conversion's width: with zeros after the sign, or with spaces around. */
export function pad(body: string, sign: string, conversion: Conversion, zerosAllowed: boolean): string {
  const missing = conversion.width - sign.length - body.length
  if (missing <= 0) return sign + body
  if (conversion.leftAligned) return sign + body + ' '.repeat(missing)
  if (conversion.zeroPadded && zerosAllowed) return sign + '0'.repeat(missing) + body
  return ' '.repeat(missing) + sign + body
}

function integer(digits: string, sign: string, conversion: Conversion): string {
  const { precision } = conversion
  if (precision < 0) return pad(digits, sign, conversion, true)
  // A precision is a number of digits, and then zeros do not fill the width. Zero in no digits is
  // empty.
  const body = digits === '0' && precision === 0 && conversion.letter !== 'o' ? '' : digits.padStart(precision, '0')
  return pad(body, sign, conversion, false)
}

function fixed(value: number, decimals: number, keepPoint: boolean): string {
  let text: string
  if (value < TO_FIXED_END && decimals <= NATIVE_DECIMALS_MAX) {
    text = value.toFixed(decimals)
    if (value.toFixed(decimals + 4).endsWith('5000')) text = fixedExactly(value, decimals)
  } else text = fixedExactly(value, decimals)
  return keepPoint && decimals === 0 ? `${text}.` : text
}

function fixedExactly(value: number, decimals: number): string {
  const exact = exactDigits(value)
  const { digits, exponent } = roundDigits(exact, exact.exponent + 1 + decimals)
  const whole = exponent < 0 ? '0' : digits.substring(0, exponent + 1)
  if (decimals === 0) return whole
  const fraction = exponent < 0 ? '0'.repeat(-1 - exponent) + digits : digits.substring(exponent + 1)
  return `${whole}.${fraction.padEnd(decimals, '0').substring(0, decimals)}`
}

function exponential(value: number, decimals: number, keepPoint: boolean): string {
  const { digits, exponent } = significant(value, decimals + 1)
  return withExponent(digits, exponent, keepPoint)
}

function withExponent(digits: string, exponent: number, keepPoint: boolean): string {
  const size = Math.abs(exponent)
  const point = digits.length > 1 || keepPoint ? '.' : ''
  return `${digits[0]}${point}${digits.substring(1)}e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`
}

/** Rounds to `count` significant digits; zero has all zeros at exponent 0. */
function significant(value: number, count: number): Digits {
  if (count - 1 > NATIVE_DECIMALS_MAX) return significantExactly(value, count)
  const closer = value.toExponential(count + 3)
  const closerEnd = closer.indexOf('e')
  if (closer.endsWith('5000', closerEnd)) return significantExactly(value, count)
  const text = value.toExponential(count - 1)
  const end = text.indexOf('e')
  return {
    digits: count === 1 ? text.substring(0, 1) : text[0] + text.substring(2, end),
    exponent: Number(text.substring(end + 1)),
  }
}

function significantExactly(value: number, count: number): Digits {
  if (value === 0) return { digits: '0'.repeat(count), exponent: 0 }
  return roundDigits(exactDigits(value), count)
}

/**
 * Rounds to the first `count` digits, ties to even, and fills up with zeros; `count` may be 0 or
 * less.
 */
function roundDigits({ digits, exponent }: Digits, count: number): Digits {
  if (count >= digits.length) return { digits: digits.padEnd(count, '0'), exponent }
  if (count < 0) return { digits: '0', exponent }
  const rest = digits.charCodeAt(count)
  const isOdd = count > 0 && digits.charCodeAt(count - 1) % 2 === 1
  const isTie = rest === 53 && /^0*$/.test(digits.substring(count + 1))
  const up = rest > 53 || (rest === 53 && (!isTie || isOdd))
  const kept = digits.substring(0, count)
  if (!up) return count === 0 ? { digits: '0', exponent } : { digits: kept, exponent }
  const rounded = (BigInt(`0${kept}`) + 1n).toString().padStart(count, '0')
  if (rounded.length > count) return { digits: count === 0 ? '1' : rounded.substring(0, count), exponent: exponent + 1 }
  return { digits: rounded, exponent }
}

const bits = new DataView(new ArrayBuffer(8))

/** Writes a positive double out in full: every double is a finite decimal fraction. */
function exactDigits(value: number): Digits {
  if (value === 0) return { digits: '0', exponent: 0 }
  bits.setFloat64(0, value)
  const word = bits.getBigUint64(0)
  const biased = Number((word >> 52n) & 0x7ffn)
  const mantissa = biased === 0 ? word & 0xfffffffffffffn : (word & 0xfffffffffffffn) | 0x10000000000000n
  const power = (biased === 0 ? 1 : biased) - 1075
  if (power >= 0) {
    const digits = (mantissa << BigInt(power)).toString()
    return { digits, exponent: digits.length - 1 }
  }
  const digits = (mantissa * 5n ** BigInt(-power)).toString()
  return { digits, exponent: digits.length - 1 + power }
}

function trimZeros(digits: string): string {
  let end = digits.length
  while (end > 1 && digits.charCodeAt(end - 1) === 48) end--
  return digits.substring(0, end)
}
