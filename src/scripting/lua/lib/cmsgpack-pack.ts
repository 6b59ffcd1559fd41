// Lua values to MessagePack, like lua-cmsgpack.
//
// Numbers take the smallest form that holds them exactly: integers of up to 64 bits, then float,
// then double. A table is an array when its keys are 1..n, also when it is empty, otherwise a map.
// Values without a form in MessagePack become nil: functions, userdata, and tables nested too deep,
// which ends cycles.

import { finish, gather, ROPE_LENGTH_MAX, type TextBuilder } from '../long-text.ts'
import { meter } from '../script-meter.ts'
import { LuaTable } from '../table.ts'
import type { LuaValue } from '../value.ts'

/** Tables nested deeper become nil. */
const NESTING_MAX = 16
const INT_MAX = 0x7fffffff
/** Strings up to this length are charged with the text that they join. */
const LONG_LENGTH = 1 << 10
/** Slots of a table visited per step, as a power of two. */
const ELEMENTS_PER_STEP_BITS = 3

const scratch = new DataView(new ArrayBuffer(8))

/** Packs a value; `level` counts the tables around it. */
export function packValue(value: LuaValue, level: number): string {
  switch (typeof value) {
    case 'string':
      return packString(value)
    case 'number':
      return packNumber(value)
    case 'boolean':
      return value ? '\xc3' : '\xc2'
    default:
      return value instanceof LuaTable && level < NESTING_MAX ? packTable(value, level) : '\xc0'
  }
}

function packString(value: string): string {
  const { length } = value
  if (length > LONG_LENGTH) meter.charge(length)
  if (length < 32) return String.fromCharCode(0xa0 | length) + value
  if (length < 0x100) return `\xd9${String.fromCharCode(length)}${value}`
  return (length < 0x10000 ? `\xda${bytes16(length)}` : `\xdb${bytes32(length)}`) + value
}

function packNumber(value: number): string {
  if (Math.floor(value) !== value || value < -0x8000000000000000 || value >= 0x8000000000000000) return packFloat(value)
  if (value >= 0) {
    if (value < 0x80) return String.fromCharCode(value)
    if (value < 0x100) return String.fromCharCode(0xcc, value)
    if (value < 0x10000) return `\xcd${bytes16(value)}`
    if (value < 0x100000000) return `\xce${bytes32(value)}`
    scratch.setBigUint64(0, BigInt(value))
    return `\xcf${scratchBytes(8)}`
  }
  if (value >= -32) return String.fromCharCode(value & 0xff)
  if (value >= -0x80) return String.fromCharCode(0xd0, value & 0xff)
  if (value >= -0x8000) return `\xd1${bytes16(value & 0xffff)}`
  if (value >= -0x80000000) return `\xd2${bytes32(value)}`
  scratch.setBigInt64(0, BigInt(value))
  return `\xd3${scratchBytes(8)}`
}

function packFloat(value: number): string {
  if (Math.fround(value) === value) {
    scratch.setFloat32(0, value)
    return `\xca${scratchBytes(4)}`
  }
  scratch.setFloat64(0, value)
  // The NaN of 0/0 has its sign bit set on x86.
  if (Number.isNaN(value)) scratch.setUint8(0, 0xff)
  return `\xcb${scratchBytes(8)}`
}

function packTable(table: LuaTable, level: number): string {
  const { array, values } = table
  meter.spend(1 + (array.length >> ELEMENTS_PER_STEP_BITS) + (values.length >> ELEMENTS_PER_STEP_BITS))
  const length = sequenceLength(table)
  let built: TextBuilder | undefined
  let text = ''
  if (length >= 0) {
    if (length < 16) text = String.fromCharCode(0x90 | length)
    else text = length < 0x10000 ? `\xdc${bytes16(length)}` : `\xdd${bytes32(length)}`
    for (let i = 1; i <= length; i++) {
      if (--meter.steps < 0) meter.tick()
      text += packValue(i < array.length ? array[i] : table.getNumber(i), level + 1)
      if (text.length >= ROPE_LENGTH_MAX) {
        built = gather(built, text)
        text = ''
      }
    }
    return finish(built, text)
  }
  let count = 0
  for (let i = 1; i < array.length; i++) {
    if (array[i] === undefined) continue
    count++
    if (--meter.steps < 0) meter.tick()
    text += packNumber(i) + packValue(array[i], level + 1)
    if (text.length >= ROPE_LENGTH_MAX) {
      built = gather(built, text)
      text = ''
    }
  }
  const { hashKeys: keys } = table
  for (let i = 1; i < values.length; i++) {
    if (values[i] === undefined) continue
    count++
    if (--meter.steps < 0) meter.tick()
    text += packValue(keys[i], level + 1) + packValue(values[i], level + 1)
    if (text.length >= ROPE_LENGTH_MAX) {
      built = gather(built, text)
      text = ''
    }
  }
  const body = finish(built, text)
  if (count < 16) return String.fromCharCode(0x80 | count) + body
  return (count < 0x10000 ? `\xde${bytes16(count)}` : `\xdf${bytes32(count)}`) + body
}

/** Returns n when the keys are 1..n, -1 otherwise. */
function sequenceLength(table: LuaTable): number {
  const { array, values } = table
  const { hashKeys: keys } = table
  let count = array.length - 1
  let max = count
  if (table.holey) {
    count = 0
    max = 0
    for (let i = 1; i < array.length; i++) {
      if (array[i] === undefined) continue
      count++
      max = i
    }
  }
  for (let i = 1; i < values.length; i++) {
    if (values[i] === undefined) continue
    const key = keys[i]
    if (typeof key !== 'number' || key <= 0 || key > INT_MAX || Math.floor(key) !== key) return -1
    count++
    if (key > max) max = key
  }
  return max === count ? count : -1
}

function bytes16(value: number): string {
  return String.fromCharCode(value >> 8, value & 0xff)
}

function bytes32(value: number): string {
  return String.fromCharCode((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

function scratchBytes(count: number): string {
  let text = ''
  for (let i = 0; i < count; i++) text += String.fromCharCode(scratch.getUint8(i))
  return text
}
