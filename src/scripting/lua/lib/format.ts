// string.format: parses a format into parts, then fills them.
//
// Lua passes each conversion to C's sprintf, which explains oddities here: %c and a short %s end at
// a NUL, and a long %s without precision is not padded. A fault in a format is one of its parts, as
// in patterns: the parts before it are filled first and may raise their errors first.

import { runtimeError } from '../errors.ts'
import { argumentError, expectNumber, expectString } from '../library.ts'
import { convertSlices, TextBuilder } from '../long-text.ts'
import { meter } from '../script-meter.ts'
import { formatNumber, type LuaValue } from '../value.ts'
import { castSigned, castUnsigned } from './c-integer-cast.ts'
import { type Conversion, formatDouble, formatSigned, formatUnsigned, pad } from './printf.ts'

const FLAGS = '-+ #0'
/** More than there are flags: some may be repeated. */
const FLAGS_MAX = 5
const WIDTH_DIGITS_MAX = 2
/** From this length on, a %s without precision is copied unchanged. */
const LONG_STRING_LENGTH = 100
const CACHED_FORMATS_MAX = 200
const CACHED_FORMAT_LENGTH_MAX = 200

/** Literal text, a conversion, or a fault. */
type Part = string | Conversion | { readonly fault: string }

const cache = new Map<string, readonly Part[]>()

/** Fills a format; `values[0]` is the format itself, as Lua passes it. */
export function format(text: string, values: ArrayLike<LuaValue>): string {
  if (text.length > CACHED_FORMAT_LENGTH_MAX) return formatLong(text, values)
  let parts = cache.get(text)
  if (parts === undefined) {
    parts = parse(text)
    if (cache.size >= CACHED_FORMATS_MAX) cache.clear()
    cache.set(text, parts)
  }
  let result = ''
  let used = 0
  for (const part of parts) {
    if (typeof part === 'string') result += part
    else {
      const piece = fill(part, values, ++used)
      meter.charge(piece.length)
      result += piece
    }
  }
  return result
}

/** Fills a format while it is parsed: a long one may have too many parts to keep. */
function formatLong(text: string, values: ArrayLike<LuaValue>): string {
  const result = new TextBuilder()
  let used = 0
  for (let at = 0; at < text.length; at = reading.partEnd) {
    const part = parsePart(text, at)
    meter.spend(1)
    result.add(typeof part === 'string' ? part : fill(part, values, ++used))
  }
  return result.finish()
}

/** Fills one part, the `used`th that takes an argument. */
function fill(part: Exclude<Part, string>, values: ArrayLike<LuaValue>, used: number): string {
  // The argument is checked before the conversion.
  if (used >= values.length) argumentError(used + 1, 'format', 'no value')
  if ('fault' in part) runtimeError(part.fault)
  return convert(part, values[used], used + 1)
}

function convert(conversion: Conversion, value: LuaValue, index: number): string {
  const { letter } = conversion
  switch (letter) {
    case 's':
      return formatString(conversion, expectString(value, index, 'format', index))
    case 'd':
    case 'i': {
      const number = expectNumber(value, index, 'format', index)
      if (conversion.width === 0 && conversion.precision < 0 && Number.isSafeInteger(number)) {
        const sign = number < 0 ? '' : conversion.plus ? '+' : conversion.space ? ' ' : ''
        return sign + (number + 0)
      }
      return formatSigned(castSigned(number), conversion)
    }
    case 'u':
    case 'o':
    case 'x':
    case 'X':
      return formatUnsigned(castUnsigned(expectNumber(value, index, 'format', index)), conversion)
    case 'c': {
      // Cast to a 32-bit int, of which the low byte counts. A value that does not fit is -2^31.
      const number = expectNumber(value, index, 'format', index)
      const code = Math.abs(number) < 0x80000000 ? number & 0xff : 0
      return endAtNul(pad(String.fromCharCode(code), '', conversion, false))
    }
    case 'q':
      return quote(expectString(value, index, 'format', index))
    default:
      // The NaN of x86 has its sign bit set, see formatNumber.
      return formatDouble(expectNumber(value, index, 'format', index), conversion, formatNumber(Number.NaN))
  }
}

function formatString(conversion: Conversion, text: string): string {
  if (conversion.precision < 0 && text.length >= LONG_STRING_LENGTH) return text
  const whole = endAtNul(text)
  return pad(conversion.precision < 0 ? whole : whole.substring(0, conversion.precision), '', conversion, false)
}

function endAtNul(text: string): string {
  const nul = text.indexOf('\0')
  return nul < 0 ? text : text.substring(0, nul)
}

function quote(text: string): string {
  return `"${convertSlices(text, quoteSlice)}"`
}

function quoteSlice(text: string): string {
  return text
    .replace(/["\\\n]/g, '\\$&')
    .replaceAll('\r', '\\r')
    .replaceAll('\0', '\\000')
}

function parse(text: string): Part[] {
  const parts: Part[] = []
  for (let at = 0; at < text.length; at = reading.partEnd) {
    const part = parsePart(text, at)
    parts.push(part)
    if (typeof part === 'object' && 'fault' in part) break
  }
  return parts
}

/** The second result of `parsePart`. */
const reading = {
  /** The end of the part that was read last. */
  partEnd: 0,
}

/** Parses the part of a format that begins at `at`. */
function parsePart(text: string, at: number): Part {
  const percent = text.indexOf('%', at)
  if (percent !== at) {
    reading.partEnd = percent < 0 ? text.length : percent
    return text.substring(at, reading.partEnd)
  }
  if (text[at + 1] === '%') {
    reading.partEnd = at + 2
    return '%'
  }
  const [part, end] = parseConversion(text, at + 1)
  reading.partEnd = end
  return part
}

function parseConversion(text: string, start: number): [part: Part, end: number] {
  let at = start
  // Flags beyond the maximum are not counted further.
  while (at <= start + FLAGS_MAX && at < text.length && FLAGS.includes(text.charAt(at))) at++
  const flags = text.substring(start, at)
  if (flags.length > FLAGS_MAX) return [{ fault: 'invalid format (repeated flags)' }, at]
  const widthEnd = digitsEnd(text, at)
  const width = Number(text.substring(at, widthEnd))
  at = widthEnd
  let precision = -1
  if (text[at] === '.') {
    const end = digitsEnd(text, at + 1)
    precision = Number(text.substring(at + 1, end))
    at = end
  }
  if (isDigit(text, at)) return [{ fault: 'invalid format (width or precision too long)' }, at]
  const letter = text[at] ?? ''
  if (letter === '' || !'cdiouxXeEfgGqs'.includes(letter)) {
    // %c of a NUL prints nothing into a message.
    return [{ fault: `invalid option '%${letter === '\0' ? '' : letter}' to 'format'` }, at]
  }
  const conversion: Conversion = {
    letter,
    leftAligned: flags.includes('-'),
    plus: flags.includes('+'),
    space: flags.includes(' '),
    alternate: flags.includes('#'),
    zeroPadded: flags.includes('0'),
    width,
    precision,
  }
  return [conversion, at + 1]
}

function digitsEnd(text: string, start: number): number {
  let at = start
  while (at < start + WIDTH_DIGITS_MAX && isDigit(text, at)) at++
  return at
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}
