// MessagePack to Lua values, like lua-cmsgpack: nil, booleans, numbers, strings, arrays and maps.
//
// lua-cmsgpack does not know the types "bin" and "ext", so they are errors here too. Every BullMQ
// script unpacks its arguments. So the common forms (short strings and maps, small numbers) come
// first and build their tables in one step.

import { LuaError, runtimeError } from '../errors.ts'
import { meter } from '../script-meter.ts'
import { LuaTable } from '../table.ts'
import type { LuaValue } from '../value.ts'
import { fieldTable, sequenceTable } from './build-table.ts'

/** Generous stack size of a nesting level: 271 bytes were measured in unoptimised code. */
const LEVEL_BYTES = 320

/** Mask of the number of elements between two charges. */
const SOME_MASK = 255
/**
 * Bytes of an element in the array that gathers them, which grows by half; and of a field in two
 * arrays.
 */
const ELEMENT_BYTES = 12
const FIELD_BYTES = 24
/** Keys compared per step, as a power of two. */
const KEYS_PER_STEP_BITS = 3

/** The reading under way. Nothing here calls out, so one at a time is enough. */
const reading = {
  text: '',
  at: 0,
  depth: 0,
}
const scratch = new DataView(new ArrayBuffer(8))

/** Reads up to `limit` values from `start` and appends them; returns where it stopped. */
export function unpackValues(packed: string, start: number, limit: number, values: LuaValue[]): number {
  reading.text = packed
  reading.at = start
  reading.depth = 0
  try {
    for (let count = 0; reading.at < packed.length && count < limit; count++) {
      if (--meter.steps < 0) meter.tick()
      values.push(unpackValue())
    }
    return reading.at
  } finally {
    // The text is given up here, too, when the script is killed.
    reading.text = ''
  }
}

function unpackValue(): LuaValue {
  if (reading.at >= reading.text.length) missing()
  const byte = reading.text.charCodeAt(reading.at++)
  if (byte < 0x80) return byte
  if (byte >= 0xe0) return byte - 256
  if (byte < 0x90) return unpackMap(byte & 15)
  if (byte < 0xa0) return unpackArray(byte & 15)
  if (byte < 0xc0) return unpackString(byte & 31)
  switch (byte) {
    case 0xc0:
      return undefined
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xca:
      fill(4)
      return scratch.getFloat32(0)
    case 0xcb:
      fill(8)
      return scratch.getFloat64(0)
    case 0xcc:
      return unsigned(1)
    case 0xcd:
      return unsigned(2)
    case 0xce:
      return unsigned(4)
    case 0xcf:
      // The wire format is unsigned, but lua-cmsgpack gives Lua a signed integer: from 2^63 on it
      // is negative.
      fill(8)
      return Number(scratch.getBigInt64(0))
    case 0xd0:
      return (unsigned(1) << 24) >> 24
    case 0xd1:
      return (unsigned(2) << 16) >> 16
    case 0xd2:
      return unsigned(4) | 0
    case 0xd3:
      fill(8)
      return Number(scratch.getBigInt64(0))
    case 0xd9:
      return unpackString(unsigned(1))
    case 0xda:
      return unpackString(unsigned(2))
    case 0xdb:
      return unpackString(unsigned(4))
    case 0xdc:
      return unpackArray(unsigned(2))
    case 0xdd:
      return unpackArray(unsigned(4))
    case 0xde:
      return unpackMap(unsigned(2))
    case 0xdf:
      return unpackMap(unsigned(4))
    default:
      return fail('Bad data format in input.')
  }
}

function unsigned(size: number): number {
  if (reading.at + size > reading.text.length) missing()
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + reading.text.charCodeAt(reading.at++)
  return value
}

function fill(size: number): void {
  if (reading.at + size > reading.text.length) missing()
  for (let i = 0; i < size; i++) scratch.setUint8(i, reading.text.charCodeAt(reading.at++))
}

function unpackString(length: number): string {
  const end = reading.at + length
  if (end > reading.text.length) missing()
  const value = reading.text.substring(reading.at, end)
  reading.at = end
  return value
}

function unpackArray(length: number): LuaTable {
  descend('in function mp_decode_to_lua_array')
  const array: LuaValue[] = [undefined]
  let hasNil = false
  for (let i = 0; i < length; i++) {
    const value = unpackValue()
    if (value === undefined) hasNil = true
    array.push(value)
    if ((i & SOME_MASK) === SOME_MASK) chargeSome(ELEMENT_BYTES)
  }
  reading.depth--
  if (!hasNil) return sequenceTable(array)
  // With nils, the result of `#` depends on the order of assignment.
  const table = new LuaTable()
  for (let i = 1; i <= length; i++) {
    if (--meter.steps < 0) meter.tick()
    if (array[i] !== undefined) table.setNumber(i, array[i])
  }
  return table
}

function unpackMap(length: number): LuaTable {
  descend('too many return values at once; use unpack_one or unpack_limit instead.')
  const keys: string[] = []
  const values: LuaValue[] = [undefined]
  for (let i = 0; i < length; i++) {
    const key = unpackValue()
    const value = unpackValue()
    if (typeof key !== 'string') return unpackMixed(keys, values, key, value, length - i - 1)
    if (value === undefined) {
      // Setting an absent field to nil changes nothing.
      meter.spend(1 + (keys.length >> KEYS_PER_STEP_BITS))
      if (!keys.includes(key)) continue
      return unpackMixed(keys, values, key, value, length - i - 1)
    }
    keys.push(key)
    values.push(value)
    if ((i & SOME_MASK) === SOME_MASK) chargeSome(FIELD_BYTES)
  }
  reading.depth--
  return fieldTable(keys, values)
}

/** Continues with a map that has a key other than a string, or a key that is removed again. */
function unpackMixed(keys: string[], values: LuaValue[], key: LuaValue, value: LuaValue, rest: number): LuaTable {
  const table = new LuaTable()
  for (let i = 0; i < keys.length; i++) table.set(keys[i], values[i + 1])
  assign(table, key, value)
  for (let i = 0; i < rest; i++) {
    if (--meter.steps < 0) meter.tick()
    const nextKey = unpackValue()
    assign(table, nextKey, unpackValue())
  }
  reading.depth--
  return table
}

function assign(table: LuaTable, key: LuaValue, value: LuaValue): void {
  // The error has no line in Lua, because C makes the assignment.
  if (key === undefined) throw LuaError.raise('table index is nil')
  if (Number.isNaN(key)) throw LuaError.raise('table index is NaN')
  table.set(key, value)
}

/** Charges the elements read since the last charge, at `bytes` each. */
function chargeSome(bytes: number): void {
  meter.charge((SOME_MASK + 1) * bytes)
  meter.spend(SOME_MASK + 1)
}

function descend(where: string): void {
  reading.depth++
  meter.spend(1)
  if (meter.depth + reading.depth * LEVEL_BYTES > meter.depthMax) fail(`stack overflow (${where})`)
}

function missing(): never {
  fail('Missing bytes in input.')
}

function fail(problem: string): never {
  runtimeError(problem)
}
