// JSON to Lua values, like lua-cjson: one pass over the latin1 text.
//
// The parser expects valid JSON. When something is wrong, it looks at that token again and names it
// as lua-cjson does ("Expected comma or array end but found T_NUMBER at character 4").
//
// lua-cjson is more lenient than JSON, and so is this parser. It accepts control characters in
// strings, and numbers of C's strtod (hexadecimal, inf, nan, leading zeros) unless that is switched
// off. The text ends at a NUL.

import { runtimeError } from '../errors.ts'
import { TextBuilder } from '../long-text.ts'
import { meter } from '../script-meter.ts'
import { LuaUserdata, type LuaValue, stringToNumber } from '../value.ts'
import { fieldTable, sequenceTable } from './build-table.ts'

/** The value of a JSON null in a table, where nil cannot be. */
export const JSON_NULL = new LuaUserdata('(nil)')

export interface DecodeSettings {
  decodeMaxDepth: number
  decodeInvalidNumbers: boolean
}

/** Generous stack size of a nesting level: 238 bytes were measured in unoptimised code. */
const LEVEL_BYTES = 280
const BYTES_PER_STEP = 32
/** Strings up to this length are searched char by char, then by indexOf. */
const SHORT_STRING_LENGTH = 24

/** Mask of the number of elements between two charges. */
const SOME_MASK = 255
/**
 * Bytes of an element in the array that gathers them, which grows by half; and of a field in two
 * arrays.
 */
const ELEMENT_BYTES = 12
const FIELD_BYTES = 24

const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44
const COLON = 58
const OPEN_ARRAY = 91
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/** The parse under way. Nothing here calls out, so one at a time is enough. */
const parse = {
  text: '',
  at: 0,
  depth: 0,
  depthMax: 0,
  lenient: true,
  /** The fault in a string that could not be read, and its position. */
  fault: '',
  faultAt: 0,
  /** The character of the last good \u escape. */
  codePoint: 0,
}

/** Parses a whole text; throws lua-cjson's errors. */
export function decodeJson(json: string, settings: DecodeSettings): LuaValue {
  if (json.length >= 2 && (json.charCodeAt(0) === 0 || json.charCodeAt(1) === 0)) {
    runtimeError('JSON parser does not support UTF-16 or UTF-32')
  }
  const nul = json.indexOf('\0')
  parse.text = nul < 0 ? json : json.substring(0, nul)
  parse.at = 0
  parse.depth = 0
  parse.depthMax = settings.decodeMaxDepth
  parse.lenient = settings.decodeInvalidNumbers
  meter.charge(json.length)
  meter.spend(1 + Math.floor(json.length / BYTES_PER_STEP))
  try {
    const value = readValue()
    if (nextCode() >= 0) expected('the end')
    return value
  } finally {
    // The text is given up here, too, when the script is killed.
    parse.text = ''
  }
}

/** Skips white space; returns the next character code, or -1 at the end. */
function nextCode(): number {
  while (parse.at < parse.text.length) {
    const code = parse.text.charCodeAt(parse.at)
    if (code > 32 || (code !== 32 && code !== 9 && code !== 10 && code !== 13)) return code
    if (--meter.steps < 0) meter.tick()
    parse.at++
  }
  return -1
}

function readValue(): LuaValue {
  const code = nextCode()
  switch (code) {
    case QUOTE:
      return readString() ?? fail('value', parse.fault, parse.faultAt)
    case OPEN_OBJECT:
      return readObject()
    case OPEN_ARRAY:
      return readArray()
    case 116: // t
      if (!parse.text.startsWith('true', parse.at)) break
      parse.at += 4
      return true
    case 102: // f
      if (!parse.text.startsWith('false', parse.at)) break
      parse.at += 5
      return false
    case 110: // n
      if (!parse.text.startsWith('null', parse.at)) break
      parse.at += 4
      return JSON_NULL
  }
  return readNumber(code) ?? expected('value')
}

function readObject(): LuaValue {
  descend()
  const keys: string[] = []
  const values: LuaValue[] = [undefined]
  if (nextCode() === CLOSE_OBJECT) parse.at++
  else {
    for (;;) {
      if (nextCode() !== QUOTE) expected('object key string')
      const key = readString()
      if (key === undefined) fail('object key string', parse.fault, parse.faultAt)
      if (nextCode() !== COLON) expected('colon')
      parse.at++
      keys.push(key)
      values.push(readValue())
      if ((keys.length & SOME_MASK) === 0) chargeSome(FIELD_BYTES)
      const code = nextCode()
      if (code === COMMA) parse.at++
      else if (code === CLOSE_OBJECT) {
        parse.at++
        break
      } else expected('comma or object end')
    }
  }
  parse.depth--
  return fieldTable(keys, values)
}

function readArray(): LuaValue {
  descend()
  const array: LuaValue[] = [undefined]
  if (nextCode() === CLOSE_ARRAY) parse.at++
  else {
    for (;;) {
      array.push(readValue())
      if ((array.length & SOME_MASK) === 0) chargeSome(ELEMENT_BYTES)
      const code = nextCode()
      if (code === COMMA) parse.at++
      else if (code === CLOSE_ARRAY) {
        parse.at++
        break
      } else expected('comma or array end')
    }
  }
  parse.depth--
  return sequenceTable(array)
}

/** Charges the elements read since the last charge, at `bytes` each. */
function chargeSome(bytes: number): void {
  meter.charge((SOME_MASK + 1) * bytes)
  meter.spend(SOME_MASK + 1)
}

function descend(): void {
  meter.spend(1)
  parse.at++
  parse.depth++
  if (parse.depth > parse.depthMax || meter.depth + parse.depth * LEVEL_BYTES > meter.depthMax) {
    runtimeError(`Found too many nested data structures (${parse.depth}) at character ${parse.at}`)
  }
}

/** Reads the string at a quote; returns undefined when it is malformed (see `fault`). */
function readString(): string | undefined {
  const start = ++parse.at
  const scanEnd = Math.min(parse.text.length, start + SHORT_STRING_LENGTH)
  while (parse.at < scanEnd) {
    const code = parse.text.charCodeAt(parse.at)
    if (code === QUOTE) return parse.text.substring(start, parse.at++)
    if (code === BACKSLASH) return readEscaped(start)
    parse.at++
  }
  const quote = parse.text.indexOf('"', parse.at)
  if (quote < 0) return readEscaped(start)
  const plain = parse.text.substring(start, quote)
  // Most strings have no backslash, and one call tells.
  if (plain.includes('\\')) return readEscaped(start)
  parse.at = quote + 1
  return plain
}

/** Reads a string that has escapes or no end. */
function readEscaped(start: number): string | undefined {
  const result = new TextBuilder()
  let copied = start
  parse.at = start
  for (;;) {
    if (parse.at >= parse.text.length) return broken('unexpected end of string')
    const code = parse.text.charCodeAt(parse.at)
    if (code === QUOTE) {
      result.add(parse.text.substring(copied, parse.at))
      parse.at++
      return result.finish()
    }
    if (code !== BACKSLASH) {
      parse.at++
      continue
    }
    if (--meter.steps < 0) meter.tick()
    if (parse.at > copied) result.add(parse.text.substring(copied, parse.at))
    const letter = parse.text[parse.at + 1] ?? ''
    if (letter === 'u') {
      const length = unicodeEscapeLength()
      if (length === 0) return broken('invalid unicode escape code')
      result.add(utf8(parse.codePoint))
      parse.at += length
    } else {
      const plain = ESCAPES.get(letter)
      if (plain === undefined) return broken('invalid escape code')
      result.add(plain)
      parse.at += 2
    }
    copied = parse.at
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/**
 * Reads the \u escape here, or two of them for a surrogate pair; returns its length, 0 when it is
 * malformed.
 */
function unicodeEscapeLength(): number {
  const high = hex4(parse.at + 2)
  if (high < 0) return 0
  parse.codePoint = high
  if ((high & 0xf800) !== 0xd800) return 6
  if ((high & 0x400) !== 0 || parse.text[parse.at + 6] !== '\\' || parse.text[parse.at + 7] !== 'u') return 0
  const low = hex4(parse.at + 8)
  if (low < 0 || (low & 0xfc00) !== 0xdc00) return 0
  parse.codePoint = (((high & 0x3ff) << 10) | (low & 0x3ff)) + 0x10000
  return 12
}

function hex4(from: number): number {
  let value = 0
  for (let i = from; i < from + 4; i++) {
    const code = i < parse.text.length ? parse.text.charCodeAt(i) : 0
    const digit = code >= 48 && code <= 57 ? code - 48 : (code | 32) >= 97 && (code | 32) <= 102 ? (code | 32) - 87 : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

/** Returns a character in UTF-8, one char for each byte. */
function utf8(code: number): string {
  if (code < 0x80) return String.fromCharCode(code)
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >> 6), 0x80 | (code & 63))
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
  return String.fromCharCode(
    0xf0 | (code >> 18),
    0x80 | ((code >> 12) & 63),
    0x80 | ((code >> 6) & 63),
    0x80 | (code & 63),
  )
}

function broken(problem: string): undefined {
  parse.fault = problem
  parse.faultAt = parse.at
  return undefined
}

const DECIMAL = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const HEXADECIMAL = /[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?/y
const NAMED = /[+-]?(?:infinity|inf|nan(?:\([0-9a-zA-Z_]*\))?)/iy

/** Reads the number that begins with this code; returns undefined when none does. */
function readNumber(code: number): number | undefined {
  const isMinus = code === 45
  const isDigit = code >= 48 && code <= 57
  // Nearly all numbers are plain integers.
  if (isDigit || isMinus) {
    let i = isMinus ? parse.at + 1 : parse.at
    const first = i
    let value = 0
    let digit = parse.text.charCodeAt(i) - 48
    while (digit >= 0 && digit <= 9 && i - first < 15) {
      value = value * 10 + digit
      digit = parse.text.charCodeAt(++i) - 48
    }
    const canEnd =
      Number.isNaN(digit) || digit === COMMA - 48 || digit === CLOSE_OBJECT - 48 || digit === CLOSE_ARRAY - 48
    if (canEnd && i > first && (value === 0 ? i === first + 1 : parse.text.charCodeAt(first) !== 48)) {
      parse.at = i
      return isMinus ? -value : value
    }
  }
  if (!(isDigit || isMinus || parse.lenient) || (!parse.lenient && looksInvalid())) return undefined
  if (!(isDigit || isMinus) && !looksInvalid()) return undefined
  const spelled = sticky(HEXADECIMAL) ?? sticky(DECIMAL) ?? sticky(NAMED)
  if (spelled === undefined) return undefined
  parse.at += spelled.length
  return stringToNumber(spelled)
}

function sticky(expression: RegExp): string | undefined {
  expression.lastIndex = parse.at
  return expression.exec(parse.text)?.[0]
}

/** Tells whether there is a number here that strtod accepts and JSON does not. */
function looksInvalid(): boolean {
  const rest = parse.text.substring(parse.at, parse.at + 4)
  return /^(?:\+|-?(?:0[xX0-9]|inf|nan))/i.test(rest)
}

/** Throws the error for an unexpected token. */
function expected(what: string): never {
  const code = nextCode()
  const start = parse.at
  const known = TOKENS.get(code)
  if (known !== undefined) fail(what, known, start)
  if (code === QUOTE) {
    if (readString() === undefined) fail(what, parse.fault, parse.faultAt)
    fail(what, 'T_STRING', start)
  }
  if (parse.text.startsWith('true', parse.at) || parse.text.startsWith('false', parse.at))
    fail(what, 'T_BOOLEAN', start)
  if (parse.text.startsWith('null', parse.at)) fail(what, 'T_NULL', start)
  if (readNumber(code) !== undefined) fail(what, 'T_NUMBER', start)
  const isNumeric = code === 45 || (code >= 48 && code <= 57) || (parse.lenient && looksInvalid())
  fail(what, isNumeric ? 'invalid number' : 'invalid token', start)
}

const TOKENS: ReadonlyMap<number, string> = new Map([
  [-1, 'T_END'],
  [OPEN_OBJECT, 'T_OBJ_BEGIN'],
  [CLOSE_OBJECT, 'T_OBJ_END'],
  [OPEN_ARRAY, 'T_ARR_BEGIN'],
  [CLOSE_ARRAY, 'T_ARR_END'],
  [COLON, 'T_COLON'],
  [COMMA, 'T_COMMA'],
])

function fail(what: string, found: string, index: number): never {
  runtimeError(`Expected ${what} but found ${found} at character ${index + 1}`)
}
