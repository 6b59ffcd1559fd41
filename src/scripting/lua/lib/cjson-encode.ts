// Lua values to JSON, as lua-cjson writes it.
//
// A table whose keys are all positive integers is an array (holes are null, too
// many holes an error), any other an object, the empty one too. Fields come in
// the order in which they were set; lua-cjson's order is that of Lua's hash
// nodes, which nobody can rely on.

import { runtimeError } from '../errors.ts'
import { convertSlices, TextBuilder } from '../long-text.ts'
import { meter } from '../meter.ts'
import { LuaTable } from '../table.ts'
import { formatNumber, type LuaValue, typeName } from '../value.ts'
import { JSON_NULL } from './cjson-decode.ts'
import { general } from './printf.ts'

export interface EncodeSettings {
  encodeMaxDepth: number
  /** 0: an error; 1: as printf writes them; 2: null. */
  encodeInvalidNumbers: number
  encodeNumberPrecision: number
  /** Whether a table that is too sparse for an array becomes an object instead of an error. */
  encodeSparseConvert: boolean
  /** A table is too sparse when its largest index is beyond `safe` and beyond `ratio` times its elements; 0: never. */
  encodeSparseRatio: number
  encodeSparseSafe: number
}

/** What lua-cjson's precision is unless a script sets it: that of tostring. */
export const PRECISION_DEFAULT = 14

const INT_MAX = 2 ** 31 - 1
const INT_MIN = -(2 ** 31)

/** Stack that a level of nesting takes here, generously: 377 bytes were seen in unoptimised code. */
const LEVEL_BYTES = 420

/** Strings up to here are written at once. */
const SHORT_LENGTH = 1 << 12
/** Slots of a table looked through in the time of one step, a power of two. */
const ELEMENTS_PER_STEP_BITS = 3

// The encoding under way. Nothing here calls out, so one at a time is enough.
let settings: EncodeSettings
let depth = 0
const json = new TextBuilder()

/** Writes a value; throws lua-cjson's errors. */
export function encodeJson(value: LuaValue, using: EncodeSettings): string {
  settings = using
  depth = 0
  try {
    writeValue(value)
    return json.finish()
  } finally {
    // Nothing is kept after an error or a kill.
    json.clear()
  }
}

function writeValue(value: LuaValue): void {
  switch (typeof value) {
    case 'string':
      writeString(value)
      return
    case 'number':
      json.add(encodeNumber(value))
      return
    case 'boolean':
      json.add(value ? 'true' : 'false')
      return
    case 'undefined':
      json.add('null')
      return
    case 'object':
      if (value instanceof LuaTable) {
        writeTable(value)
        return
      }
      if (value === JSON_NULL) {
        json.add('null')
        return
      }
  }
  refuse(value, 'type not supported')
}

function writeTable(table: LuaTable): void {
  depth++
  if (depth > settings.encodeMaxDepth || meter.depth + depth * LEVEL_BYTES > meter.depthMax) {
    runtimeError(`Cannot serialise, excessive nesting (${depth})`)
  }
  meter.spend(1 + (table.array.length >> ELEMENTS_PER_STEP_BITS) + (table.values.length >> ELEMENTS_PER_STEP_BITS))
  const length = arrayLength(table)
  if (length > 0) writeArray(table, length)
  else writeObject(table)
  depth--
}

/** Returns the largest index when all keys are positive integers, 0 for no key, less for an object. */
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
  const { keys } = table.shape
  for (let i = 1; i < values.length; i++) {
    if (values[i] === undefined) continue
    const key = keys[i]
    if (typeof key !== 'number' || key < 1 || Math.floor(key) !== key) return -1
    items++
    // lua-cjson's maximum is a C int: a timestamp or an id as the key turns it negative, and the table into an object.
    if (key > max) max = key > INT_MAX ? INT_MIN : key
  }
  const { encodeSparseRatio: ratio, encodeSparseSafe: safe } = settings
  if (ratio > 0 && max > items * ratio && max > safe) {
    if (!settings.encodeSparseConvert) refuse(table, 'excessively sparse array')
    return -1
  }
  return max
}

function writeArray(table: LuaTable, length: number): void {
  json.add('[')
  for (let i = 1; i <= length; i++) {
    if (i > 1) json.add(',')
    if (--meter.steps < 0) meter.tick()
    writeValue(i < table.array.length ? table.array[i] : table.getNumber(i))
  }
  json.add(']')
}

function writeObject(table: LuaTable): void {
  json.add('{')
  let separator = ''
  for (let i = 1; i < table.array.length; i++) {
    const value = table.array[i]
    if (value === undefined) continue
    if (--meter.steps < 0) meter.tick()
    json.add(`${separator}"${encodeNumber(i)}":`)
    separator = ','
    writeValue(value)
  }
  const { values } = table
  const { keys } = table.shape
  for (let i = 1; i < values.length; i++) {
    const value = values[i]
    if (value === undefined) continue
    if (--meter.steps < 0) meter.tick()
    if (separator !== '') json.add(separator)
    separator = ','
    const key = keys[i]
    if (typeof key === 'string') {
      writeString(key)
      json.add(':')
    } else if (typeof key === 'number') json.add(`"${encodeNumber(key)}":`)
    else refuse(key, 'table key must be a number or string')
    writeValue(value)
  }
  json.add('}')
}

const SPECIAL = /["\\/\x00-\x1f\x7f]/
const SPECIALS = /["\\/\x00-\x1f\x7f]/g

const ESCAPES = new Map<string, string>()
for (let code = 0; code < 128; code++) {
  ESCAPES.set(String.fromCharCode(code), `\\u00${code.toString(16).padStart(2, '0')}`)
}
for (const character of '"\\/') ESCAPES.set(character, `\\${character}`)
for (const [character, letter] of ['\bb', '\ff', '\nn', '\rr', '\tt']) ESCAPES.set(character!, `\\${letter}`)

function escapeOf(character: string): string {
  return ESCAPES.get(character)!
}

function writeString(value: string): void {
  if (value.length <= SHORT_LENGTH) {
    json.add(SPECIAL.test(value) ? `"${escaped(value)}"` : `"${value}"`)
    return
  }
  meter.spendOn(value)
  json.add('"')
  json.add(convertSlices(value, escapedIfSpecial))
  json.add('"')
}

function escapedIfSpecial(text: string): string {
  return SPECIAL.test(text) ? escaped(text) : text
}

function escaped(text: string): string {
  return text.replace(SPECIALS, escapeOf)
}

function encodeNumber(value: number): string {
  if (value - value !== 0) {
    switch (settings.encodeInvalidNumbers) {
      case 0:
        return refuse(value, 'must not be NaN or Inf')
      case 1:
        // Here NaN has no sign, whatever tostring shows.
        return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
      default:
        return 'null'
    }
  }
  const precision = settings.encodeNumberPrecision
  if (precision === PRECISION_DEFAULT) return formatNumber(value)
  return value < 0 || Object.is(value, -0) ? `-${general(-value, precision)}` : general(value, precision)
}

function refuse(value: LuaValue, reason: string): never {
  runtimeError(`Cannot serialise ${typeName(value)}: ${reason}`)
}
