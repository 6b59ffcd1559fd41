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
import { meter } from '../meter.ts'
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

/** Mask: elements are charged when there are so many more, plus one. */
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

// The active parse. Nothing here calls other code, so one at a time is enough.
let text = ''
let at = 0
let depth = 0
let depthMax = 0
let lenient = true
/** The fault of a string that could not be read, and its position. */
let fault = ''
let faultAt = 0

/** Parses a whole text; throws lua-cjson's errors. */
export function decodeJson(json: string, settings: DecodeSettings): LuaValue {
  if (json.length >= 2 && (json.charCodeAt(0) === 0 || json.charCodeAt(1) === 0)) {
    runtimeError('JSON parser does not support UTF-16 or UTF-32')
  }
  const nul = json.indexOf('\0')
  text = nul < 0 ? json : json.substring(0, nul)
  at = 0
  depth = 0
  depthMax = settings.decodeMaxDepth
  lenient = settings.decodeInvalidNumbers
  meter.charge(json.length)
  meter.spend(1 + Math.floor(json.length / BYTES_PER_STEP))
  try {
    const value = readValue()
    if (nextCode() >= 0) expected('the end')
    return value
  } finally {
    // Also cleared when the script is killed here.
    text = ''
  }
}

/** Skips white space; returns the next character code, or -1 at the end. */
function nextCode(): number {
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code > 32 || (code !== 32 && code !== 9 && code !== 10 && code !== 13)) return code
    if (--meter.steps < 0) meter.tick()
    at++
  }
  return -1
}

function readValue(): LuaValue {
  const code = nextCode()
  switch (code) {
    case QUOTE:
      return readString() ?? fail('value', fault, faultAt)
    case OPEN_OBJECT:
      return readObject()
    case OPEN_ARRAY:
      return readArray()
    case 116: // t
      if (!text.startsWith('true', at)) break
      at += 4
      return true
    case 102: // f
      if (!text.startsWith('false', at)) break
      at += 5
      return false
    case 110: // n
      if (!text.startsWith('null', at)) break
      at += 4
      return JSON_NULL
  }
  return readNumber(code) ?? expected('value')
}

function readObject(): LuaValue {
  descend()
  const keys: string[] = []
  const values: LuaValue[] = [undefined]
  if (nextCode() === CLOSE_OBJECT) at++
  else {
    for (;;) {
      if (nextCode() !== QUOTE) expected('object key string')
      const key = readString()
      if (key === undefined) fail('object key string', fault, faultAt)
      if (nextCode() !== COLON) expected('colon')
      at++
      keys.push(key)
      values.push(readValue())
      if ((keys.length & SOME_MASK) === 0) chargeSome(FIELD_BYTES)
      const code = nextCode()
      if (code === COMMA) at++
      else if (code === CLOSE_OBJECT) {
        at++
        break
      } else expected('comma or object end')
    }
  }
  depth--
  return fieldTable(keys, values)
}

function readArray(): LuaValue {
  descend()
  const array: LuaValue[] = [undefined]
  if (nextCode() === CLOSE_ARRAY) at++
  else {
    for (;;) {
      array.push(readValue())
      if ((array.length & SOME_MASK) === 0) chargeSome(ELEMENT_BYTES)
      const code = nextCode()
      if (code === COMMA) at++
      else if (code === CLOSE_ARRAY) {
        at++
        break
      } else expected('comma or array end')
    }
  }
  depth--
  return sequenceTable(array)
}

/** Charges the elements read since the last charge, at so many bytes each. */
function chargeSome(bytes: number): void {
  meter.charge((SOME_MASK + 1) * bytes)
  meter.spend(SOME_MASK + 1)
}

function descend(): void {
  meter.spend(1)
  at++
  depth++
  if (depth > depthMax || meter.depth + depth * LEVEL_BYTES > meter.depthMax) {
    runtimeError(`Found too many nested data structures (${depth}) at character ${at}`)
  }
}

/** Reads the string at a quote; returns undefined when it is malformed (see `fault`). */
function readString(): string | undefined {
  const start = ++at
  const scanEnd = Math.min(text.length, start + SHORT_STRING_LENGTH)
  while (at < scanEnd) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return text.substring(start, at++)
    if (code === BACKSLASH) return readEscaped(start)
    at++
  }
  const quote = text.indexOf('"', at)
  if (quote < 0) return readEscaped(start)
  const plain = text.substring(start, quote)
  // Most strings have no backslash, and one call tells.
  if (plain.includes('\\')) return readEscaped(start)
  at = quote + 1
  return plain
}

/** Reads a string that has escapes or no end. */
function readEscaped(start: number): string | undefined {
  const result = new TextBuilder()
  let copied = start
  at = start
  for (;;) {
    if (at >= text.length) return broken('unexpected end of string')
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      result.add(text.substring(copied, at))
      at++
      return result.finish()
    }
    if (code !== BACKSLASH) {
      at++
      continue
    }
    if (--meter.steps < 0) meter.tick()
    if (at > copied) result.add(text.substring(copied, at))
    const letter = text[at + 1] ?? ''
    if (letter === 'u') {
      const length = unicodeEscapeLength()
      if (length === 0) return broken('invalid unicode escape code')
      result.add(utf8(codePoint))
      at += length
    } else {
      const plain = ESCAPES.get(letter)
      if (plain === undefined) return broken('invalid escape code')
      result.add(plain)
      at += 2
    }
    copied = at
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

/** The character of the last valid \u escape. */
let codePoint = 0

/**
 * Reads the \u escape here, or two of them for a surrogate pair; returns its length, 0 when it is
 * malformed.
 */
function unicodeEscapeLength(): number {
  const high = hex4(at + 2)
  if (high < 0) return 0
  codePoint = high
  if ((high & 0xf800) !== 0xd800) return 6
  if ((high & 0x400) !== 0 || text[at + 6] !== '\\' || text[at + 7] !== 'u') return 0
  const low = hex4(at + 8)
  if (low < 0 || (low & 0xfc00) !== 0xdc00) return 0
  codePoint = (((high & 0x3ff) << 10) | (low & 0x3ff)) + 0x10000
  return 12
}

function hex4(from: number): number {
  let value = 0
  for (let i = from; i < from + 4; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0
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
  fault = problem
  faultAt = at
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
    let i = isMinus ? at + 1 : at
    const first = i
    let value = 0
    let digit = text.charCodeAt(i) - 48
    while (digit >= 0 && digit <= 9 && i - first < 15) {
      value = value * 10 + digit
      digit = text.charCodeAt(++i) - 48
    }
    const canEnd =
      Number.isNaN(digit) || digit === COMMA - 48 || digit === CLOSE_OBJECT - 48 || digit === CLOSE_ARRAY - 48
    if (canEnd && i > first && (value === 0 ? i === first + 1 : text.charCodeAt(first) !== 48)) {
      at = i
      return isMinus ? -value : value
    }
  }
  if (!(isDigit || isMinus || lenient) || (!lenient && looksInvalid())) return undefined
  if (!(isDigit || isMinus) && !looksInvalid()) return undefined
  const spelled = sticky(HEXADECIMAL) ?? sticky(DECIMAL) ?? sticky(NAMED)
  if (spelled === undefined) return undefined
  at += spelled.length
  return stringToNumber(spelled)
}

function sticky(expression: RegExp): string | undefined {
  expression.lastIndex = at
  return expression.exec(text)?.[0]
}

/** Tells whether there is a number here that strtod accepts and JSON does not. */
function looksInvalid(): boolean {
  const rest = text.substring(at, at + 4)
  return /^(?:\+|-?(?:0[xX0-9]|inf|nan))/i.test(rest)
}

/** Throws the error for an unexpected token. */
function expected(what: string): never {
  const code = nextCode()
  const start = at
  const known = TOKENS.get(code)
  if (known !== undefined) fail(what, known, start)
  if (code === QUOTE) {
    if (readString() === undefined) fail(what, fault, faultAt)
    fail(what, 'T_STRING', start)
  }
  if (text.startsWith('true', at) || text.startsWith('false', at)) fail(what, 'T_BOOLEAN', start)
  if (text.startsWith('null', at)) fail(what, 'T_NULL', start)
  if (readNumber(code) !== undefined) fail(what, 'T_NUMBER', start)
  const isNumeric = code === 45 || (code >= 48 && code <= 57) || (lenient && looksInvalid())
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
