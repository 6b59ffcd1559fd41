// Lua values to MessagePack, as lua-cmsgpack writes it.
//
// Numbers take the smallest form that holds them exactly: integers of up to 64
// bits, then float, then double. A table is an array when its keys are 1..n (the
// empty one too), otherwise a map. What MessagePack cannot say is nil: functions,
// userdata, and tables nested too deep, which ends rings.

import { TextBuilder } from '../long-text.ts'
import { meter } from '../meter.ts'
import { LuaTable } from '../table.ts'
import type { LuaValue } from '../value.ts'

/** Tables inside tables beyond this are nil. */
const NESTING_MAX = 16
const INT_MAX = 0x7fffffff

const scratch = new DataView(new ArrayBuffer(8))

/** Slots of a table looked through in the time of one step, a power of two. */
const ELEMENTS_PER_STEP_BITS = 3

// The writing under way. Nothing here calls out, so one at a time is enough.
const packed = new TextBuilder()

/** Writes values, one after the other. */
export function packValues(values: readonly LuaValue[]): string {
  try {
    for (let i = 0; i < values.length; i++) packValue(values[i], 0)
    return packed.finish()
  } finally {
    // Nothing is kept after an error or a kill.
    packed.clear()
  }
}

/** Writes a value; `level` counts the tables around it. */
function packValue(value: LuaValue, level: number): void {
  switch (typeof value) {
    case 'string':
      packString(value)
      return
    case 'number':
      packed.add(numberBytes(value))
      return
    case 'boolean':
      packed.add(value ? '\xc3' : '\xc2')
      return
    default:
      if (value instanceof LuaTable && level < NESTING_MAX) packTable(value, level)
      else packed.add('\xc0')
  }
}

function packString(value: string): void {
  const { length } = value
  if (length < 32) packed.add(String.fromCharCode(0xa0 | length))
  else if (length < 0x100) packed.add(`\xd9${String.fromCharCode(length)}`)
  else packed.add(length < 0x10000 ? `\xda${bytes16(length)}` : `\xdb${bytes32(length)}`)
  packed.add(value)
}

function numberBytes(value: number): string {
  if (Math.floor(value) !== value || value < -0x8000000000000000 || value >= 0x8000000000000000) {
    return floatBytes(value)
  }
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

function floatBytes(value: number): string {
  if (Math.fround(value) === value) {
    scratch.setFloat32(0, value)
    return `\xca${scratchBytes(4)}`
  }
  scratch.setFloat64(0, value)
  // The processor's own NaN, as 0/0 makes it, has its sign bit set.
  if (Number.isNaN(value)) scratch.setUint8(0, 0xff)
  return `\xcb${scratchBytes(8)}`
}

function packTable(table: LuaTable, level: number): void {
  const { array, values } = table
  meter.spend(1 + (array.length >> ELEMENTS_PER_STEP_BITS) + (values.length >> ELEMENTS_PER_STEP_BITS))
  const length = sequenceLength(table)
  if (length >= 0) {
    if (length < 16) packed.add(String.fromCharCode(0x90 | length))
    else packed.add(length < 0x10000 ? `\xdc${bytes16(length)}` : `\xdd${bytes32(length)}`)
    for (let i = 1; i <= length; i++) {
      if (--meter.steps < 0) meter.tick()
      packValue(i < array.length ? array[i] : table.getNumber(i), level + 1)
    }
    return
  }
  const count = countOf(array) + countOf(values)
  if (count < 16) packed.add(String.fromCharCode(0x80 | count))
  else packed.add(count < 0x10000 ? `\xde${bytes16(count)}` : `\xdf${bytes32(count)}`)
  for (let i = 1; i < array.length; i++) {
    if (array[i] === undefined) continue
    if (--meter.steps < 0) meter.tick()
    packed.add(numberBytes(i))
    packValue(array[i], level + 1)
  }
  const { keys } = table.shape
  for (let i = 1; i < values.length; i++) {
    if (values[i] === undefined) continue
    if (--meter.steps < 0) meter.tick()
    packValue(keys[i], level + 1)
    packValue(values[i], level + 1)
  }
}

/** How many slots from 1 on are not nil. */
function countOf(slots: readonly LuaValue[]): number {
  let count = 0
  for (let i = 1; i < slots.length; i++) if (slots[i] !== undefined) count++
  return count
}

/** Returns n when the keys are 1..n, -1 otherwise. */
function sequenceLength(table: LuaTable): number {
  const { array, values } = table
  const { keys } = table.shape
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
