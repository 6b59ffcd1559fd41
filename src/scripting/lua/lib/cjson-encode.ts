// Lua values to JSON, like lua-cjson.
//
// A table whose keys are all positive integers is an array. Its holes are null, and too many holes
// are an error. Any other table is an object, also an empty one. Fields come in the order in which
// they were set. lua-cjson's order is that of Lua's hash nodes, on which scripts cannot rely.

import { itemAt } from '../../../util/array-reads.ts'
import { runtimeError } from '../errors.ts'
import { convertSlices, finish, gather, ROPE_LENGTH_MAX, type TextBuilder } from '../long-text.ts'
import { meter } from '../script-meter.ts'
import { LuaTable } from '../table.ts'
import { formatNumber, type LuaValue, typeName } from '../value.ts'
import { JSON_NULL } from './cjson-decode.ts'
import { general } from './printf.ts'

export interface EncodeSettings {
  encodeMaxDepth: number
  /** 0: an error; 1: as printf writes them; 2: null. */
  encodeInvalidNumbers: number
  encodeNumberPrecision: number
  /** True when a table that is too sparse for an array becomes an object instead of an error. */
  encodeSparseConvert: boolean
  /**
   * A table is too sparse when its largest index is beyond `safe` and beyond `ratio` times its
   * elements; 0 means never.
   */
  encodeSparseRatio: number
  encodeSparseSafe: number
}

/** lua-cjson's default precision: that of tostring. */
const PRECISION_DEFAULT = 14

/** The settings until a script changes them. */
export const ENCODE_DEFAULTS: EncodeSettings = {
  encodeMaxDepth: 1000,
  encodeInvalidNumbers: 0,
  encodeNumberPrecision: PRECISION_DEFAULT,
  encodeSparseConvert: false,
  encodeSparseRatio: 2,
  encodeSparseSafe: 10,
}

const INT_MAX = 2 ** 31 - 1
const INT_MIN = -(2 ** 31)

/** Generous stack size of a nesting level: 377 bytes were measured in unoptimised code. */
const LEVEL_BYTES = 420

/** Strings up to this length are written in one step. */
const SHORT_LENGTH = 1 << 12
/** Slots of a table visited per step, as a power of two. */
const ELEMENTS_PER_STEP_BITS = 3

/** The encoding under way. Nothing here calls out, so one at a time is enough. */
const encoding = {
  settings: ENCODE_DEFAULTS,
  depth: 0,
}

/** Encodes a value; throws lua-cjson's errors. */
export function encodeJson(value: LuaValue, using: EncodeSettings): string {
  encoding.settings = using
  encoding.depth = 0
  const text = encodeValue(value)
  meter.charge(text.length)
  return text
}

function encodeValue(value: LuaValue): string {
  switch (typeof value) {
    case 'string':
      return encodeString(value)
    case 'number':
      return encodeNumber(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'undefined':
      return 'null'
    case 'object':
      if (value instanceof LuaTable) return encodeTable(value)
      if (value === JSON_NULL) return 'null'
  }
  return refuse(value, 'type not supported')
}

function encodeTable(table: LuaTable): string {
  encoding.depth++
  if (
    encoding.depth > encoding.settings.encodeMaxDepth ||
    meter.depth + encoding.depth * LEVEL_BYTES > meter.depthMax
  ) {
    runtimeError(`Cannot serialise, excessive nesting (${encoding.depth})`)
  }
  meter.spend(1 + (table.array.length >> ELEMENTS_PER_STEP_BITS) + (table.values.length >> ELEMENTS_PER_STEP_BITS))
  const length = arrayLength(table)
  const text = length > 0 ? encodeArray(table, length) : encodeObject(table)
  encoding.depth--
  return text
}

/**
 * Returns the largest index when all keys are positive integers, 0 for no key, less than 0 for an
 * object.
 */
function arrayLength(table: LuaTable): number {
  let items = table.array.length - 1
  let max = items
  if (table.holey) {
    items = 0
    max = 0
    for (let i = 1; i < table.array.length; i++) {
      if (table.array[i] === undefined) continue
      items++
      max = i
    }
  }
  const { values } = table
  const { hashKeys: keys } = table
  for (let i = 1; i < values.length; i++) {
    if (values[i] === undefined) continue
    const key = keys[i]
    if (typeof key !== 'number' || key < 1 || Math.floor(key) !== key) return -1
    items++
    // lua-cjson's maximum is a C int. A timestamp or an id as a key makes it negative, and the
    // table an object.
    if (key > max) max = key > INT_MAX ? INT_MIN : key
  }
  const { encodeSparseRatio: ratio, encodeSparseSafe: safe } = encoding.settings
  if (ratio > 0 && max > items * ratio && max > safe) {
    if (!encoding.settings.encodeSparseConvert) refuse(table, 'excessively sparse array')
    return -1
  }
  return max
}

function encodeArray(table: LuaTable, length: number): string {
  let built: TextBuilder | undefined
  let text = '['
  for (let i = 1; i <= length; i++) {
    if (i > 1) text += ','
    if (--meter.steps < 0) meter.tick()
    text += encodeValue(i < table.array.length ? table.array[i] : table.getNumber(i))
    if (text.length >= ROPE_LENGTH_MAX) {
      built = gather(built, text)
      text = ''
    }
  }
  return finish(built, `${text}]`)
}

function encodeObject(table: LuaTable): string {
  let built: TextBuilder | undefined
  let text = '{'
  let isFirst = true
  for (let i = 1; i < table.array.length; i++) {
    const value = table.array[i]
    if (value === undefined) continue
    if (--meter.steps < 0) meter.tick()
    text += `${isFirst ? '' : ','}"${encodeNumber(i)}":${encodeValue(value)}`
    isFirst = false
    if (text.length >= ROPE_LENGTH_MAX) {
      built = gather(built, text)
      text = ''
    }
  }
  const { values } = table
  const { hashKeys: keys } = table
  for (let i = 1; i < values.length; i++) {
    const value = values[i]
    if (value === undefined) continue
    if (--meter.steps < 0) meter.tick()
    if (!isFirst) text += ','
    isFirst = false
    const key = keys[i]
    if (typeof key === 'string') text += `${encodeString(key)}:`
    else if (typeof key === 'number') text += `"${encodeNumber(key)}":`
    else refuse(key, 'table key must be a number or string')
    text += encodeValue(value)
    if (text.length >= ROPE_LENGTH_MAX) {
      built = gather(built, text)
      text = ''
    }
  }
  return finish(built, `${text}}`)
}

const SPECIAL = /["\\/\x00-\x1f\x7f]/
const SPECIALS = /["\\/\x00-\x1f\x7f]/g

/** Characters that have a short escape. */
const SHORT_ESCAPES = new Map([
  ...['"', '\\', '/'].map((character) => [character, `\\${character}`] as const),
  ...['\bb', '\ff', '\nn', '\rr', '\tt'].map((pair) => [pair.charAt(0), `\\${pair[1]}`] as const),
])
const ESCAPES = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  return SHORT_ESCAPES.get(character) ?? `\\u00${code.toString(16).padStart(2, '0')}`
})

function escapeOf(character: string): string {
  return itemAt(ESCAPES, character.charCodeAt(0))
}

function encodeString(value: string): string {
  if (value.length > SHORT_LENGTH) {
    meter.spendOn(value)
    meter.charge(value.length)
    return `"${convertSlices(value, escaped)}"`
  }
  return SPECIAL.test(value) ? `"${value.replace(SPECIALS, escapeOf)}"` : `"${value}"`
}

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIALS, escapeOf) : text
}

function encodeNumber(value: number): string {
  if (value - value !== 0) {
    switch (encoding.settings.encodeInvalidNumbers) {
      case 0:
        return refuse(value, 'must not be NaN or Inf')
      case 1:
        // NaN has no sign here, whatever tostring shows.
        return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
      default:
        return 'null'
    }
  }
  const precision = encoding.settings.encodeNumberPrecision
  if (precision === PRECISION_DEFAULT) return formatNumber(value)
  return value < 0 || Object.is(value, -0) ? `-${general(-value, precision)}` : general(value, precision)
}

function refuse(value: LuaValue, reason: string): never {
  runtimeError(`Cannot serialise ${typeName(value)}: ${reason}`)
}
